import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaravanError } from '../values/error.js';
import { withLockFile, type LockHolder } from '../values/lock-file.js';

/**
 * Holds the state folder while `work` runs, so that two rotations of one cluster refuse each other.
 *
 * @throws CaravanError locked: another run holds it, with its process.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return withLockFile(join(folder, 'lock'), refused, work);
}

function refused({ path, pid, isAtWork }: LockHolder): CaravanError {
  return new CaravanError(
    'locked',
    `Another rotation of this cluster is running: process ${pid ?? 'unknown'} holds ${path}.`,
    {
      hint: isAtWork
        ? 'Wait until it has ended, or stop it with Ctrl-C; then run the same command again.'
        : `Run the same command again. Where that does not help and no other caravan is at work, remove ${path}.`,
    },
  );
}
