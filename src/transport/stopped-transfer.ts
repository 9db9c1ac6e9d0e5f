import { CaravanError } from '../values/error.js';
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
