import { CaravanError } from '../values/error.js';
import type { ProcessChannel } from './channel.js';
import type { Deadline } from './deadline.js';

/** The error of a transfer that was cancelled or late. */
export function stoppedError(what: string, host: string, deadline: Deadline): CaravanError {
  const hint = 'What has arrived is kept: run it again, and it goes on from there.';
  return deadline.passed === 'timeout'
    ? new CaravanError(
        'timeout',
        `${host}: ${what} passed its deadline of ${deadline.timeoutMs / 1000} s`,
        { host, hint },
      )
    : new CaravanError('cancelled', `${host}: ${what} was cancelled`, { host, hint });
}

/** What opening the shell of a transfer needs of the connection. */
interface ShellParts {
  readonly host: string;
  readonly deadline: Deadline;
  readonly startShell: (signal: AbortSignal) => Promise<ProcessChannel>;
}

/**
 * Opens the shell of a transfer. Where the deadline passes first, the shell is let go.
 * @throws {CaravanError} timeout, cancelled; auth, connect
 */
export async function shellInTime(
  what: string,
  { host, deadline, startShell }: ShellParts,
): Promise<ProcessChannel> {
  const letGo = new AbortController();
  let takeBack: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    takeBack = deadline.onStop(() => {
      letGo.abort();
      reject(stoppedError(what, host, deadline));
    });
  });
  try {
    return await Promise.race([stopped, startShell(letGo.signal)]);
  } finally {
    takeBack?.();
  }
}
