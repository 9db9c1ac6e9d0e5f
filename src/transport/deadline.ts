/** Why an attempt had to stop. */
export type Stopped = 'timeout' | 'cancelled';

/** The longest time that is taken to have passed at once. */
const TICK_MS = 100;

/**
 * The time that connecting may take, and the wish to stop it before. Time in which this process was
 * kept from looking at what has come, by other work or a busy machine, does not count.
 */
export class Deadline {
  /** Which came first. */
  passed: Stopped | undefined;
  #timer: NodeJS.Timeout | undefined;
  #left: number;
  readonly #stoppers = new Set<() => void>();

  constructor(
    readonly timeoutMs: number,
    private readonly signal?: AbortSignal,
  ) {
    this.#left = timeoutMs;
    this.#resume();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted === true) this.#stop('cancelled');
  }

  /** Calls `stop` when it passes, at once where it has. Gives what takes that back. */
  onStop(stop: () => void): () => void {
    if (this.passed === undefined) this.#stoppers.add(stop);
    else stop();
    return () => this.#stoppers.delete(stop);
  }

  /** Stands still while a person is asked. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    try {
      return await work();
    } finally {
      this.#resume();
    }
  }

  /** Resolves after a time, or when the deadline passes: false. */
  pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        takeBack();
        resolve(true);
      }, ms);
      const takeBack = this.onStop(() => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }

  /** Nothing is waited for any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.signal?.removeEventListener('abort', this.#onAbort);
    this.#stoppers.clear();
  }

  #resume(): void {
    const ms = Math.min(this.#left, TICK_MS);
    this.#timer = setTimeout(() => {
      this.#left -= ms;
      if (this.#left > 0) this.#resume();
      else this.#stop('timeout');
    }, ms);
  }

  readonly #onAbort = (): void => {
    this.#stop('cancelled');
  };

  #stop(why: Stopped): void {
    this.passed ??= why;
    for (const stop of this.#stoppers) stop();
    this.#stoppers.clear();
  }
}
