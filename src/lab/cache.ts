import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/** Whether a file or folder is there. */
export async function exists(place: string): Promise<boolean> {
  return access(place).then(
    () => true,
    () => false,
  );
}

/** Makes a folder of the cache beside its place and renames it there: whole or absent, never half. */
export async function whole(folder: string, make: (made: string) => Promise<void>): Promise<void> {
  const parent = path.dirname(folder);
  await mkdir(parent, { recursive: true });
  // One lab works at a time on a machine, so what lies there unfinished is from one that was killed.
  for (const name of await readdir(parent)) {
    if (name.startsWith(`${path.basename(folder)}.making`)) {
      await rm(path.join(parent, name), { recursive: true, force: true });
    }
  }
  const made = await mkdtemp(`${folder}.making-`);
  try {
    await make(made);
    await chmod(made, 0o755);
    await rename(made, folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}
