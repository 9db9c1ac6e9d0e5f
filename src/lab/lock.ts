import { CaravanError } from '../values/error.js';
import { withLockFile, type LockHolder } from '../values/lock-file.js';

const LOCK = '/run/caravan-lab.lock';

/**
 * Does `work` while no other process makes or removes a lab on this machine.
 * @throws CaravanError of kind locked that says who does
 */
export function locked<T>(work: () => Promise<T>): Promise<T> {
  return withLockFile(LOCK, refused, work);
}

function refused({ path, pid, isAtWork }: LockHolder): CaravanError {
  return new CaravanError(
    'locked',
    `the lab of this machine is being worked on by process ${pid ?? 'unknown'}`,
    {
      hint: isAtWork
        ? 'wait for it, or end it, and try again'
        : `try again; where that does not help and no other is at work, remove ${path}`,
    },
  );
}
