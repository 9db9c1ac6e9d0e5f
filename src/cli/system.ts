import { setTimeout as wait } from 'node:timers/promises';
import { CaravanError } from '../values/error.js';
import type { Clock } from '../values/clock.js';

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  timer(ms, act) {
    const timer = setTimeout(act, ms);
    return () => {
      clearTimeout(timer);
    };
  },
  async sleep(ms, signal) {
    try {
      await wait(ms, undefined, signal && { signal });
    } catch (cause) {
      throw new CaravanError('cancelled', 'Stopped while waiting.', { cause });
    }
  },
};

/**
 * Runs `work` with a signal that the first Ctrl-C (or SIGTERM) aborts; the second ends the process
 * at once.
 */
export async function untilStopped<T>(
  say: (line: string) => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(99);
    say(
      'Stopping: what is under way on hosts is finished, and nothing new begins. Once more stops at once, and leaves it running there.',
    );
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    return await work(stop.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
