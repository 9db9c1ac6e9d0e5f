import type { ErrorKind } from '../values/error.js';
import type { Json, JsonObject } from '../values/json.js';

/** How one task ended on one host. */
export type HostStatus = 'ok' | 'changed' | 'skipped' | 'failed' | 'unreachable';

/** Counts of one host over a run, as in Ansible's recap line. */
export type HostRecap = Readonly<Record<Counted, number>>;

/** What is counted of a host: how tasks ended, failures that a rescue took, and ignored ones. */
export type Counted = HostStatus | 'rescued' | 'ignored';

/** A change as shown: `diff` only where the run asked for diffs and the task may show them. */
export interface ShownChange {
  readonly summary: string;
  readonly diff?: { readonly path: string; readonly before?: string; readonly after: string };
}

/** The facts of an error that may be shown and stored. */
export interface ShownError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint?: string;
  /** `file:line:column` of what is wrong, where it is not the task as a whole. */
  readonly source?: string;
}

/**
 * What happens in a run, in order. Views, journal and reports are subscribers; none reads
 * another's output. `at` is ISO 8601 in UTC with milliseconds.
 */
export type RunEvent =
  | { type: 'run-start'; at: string; playbook: string; check: boolean; hosts: readonly string[] }
  | {
      type: 'play-start';
      at: string;
      play: string;
      /** The hosts of this batch. */
      hosts: readonly string[];
      batch: { index: number; count: number };
    }
  | {
      type: 'task-start';
      at: string;
      play: string;
      task: string;
      /** `file:line:column` in the playbook. */
      source: string;
      hosts: readonly string[];
      handler: boolean;
    }
  | { type: 'progress'; at: string; task: string; host: string; line: string }
  | {
      type: 'host-result';
      at: string;
      play: string;
      task: string;
      source: string;
      host: string;
      /** The loop item's label, in a loop. */
      item?: string;
      status: HostStatus;
      seconds: number;
      changes: readonly ShownChange[];
      reason?: string;
      result?: JsonObject;
      /** The result is for people: they see it without asking. */
      says?: boolean;
      error?: ShownError;
      /** Failed, and `ignore_errors` lets the host go on. */
      ignored?: boolean;
    }
  | { type: 'record'; at: string; host: string; task: string; name: string; data: Json }
  | {
      type: 'run-end';
      at: string;
      outcome: 'ok' | 'failed' | 'unreachable' | 'cancelled';
      seconds: number;
      recap: Readonly<Record<string, HostRecap>>;
    };

/** Receives every event of a run, in order. Must not throw. */
export type EventSink = (event: RunEvent) => void;
