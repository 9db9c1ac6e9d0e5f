import { z } from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat } from '../facts/file-stat.js';
import { octal } from './file-input.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  path: z.string(),
  follow: z.boolean().default(false),
  get_checksum: z.boolean().default(true),
});

type Input = z.infer<typeof input>;

/** Looks at a path. */
export const stat: TaskModule<Input, FileStat> = {
  name: 'stat',
  doc: 'Reads type, mode, owner, size and SHA-256 of what stands at a path.',
  input,
  observe: ({ path, follow, get_checksum: sha256 }, { connection, signal }) =>
    readFact(connection, fileStat(path, { follow, sha256 }), { signal }),
  check: ({ type, mode, user, group, size, sha256, path }) => ({
    changes: [],
    result: {
      stat:
        type === 'absent'
          ? { exists: false, path }
          : {
              ...{ exists: true, path, mode: octal(mode), pw_name: user, gr_name: group, size },
              ...{ isreg: type === 'file', isdir: type === 'directory', islnk: type === 'link' },
              ...(sha256 === undefined ? {} : { checksum: sha256 }),
            },
    },
  }),
  apply: () => Promise.resolve({}),
};
