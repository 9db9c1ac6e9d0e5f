import type { z } from 'zod';
import type { Connection } from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import type { ErrorKind } from '../values/error.js';
import type { Json, JsonObject } from '../values/json.js';
import type { FileDigests } from './file-digests.js';
import type { Secret } from '../values/secret.js';

/** One thing that `apply` would change on a host, as data. `--check` and `--diff` print it. */
export interface Change {
  /** What changes, in a few words: `write /etc/kubernetes/pki/ca.crt`. */
  readonly summary: string;
  /** The text before and after, where it may be shown. `before` is absent for a new file. */
  readonly diff?: { readonly path: string; readonly before?: string; readonly after: string };
  /** It takes long, and may take several steps: no other task's work goes with it. */
  readonly isAlone?: true;
}

/** What `check` found. */
export interface Verdict<C extends Change = Change> {
  /** What has to change; empty when the host is as asked. */
  readonly changes: readonly C[];
  /** Why there is nothing to do, or what the changes rest on. */
  readonly reason?: string;
  /** A refusal: what was found makes the task fail before anything changes. */
  readonly failure?: { readonly kind: ErrorKind; readonly message: string; readonly hint?: string };
  /** What `register` stores, besides `changed` and `failed`. */
  readonly result?: JsonObject;
  /** Variables set on the host for the rest of the run. */
  readonly facts?: JsonObject;
  /** What was gathered of the host: `ansible_facts`, below the variables of plays. */
  readonly hostFacts?: JsonObject;
  /** Only doing it would tell whether it changes anything: a dry run skips it. */
  readonly isUnforeseen?: true;
  /** A result that counts as skipped (`creates` names what exists). */
  readonly skipped?: true;
}

/** What `apply` did. */
export interface Applied {
  /** False when `apply` found that nothing was to do after all (default true). */
  readonly changed?: boolean;
  /** What was done turned out to mean failure. Unlike an error it comes with a `result` to look at. */
  readonly failure?: { readonly kind: ErrorKind; readonly message: string; readonly hint?: string };
  readonly result?: JsonObject;
  readonly facts?: JsonObject;
}

/** A host as a task sees it. */
export interface HostView {
  readonly name: string;
  /** The host's variables, merged and resolved, facts set in this run included. */
  readonly vars: Readonly<Record<string, unknown>>;
}

/** All that a module may reach. */
export interface ModuleContext {
  readonly host: HostView;
  /** To the task's host; for `localhost` a local one. */
  readonly connection: Connection;
  /** All hosts that an inventory pattern names, in inventory order. */
  hosts(pattern: string): readonly HostView[];
  /** The run's shared connection to another host. */
  connect(host: string): Promise<Connection>;
  /** Ends what a module does by itself. Steps on the connections end with it unasked. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Whether this is a dry run (`--check`): `apply` is not called. */
  readonly checkMode: boolean;
  /** Whether a Jinja condition holds on the task's host. Absent outside of the engine. */
  holds?(condition: string | boolean): boolean;
  /** The value of a Jinja expression on the task's host; a text where it is undefined. As `holds`. */
  evaluate?(expression: string): unknown;
  /** Folders of the controller where files are looked for, the nearest first. As `holds`. */
  readonly folders?: readonly string[];
  /** Of large files of the controller, once a run (default: once an attempt). */
  readonly digests?: FileDigests;
  /** Renders a template's text with the names of the task's host. As `holds`. */
  render?(text: string, file: string): string | Secret;
  /** A file of variables as values, opened where `ansible-vault` sealed it. As `holds`. */
  readonly readVars?: ((text: string, file: string) => unknown) | undefined;
  /** Lets go of the connection to the task's host, so that the next step opens another. As `holds`. */
  reconnect?(): Promise<void>;
  /** Stores something for journal and report, by name. Never a secret. */
  record(name: string, data: Json): void;
  /** One line for the person who watches, e.g. on what a long wait is waiting for. */
  progress(line: string): void;
}

/**
 * What one task can do to one host. `observe` reads, `check` decides without effects, `apply`
 * does what `check` listed. Check mode, diff, plan and idempotence are all `check`.
 */
export interface TaskModule<Input = unknown, Seen = unknown, C extends Change = Change> {
  /** The key in a task. */
  readonly name: string;
  /** One sentence for `caravan modules`. */
  readonly doc: string;
  readonly input: z.ZodType<Input>;
  /** The input key that a bare string is stored under (`command: uptime`). */
  readonly freeForm?: string;
  /** Keys that may stand in the bare string as `key=value` (`command: chdir=/tmp ls`). */
  readonly freeFormKeys?: readonly string[];
  /** Other names of input keys, as in Ansible. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Keys whose value is no template, but an expression or a name that the module asks for itself. */
  readonly rawInput?: readonly string[];
  /** Keys that hold paths of the host, in which `~` and variables are those of the host. */
  readonly hostPaths?: readonly string[];
  /** Runs on one host for all, whatever the task says (`pause`). */
  readonly runsOnce?: true;
  /**
   * What `observe` has looked at and `apply` may change: paths, as written and with links in
   * them resolved; `nothing` of a host's; or `anything`. Where it is given, the module's steps may share a round trip with
   * those of its neighbours, and `apply` asks for all its steps at once, chained, where no change
   * is {@link Change.isAlone | alone}.
   */
  readonly touches?: 'nothing' | 'anything' | ((seen: Seen, input: Input) => readonly string[]);
  /** Its result says more of the host: `ansible_facts`. */
  readonly gathers?: true;
  /** Its result is for people: they see it without asking (`debug`). */
  readonly says?: true;
  /** Reads what `check` needs. Changes nothing. */
  observe(input: Input, context: ModuleContext): Promise<Seen>;
  /** Pure. */
  check(seen: Seen, input: Input): Verdict<C>;
  apply(changes: readonly C[], input: Input, context: ModuleContext): Promise<Applied>;
}

/** A module whose types are hidden, as the engine holds it: every `TaskModule<...>` fits. */
export interface AnyModule extends Pick<
  TaskModule,
  | 'name'
  | 'doc'
  | 'freeForm'
  | 'freeFormKeys'
  | 'aliases'
  | 'runsOnce'
  | 'rawInput'
  | 'hostPaths'
  | 'gathers'
  | 'says'
> {
  readonly input: z.ZodType;
  readonly touches?: 'nothing' | 'anything' | ((seen: never, input: never) => readonly string[]);
  observe(input: never, context: ModuleContext): Promise<unknown>;
  check(seen: never, input: never): Verdict;
  apply(changes: never, input: never, context: ModuleContext): Promise<Applied>;
}
