import pLimit, { type LimitFunction } from 'p-limit';

/**
 * The hosts in work at the same time, in the order they come. As many again, which come next, may
 * get ready meanwhile: a login is mostly waiting.
 */
export class Forks {
  readonly #work: LimitFunction;
  readonly #near: LimitFunction;

  /** @param count hosts in work at the same time */
  constructor(readonly count: number) {
    this.#work = pLimit(count);
    this.#near = pLimit(2 * count);
  }

  /** Does a host's work when it is its turn; `getReady` before, where it has to wait for that. */
  run<T>(getReady: () => void, work: () => Promise<T>): Promise<T> {
    return this.#near(async () => {
      const isWaiting = this.#work.activeCount >= this.count;
      const done = this.#work(work);
      if (isWaiting) {
        await new Promise(setImmediate); // those in work begin first
        getReady();
      }
      return done;
    });
  }
}
