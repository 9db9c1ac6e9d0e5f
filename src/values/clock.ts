/** Time as the code sees it; passed in, so that tests can hold it. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` milliseconds, or rejects at once when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back after `ms` milliseconds, unless what it returns is called before. */
  timer(ms: number, act: () => void): () => void;
}
