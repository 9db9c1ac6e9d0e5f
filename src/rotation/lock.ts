import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaravanError } from '../values/error.js';

/**
 * Holds the state folder while `work` runs, so that two rotations of one cluster refuse each other.
 * The lock of a run that was killed is taken over: its process is gone.
 *
 * @throws CaravanError locked: another run holds it, with its process.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, 'lock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    // It says whose it is before it is the lock.
    await writeFile(own, String(process.pid), { mode: 0o600 });
    if (!(await isFirst(own, path))) await takeOver(own, path);
  } finally {
    await rm(own, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Whether a file got a name that nobody had: of many that try at once, one does. */
async function isFirst(file: string, name: string): Promise<boolean> {
  try {
    await link(file, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Puts a lock in the place of one whose process is gone. One at a time looks and replaces. */
async function takeOver(own: string, path: string): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await isFirst(own, guard))) throw await held(guard);
  try {
    const holder = await holderOf(path);
    const isDead = holder !== undefined && !isAlive(holder);
    if (isDead) await rename(own, path);
    else if (!(await isFirst(own, path))) throw await held(path);
  } finally {
    await rm(guard, { force: true });
  }
}

async function held(path: string): Promise<CaravanError> {
  const holder = await holderOf(path);
  const isAtWork = holder !== undefined && isAlive(holder);
  return new CaravanError(
    'locked',
    `Another rotation of this cluster is running: process ${holder ?? 'unknown'} holds ${path}.`,
    {
      hint: isAtWork
        ? 'Wait until it has ended, or stop it with Ctrl-C; then run the same command again.'
        : `Run the same command again. Where that does not help and no other caravan is at work, remove ${path}.`,
    },
  );
}

async function holderOf(path: string): Promise<number | undefined> {
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  return holder > 0 ? holder : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not ours to signal is alive all the same.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
