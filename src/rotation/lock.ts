import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CaravanError } from '../values/error.js';

/**
 * Holds the state folder while `work` runs, so that two rotations of one cluster refuse each other.
 * The lock of a run that was killed is taken over: its process is gone.
 *
 * @throws CaravanError locked: another run holds it, with its process and start.
 */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = join(folder, 'lock');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await take(path, 2);
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function take(path: string, tries: number): Promise<void> {
  try {
    // `wx` makes and opens in one step: of two that try at once, one gets it.
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(String(process.pid));
    await file.close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || tries === 0) throw error;
    const holder = Number(await readFile(path, 'utf8').catch(() => ''));
    if (holder > 0 && isAlive(holder)) {
      throw new CaravanError(
        'locked',
        `Another rotation of this cluster is running: process ${holder} holds ${path}.`,
        {
          hint: 'Wait until it has ended, or stop it with Ctrl-C; then run the same command again.',
        },
      );
    }
    await rm(path, { force: true });
    await take(path, tries - 1);
  }
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
