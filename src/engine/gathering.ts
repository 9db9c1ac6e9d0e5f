import type { StepBatch } from '../transport/port.js';

/**
 * Several pieces of work on one host whose steps go out together: each step waits until every
 * piece has one, or has ended. Steps leave in the order of their pieces.
 */
export class Gathering {
  readonly #active: Set<number>;
  readonly #waiting = new Map<number, ((batch: StepBatch) => void)[]>();

  constructor(count: number) {
    this.#active = new Set(Array.from({ length: count }, (_, index) => index));
  }

  /** Resolves when the step of a piece may go, with the batch that it goes in. */
  turn(index: number): Promise<StepBatch> {
    return new Promise((resolve) => {
      this.#waiting.set(index, [...(this.#waiting.get(index) ?? []), resolve]);
      this.#look();
    });
  }

  /** A piece of work has ended. */
  leave(index: number): void {
    this.#active.delete(index);
    this.#look();
  }

  #look(): void {
    // A piece may ask for several steps at once, so they are counted in the next turn of the loop.
    setImmediate(() => {
      if (this.#waiting.size === 0 || this.#waiting.size < this.#active.size) return;
      const batch = { name: 'tasks' };
      const ready = [...this.#waiting].sort(([a], [b]) => a - b).flatMap(([, steps]) => steps);
      this.#waiting.clear();
      for (const resolve of ready) resolve(batch);
    });
  }
}
