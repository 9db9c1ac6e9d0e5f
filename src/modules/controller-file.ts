import { readFileSync, type BigIntStats } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { expandHome } from '../values/home-path.js';
import { FileCache, look } from '../values/file-cache.js';
import { FileDigests, LARGE_BYTES, type LargeFile } from './file-digests.js';
import type { ModuleContext } from './module.js';

const CONTENTS = new FileCache((path) => readFileSync(path));

/** A file of the controller, as found. */
export interface ControllerFile {
  readonly path: string;
  readonly content: Buffer;
}

/** Where a file is looked for. */
type Kind = 'files' | 'templates' | 'vars';

/** A file with its bytes. @throws as {@link inPlaces} */
export function readControllerFile(
  name: string,
  kind: Kind,
  context: ModuleContext,
): ControllerFile {
  return inPlaces(name, kind, context, (path, found) => ({
    path,
    content: CONTENTS.of(path, found),
  }));
}

/** The permission bits of a file. @throws as {@link inPlaces} */
export function controllerMode(name: string, kind: Kind, context: ModuleContext): number {
  return inPlaces(name, kind, context, (_path, found) => Number(found.mode) & 0o7777);
}

/** A folder of the controller. */
export interface ControllerFolder {
  readonly folder: string;
}

/**
 * The bytes of a file, of a large one only what is known of it, or that it is a folder.
 * @throws as {@link inPlaces}
 */
export async function controllerContent(
  name: string,
  kind: Kind,
  context: ModuleContext,
): Promise<Buffer | LargeFile | ControllerFolder> {
  const { digests = new FileDigests() } = context;
  const content = await inPlaces(name, kind, context, (path, found) => {
    if (found.isDirectory()) return { folder: path };
    const isLarge = found.isFile() && found.size > LARGE_BYTES;
    return isLarge ? digests.of(path, found) : CONTENTS.of(path, found);
  });
  return content;
}

/**
 * Finds a file on the controller as Ansible does: in `files/` or `templates/` of the role, of the
 * folder of the tasks and of the playbook, or right in them.
 * @throws CaravanError input with the places where it was looked for.
 */
function inPlaces<T>(
  given: string,
  kind: Kind,
  context: ModuleContext,
  read: (path: string, found: BigIntStats) => T,
): T {
  const { folders = [process.cwd()] } = context;
  const name = expandHome(given);
  const places = isAbsolute(name)
    ? [name]
    : folders.flatMap((folder) => [join(folder, kind, name), resolve(folder, name)]);
  for (const path of places) {
    try {
      const found = look(path);
      if (found !== undefined) return read(path, found);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new CaravanError(
        'input',
        `read ${path} on the controller: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }
  throw new CaravanError('input', `read ${name} on the controller: there is no such file`, {
    hint: `looked for ${places.join(', ')}`,
  });
}
