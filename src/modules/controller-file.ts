import { isAbsolute, join, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import type { ModuleContext } from './module.js';
import { readUnchanged } from './recent-files.js';

/** A file of the controller, as found. */
export interface ControllerFile {
  readonly path: string;
  readonly content: Buffer;
}

/**
 * Finds a file on the controller as Ansible does: in `files/` or `templates/` of the role, of the
 * folder of the tasks and of the playbook, or right in them.
 * @throws CaravanError input with the places where it was looked for.
 */
export function readControllerFile(
  name: string,
  kind: 'files' | 'templates' | 'vars',
  context: ModuleContext,
): ControllerFile {
  const { folders = [process.cwd()] } = context;
  const places = isAbsolute(name)
    ? [name]
    : folders.flatMap((folder) => [join(folder, kind, name), resolve(folder, name)]);
  for (const path of places) {
    try {
      return { path, content: readUnchanged(path) };
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
