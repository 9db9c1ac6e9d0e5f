import { existsSync } from 'node:fs';
import { readFile, readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import { PREFIX } from './layout.js';

const ROOT = '/sys/fs/cgroup';

/** Whether this machine has cgroup v2 alone; otherwise it has v1, or both (hybrid). */
export function isUnifiedCgroup(): boolean {
  return existsSync(path.join(ROOT, 'cgroup.controllers'));
}

/**
 * Folders of the lab's cgroups, as nspawn/start.sh makes them: `cvn/` in every hierarchy, or a
 * scope of systemd for each host.
 */
export async function labCgroups(): Promise<string[]> {
  const found: string[] = [];
  const consider = [ROOT, path.join(ROOT, 'system.slice')];
  if (!isUnifiedCgroup()) {
    for (const name of await list(ROOT)) consider.push(path.join(ROOT, name));
  }
  for (const parent of consider) {
    for (const name of await list(parent)) {
      const scope = name.startsWith(PREFIX) && name.endsWith('.scope');
      if (name === 'cvn' || scope) found.push(path.join(parent, name));
    }
  }
  return found;
}

/** The folder and all below it, the deepest first. */
async function below(folder: string): Promise<string[]> {
  const inner = await Promise.all(
    (await list(folder)).map((name) => below(path.join(folder, name))),
  );
  return [...inner.flat(), folder];
}

async function list(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function processes(folders: readonly string[]): Promise<Set<number>> {
  const pids = new Set<number>();
  for (const folder of folders) {
    const text = await readFile(path.join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    for (const word of text.split('\n')) {
      // 0 is a process of another PID namespace, which kill(0) would take for our own group.
      if (Number(word) > 1) pids.add(Number(word));
    }
  }
  return pids;
}

/** Processes of the lab, or of one of its hosts: those in its cgroups, which only it makes. */
export async function labProcesses(host?: string): Promise<number[]> {
  const tops = (await labCgroups()).map((folder) =>
    host === undefined || folder.endsWith('.scope') ? folder : path.join(folder, host),
  );
  const mine = tops.filter(
    (folder) =>
      host === undefined || !folder.endsWith('.scope') || folder.endsWith(`-${host}.scope`),
  );
  return [...(await processes((await Promise.all(mine.map(below))).flat()))];
}

/**
 * Ends every process of the lab (or of one host) and removes its cgroups.
 * @throws CaravanError of kind verify where some live on after 20 seconds of SIGKILL
 */
export async function endProcesses(host?: string): Promise<void> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const pids = await labProcesses(host);
    if (pids.length === 0) break;
    if (Date.now() > deadline) {
      throw new CaravanError(
        'verify',
        `ended the lab's processes; found ${pids.length} alive: ${pids.join(' ')}`,
      );
    }
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await removeCgroups(host);
}

/** Removes the lab's empty cgroups; a scope goes with its last process. */
async function removeCgroups(host?: string): Promise<void> {
  const tops = (await labCgroups()).filter((folder) => !folder.endsWith('.scope'));
  for (const top of tops.map((folder) => (host === undefined ? folder : path.join(folder, host)))) {
    for (const folder of await below(top)) {
      // The kernel needs a moment after the last process; a folder that is not there is fine.
      for (let tries = 0; tries < 50; tries += 1) {
        const left = await rmdir(folder).then(
          () => false,
          (thrown: unknown) => (thrown as NodeJS.ErrnoException).code === 'EBUSY',
        );
        if (!left) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }
}
