import type { FileDigests } from '../modules/file-digests.js';
import type { AnyModule } from '../modules/module.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import type { ConnectionPool } from './connections.js';
import type { Counted, EventSink, HostRecap, RunEvent } from './events.js';
import type { Forks } from './forks.js';
import type { TaskFailure } from './options.js';
import type { Receipts } from './receipts.js';
import type { Scrubber } from './shown.js';
import type { TaskGate } from './task-gate.js';
import type { Variables } from './variables.js';

/** An event without its time, which the run adds. */
export type UntimedEvent = RunEvent extends infer E
  ? E extends RunEvent
    ? Omit<E, 'at'>
    : never
  : never;

const NOTHING: HostRecap = {
  ...{ ok: 0, changed: 0, skipped: 0, failed: 0, unreachable: 0, rescued: 0, ignored: 0 },
};

/** What the parts of one run share, and what has come of each host so far. */
export class RunState {
  readonly #recap = new Map<string, Record<Counted, number>>();
  readonly #lost = new Map<string, 'failed' | 'unreachable'>();
  readonly #failures: TaskFailure[] = [];
  readonly #onCancel = new Set<() => void>();

  constructor(
    readonly parts: {
      readonly variables: Variables;
      readonly modules: ReadonlyMap<string, AnyModule>;
      readonly pool: ConnectionPool;
      readonly forks: Forks;
      readonly clock: Clock;
      readonly signal: AbortSignal;
      readonly scrubber: Scrubber;
      readonly check: boolean;
      readonly diff: boolean;
      readonly taskTimeoutSeconds: number;
      readonly tags: readonly string[];
      readonly skipTags: readonly string[];
      readonly random: () => number;
      readonly gate: TaskGate;
      readonly receipts: Receipts;
      readonly digests: FileDigests;
      readonly parseVars: ((text: string, file: string) => unknown) | undefined;
      readonly sink: EventSink;
    },
  ) {
    // One listener for all: a signal walks through its listeners when one is added.
    parts.signal.addEventListener(
      'abort',
      () => {
        for (const act of this.#onCancel) act();
      },
      { once: true },
    );
  }

  /** Calls back when the run is cancelled, at once where it is; until what it returns is called. */
  onCancel(act: () => void): () => void {
    if (this.parts.signal.aborted) act();
    this.#onCancel.add(act);
    return () => {
      this.#onCancel.delete(act);
    };
  }

  emit(event: UntimedEvent): void {
    this.parts.sink({ ...event, at: this.parts.clock.now().toISOString() });
  }

  /** Counts a host's task; a changed one counts as ok too, as in Ansible's recap. */
  count(host: string, status: Counted): void {
    const recap = this.#recap.get(host) ?? { ...NOTHING };
    recap[status] += 1;
    if (status === 'changed') recap.ok += 1;
    this.#recap.set(host, recap);
  }

  /** A host takes no part in the rest of the run. */
  lose(host: string, how: 'failed' | 'unreachable'): void {
    if (this.#lost.get(host) !== 'unreachable') this.#lost.set(host, how);
  }

  isLive(host: string): boolean {
    return !this.#lost.has(host);
  }

  /** Whether a host is lost, but answers. */
  hasFailed(host: string): boolean {
    return this.#lost.get(host) === 'failed';
  }

  fail(failure: TaskFailure): void {
    this.#failures.push(failure);
  }

  /** Takes back a host that failed (`meta: clear_host_errors`). */
  recover(host: string): void {
    this.#lost.delete(host);
  }

  /** Hosts that take no part any more. */
  lost(): string[] {
    return [...this.#lost.keys()];
  }

  get failures(): readonly TaskFailure[] {
    return this.#failures;
  }

  recap(): Record<string, HostRecap> {
    return Object.fromEntries(this.#recap);
  }

  outcome(): 'ok' | 'failed' | 'unreachable' | 'cancelled' {
    if (this.parts.signal.aborted) return 'cancelled';
    const lost = [...this.#lost.values()];
    if (lost.includes('unreachable')) return 'unreachable';
    return lost.includes('failed') ? 'failed' : 'ok';
  }

  /** @throws CaravanError cancelled once the run is cancelled. */
  checkCancelled(): void {
    if (this.parts.signal.aborted) throw new CaravanError('cancelled', 'the run was cancelled');
  }
}
