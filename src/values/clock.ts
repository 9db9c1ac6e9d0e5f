/** Time as the code sees it; passed in, so that tests can hold it. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds, or rejects at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back after `ms` milliseconds, unless what it returns is called before. */
  timer(ms: number, act: () => void): () => void;
}

/**
 * Milliseconds of a clock that nobody sets, since this process began. `performance.now()` is the
 * same, but loads a part of Node that nothing else needs: a twentieth of the time to start.
 */
export function monotonicMs(): number {
  return process.uptime() * 1000;
}
