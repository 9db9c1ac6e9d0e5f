import type { AttemptResult } from './attempt-result.js';

/** What came of an attempt; it outlives the attempt where its turn comes when all hosts are there. */
export interface Made {
  readonly id: string;
  readonly item: number | undefined;
  readonly outcome: AttemptResult | Error;
}

/** What was done for the tasks of a list before their turn. */
export class MadeAhead {
  /** By task and host: of a loop there may be several. */
  readonly #made = new Map<number, Map<string, Made[]>>();

  /** @param index of the task in its list */
  hold(index: number, host: string, one: Made): void {
    const ofTask = this.#made.get(index) ?? new Map<string, Made[]>();
    this.#made.set(index, ofTask);
    const made = ofTask.get(host);
    if (made === undefined) ofTask.set(host, [one]);
    else made.push(one);
  }

  /** Gives what was done for a task, or an item of its loop, and holds it no longer. */
  take(index: number, host: string, item: number | undefined): Made | undefined {
    const ofTask = this.#made.get(index);
    const made = ofTask?.get(host) ?? [];
    const at = made.findIndex((one) => one.item === item);
    if (at < 0) return undefined;
    const [taken] = made.splice(at, 1);
    if (made.length === 0) ofTask?.delete(host);
    return taken;
  }

  /** Whether something was done for one task on a host. */
  holds(index: number, host: string): boolean {
    return this.#made.get(index)?.has(host) === true;
  }

  /** The same, for any. */
  get holdsSome(): boolean {
    return [...this.#made.values()].some(({ size }) => size > 0);
  }
}
