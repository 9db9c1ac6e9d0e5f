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

const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that the first Ctrl-C (or SIGTERM) aborts; the second ends the process
 * at once. The end of the terminal (SIGHUP) aborts it too; it comes twice where a shell passes it on,
 * so it is never the second.
 */
export async function untilStopped<T>(
  say: (line: string) => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) {
      if (signal === 'SIGHUP') return;
      process.exit(99);
    }
    say(
      'Stopping: what is under way on hosts is finished, and nothing new begins. Once more stops at once, and leaves it running there.',
    );
    stop.abort();
  };
  for (const name of STOPPING) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of STOPPING) process.off(name, onSignal);
  }
}
