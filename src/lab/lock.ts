import { readFile, rm, writeFile } from 'node:fs/promises';
import { CaravanError } from '../values/error.js';

const LOCK = '/run/caravan-lab.lock';

/**
 * Does `work` while no other process makes or removes a lab on this machine.
 * @throws CaravanError of kind locked that says who does
 */
export async function locked<T>(work: () => Promise<T>): Promise<T> {
  await take();
  try {
    return await work();
  } finally {
    await rm(LOCK, { force: true });
  }
}

async function take(): Promise<void> {
  const me = `${process.pid} ${(await startTime(process.pid)) ?? ''}`;
  for (;;) {
    try {
      await writeFile(LOCK, me, { flag: 'wx' });
      return;
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    }
    const [pid, started] = (await readFile(LOCK, 'utf8').catch(() => '')).split(' ');
    if (pid !== undefined && started !== undefined && (await startTime(pid)) === started) {
      throw new CaravanError(
        'locked',
        `the lab of this machine is being worked on by process ${pid}`,
        {
          hint: 'wait for it, or end it, and try again',
        },
      );
    }
    // Whoever held it was killed.
    await rm(LOCK, { force: true });
  }
}

/** When a process started, in the kernel's ticks: with the pid, it names one process for ever. */
async function startTime(pid: number | string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Field 22; the name of the program, field 2, may hold spaces and brackets.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
