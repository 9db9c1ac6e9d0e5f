import * as z from 'zod';
import { sh } from '../values/shell.js';
import { commandError } from './host-change.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  state: z.enum(['file', 'directory']).default('file'),
  /** Folder to make it in (default: the host's own for temporary files). */
  path: z.string().optional(),
  prefix: z.string().default('ansible.'),
  suffix: z.string().default(''),
});

/** A file or folder with a name of its own. */
export const tempfile: TaskModule<z.infer<typeof input>> = {
  name: 'tempfile',
  doc: 'Makes a temporary file or folder, which stays.',
  input,
  hostPaths: ['path'],
  observe: () => Promise.resolve(undefined),
  check: (_seen, { state }) => ({ changes: [{ summary: `make a temporary ${state}` }] }),
  apply: async (_changes, { state, path, prefix, suffix }, context) => {
    const { connection, host } = context;
    const folder = path === undefined ? sh`"\${TMPDIR:-/tmp}"` : sh`${path}`;
    // The suffix is added by a rename within the folder: busybox's mktemp knows no --suffix.
    const made = await connection.run(
      sh`d=${folder}; t=$(mktemp ${state === 'directory' ? ['-d'] : []} "$d"/${prefix}XXXXXXXX) || exit
[ -z ${suffix} ] || mv -- "$t" "$t"${suffix} || exit
printf '%s' "$t"${suffix}`,
    );
    if (made.code !== 0) throw commandError(`make a temporary ${state}`, made, host.name);
    return { result: { path: made.stdout } };
  },
};
