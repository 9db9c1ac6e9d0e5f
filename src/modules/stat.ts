import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStat } from '../facts/file-stat.js';
import type { Json, JsonObject } from '../values/json.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  path: z.string(),
  follow: z.boolean().default(false),
  get_checksum: z.boolean().default(true),
  checksum_algorithm: z
    .enum(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'])
    .default('sha1'),
  // What a POSIX shell cannot tell; taken, so that tasks that turn them off run here too.
  get_mime: z.boolean().optional(),
  get_attributes: z.boolean().optional(),
});

type Input = z.infer<typeof input>;

/** By Ansible's names. One literal: a fleet looks at many files, and spreading costs ten times more. */
function shown(seen: FileStat, path: string): JsonObject {
  const { type, mode, kind = '' } = seen;
  if (type === 'absent') return { exists: false };
  const has = (bit: number): boolean => (mode & bit) !== 0;
  const said: Record<string, Json> = {
    exists: true,
    path,
    mode: mode.toString(8).padStart(4, '0'),
    pw_name: seen.user,
    gr_name: seen.group,
    size: seen.size,
    uid: seen.uid,
    gid: seen.gid,
    isreg: type === 'file',
    isdir: type === 'directory',
    islnk: type === 'link',
    ischr: kind.startsWith('character'),
    isblk: kind.startsWith('block'),
    isfifo: kind === 'fifo',
    issock: kind === 'socket',
    inode: seen.inode,
    nlink: seen.links,
    atime: seen.atime,
    mtime: seen.mtime,
    ctime: seen.ctime,
    rusr: has(0o400),
    wusr: has(0o200),
    xusr: has(0o100),
    rgrp: has(0o040),
    wgrp: has(0o020),
    xgrp: has(0o010),
    roth: has(0o004),
    woth: has(0o002),
    xoth: has(0o001),
    isuid: has(0o4000),
    isgid: has(0o2000),
  };
  if (seen.linkTarget !== undefined) said['lnk_target'] = seen.linkTarget;
  if (seen.checksum !== undefined) said['checksum'] = seen.checksum;
  return said;
}

/** Looks at a path. */
export const stat: TaskModule<Input, FileStat> = {
  name: 'stat',
  doc: 'Reads type, mode, owner, size, times and digest of what stands at a path.',
  input,
  hostPaths: ['path'],
  aliases: {
    dest: 'path',
    name: 'path',
    checksum: 'checksum_algorithm',
    checksum_algo: 'checksum_algorithm',
  },
  touches: placesOf,
  observe: ({ path, follow, get_checksum: wanted, checksum_algorithm: digest }, { connection }) =>
    readFact(connection, fileStat(path, { follow, ...(wanted ? { digest } : {}) })),
  check: (seen, { path }) => ({ changes: [], result: { stat: shown(seen, path) } }),
  apply: () => Promise.resolve({}),
};
