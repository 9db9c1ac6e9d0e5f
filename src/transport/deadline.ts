import { monotonicMs } from '../values/clock.js';

/** Why an attempt had to stop. */
export type Stopped = 'timeout' | 'cancelled';

/** The time that connecting may take, and the wish to stop it before. */
export class Deadline {
  /** Which came first. */
  passed: Stopped | undefined;
  #timer: NodeJS.Timeout | undefined;
  #left: number;
  #since = 0;
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
    this.#left -= monotonicMs() - this.#since;
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
    this.#since = monotonicMs();
    this.#timer = setTimeout(() => {
      this.#stop('timeout');
    }, this.#left);
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
