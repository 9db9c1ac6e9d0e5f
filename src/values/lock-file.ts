import { randomBytes } from 'node:crypto';
import { link, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** Who keeps others out. */
export interface LockHolder {
  /** The file that has to go where the process is gone and cannot be told from others. */
  readonly path: string;
  /** Undefined where the file does not say, or names one of another machine or container. */
  readonly pid: number | undefined;
  readonly isAtWork: boolean;
}

/**
 * Does `work` while no other process holds the lock file. That of a process that was killed is
 * taken over, by one at a time. The folder has to be there.
 *
 * @param refused the error for who is kept out
 */
export async function withLockFile<T>(
  path: string,
  refused: (holder: LockHolder) => Error,
  work: () => Promise<T>,
): Promise<T> {
  const own = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    // It says whose it is before it is the lock.
    const me = `${process.pid} ${(await startTime(process.pid)) ?? ''} ${await numbering()}`;
    await writeFile(own, me, { mode: 0o600 });
    if (!(await isFirst(own, path))) await takeOver(own, path, refused);
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
async function takeOver(
  own: string,
  path: string,
  refused: (holder: LockHolder) => Error,
): Promise<void> {
  const guard = `${path}.takeover`;
  if (!(await isFirst(own, guard))) throw refused(await holderOf(guard));
  try {
    const holder = await holderOf(path);
    const isDead = holder.pid !== undefined && !holder.isAtWork;
    if (isDead) await rename(own, path);
    else if (!(await isFirst(own, path))) throw refused(await holderOf(path));
  } finally {
    await rm(guard, { force: true });
  }
}

async function holderOf(path: string): Promise<LockHolder> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [first = '', started = '', where = ''] = text.split(' ');
  // What runs elsewhere, with the folder shared, is not seen from here: it may be at work.
  const isHere = where === '' || where === (await numbering());
  const pid = isHere && Number(first) > 0 ? Number(first) : undefined;
  return { path, pid, isAtWork: pid !== undefined && (await isAlive(pid, started)) };
}

/** Whether a process runs; where its start is known, the same one and not another with its number. */
async function isAlive(pid: number, started: string): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Not ours to signal is alive all the same.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return started === '' || (await startTime(pid)) === started;
}

/** Where process numbers mean what they mean here: the machine, and on Linux the PID namespace. */
async function numbering(): Promise<string> {
  return `${hostname()}/${await readlink('/proc/self/ns/pid').catch(() => '')}`;
}

/** When a process started, in the kernel's ticks; undefined where there is no `/proc`. */
async function startTime(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Field 22; the name of the program, field 2, may hold spaces and brackets.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
