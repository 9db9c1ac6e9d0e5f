import type { ConnectionOverrides } from '../inventory/connection.js';
import type { Inventory } from '../inventory/inventory.js';
import type { AnyModule } from '../modules/module.js';
import type { Transport } from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import type { EventSink, HostRecap, ShownError } from './events.js';
import type { RunRecord } from './receipts.js';

/** How to run a playbook, and with what. */
export interface RunOptions {
  /** The playbook's file. */
  readonly file: string;
  readonly inventory: Inventory;
  /** All modules that tasks may name. */
  readonly modules: readonly AnyModule[];
  readonly transport: Transport;
  /** What the command line says of how hosts are reached. */
  readonly connectionOverrides?: ConnectionOverrides;
  /** Hosts in work at the same time (default 5). */
  readonly forks?: number;
  /** A dry run: `apply` of no module is called. */
  readonly check?: boolean;
  /** Whether changes are shown with their text. */
  readonly diff?: boolean;
  /** Above all other variables. */
  readonly extraVars?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
  readonly skipTags?: readonly string[];
  /** A pattern that all plays' hosts must match. `localhost` as a play's only host is exempt. */
  readonly limit?: string;
  /** Cancels the run. */
  readonly signal?: AbortSignal;
  readonly clock: Clock;
  readonly emit: EventSink;
  /** Deadline of one task on one host (default 300). */
  readonly taskTimeoutSeconds?: number;
  /** Numbers from 0 up to 1, for `order: shuffle` (default `Math.random`). */
  readonly random?: () => number;
  /** Folder that shown paths are relative to. */
  readonly workingFolder?: string;
  /** Name of the first task to run, or a glob; all before it are left out. */
  readonly startAtTask?: string;
  /** Asked before each task (`--step`): run it, leave it out, or ask no more. */
  readonly step?: (task: string) => Promise<'yes' | 'no' | 'continue'>;
  /**
   * Opens what makes the run one that can be resumed (default: it cannot). Called once all that can
   * be wrong with the options was looked at: a slip must not cost the record of an earlier run.
   */
  readonly openRecord?: () => RunRecord | undefined;
  /** A file's text as variables, opened where `ansible-vault` sealed it. */
  readonly parseVars?: (text: string, file: string) => unknown;
  /** Reads a playbook (default: of this machine). */
  readonly readText?: (file: string) => Promise<string>;
}

/** One task that failed on one host, not ignored and not rescued. */
export interface TaskFailure {
  readonly host: string;
  readonly play: string;
  readonly task: string;
  readonly source: string;
  readonly error: ShownError;
}

/** What came of a run. */
export interface RunOutcome {
  readonly outcome: 'ok' | 'failed' | 'unreachable' | 'cancelled';
  readonly recap: Readonly<Record<string, HostRecap>>;
  readonly seconds: number;
  readonly failures: readonly TaskFailure[];
  /** Hosts that are out of the run: failed or unreachable. */
  readonly lost: readonly string[];
  /** Variables set on hosts in the run (facts and registered results), by host. */
  readonly facts: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}
