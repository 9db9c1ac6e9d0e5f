import * as z from 'zod';
import type { Fact } from '../facts/fact.js';
import { readFact } from '../facts/fact.js';
import { CaravanError } from '../values/error.js';
import { globRegex } from '../values/glob.js';
import { sh } from '../values/shell.js';
import { patternOf } from './pattern.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  /** Folders to look in. */
  paths: z.array(z.string()),
  /** Shell globs that a name must match one of, or regular expressions with `use_regex`. */
  patterns: z.array(z.string()).default([]),
  excludes: z.array(z.string()).default([]),
  use_regex: z.boolean().default(false),
  file_type: z.enum(['file', 'directory', 'link', 'any']).default('file'),
  recurse: z.boolean().default(false),
  /** Folders below the first (default: all, with `recurse`). */
  depth: z.int().min(1).optional(),
  /** Names that begin with a dot too. */
  hidden: z.boolean().default(false),
  /** At least this old (`2d`), or at most, with a minus before. Seconds, or s, m, h, d, w. */
  age: z.string().optional(),
  /** At least this large (`10m`), or at most, with a minus before. Bytes, or b, k, m, g. */
  size: z.string().optional(),
});

type Input = z.infer<typeof input>;

/** One path that was found. */
interface Found {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly pw_name: string;
  readonly gr_name: string;
  readonly size: number;
  readonly mtime: number;
}

interface Seen {
  readonly files: readonly Found[];
  /** Whether each path is a folder. */
  readonly isWhole: boolean;
  /** The host's clock, in seconds. */
  readonly now: number;
}

/** A record ends with two marks that no path holds together, since a path may hold a line end. */
const RECORD = '\u001e';

function listing({ paths, recurse, depth }: Input): Fact<Seen> {
  const most = recurse ? depth : 1;
  const limit = most === undefined ? [] : ['-maxdepth', most];
  return {
    name: 'files',
    command: sh`date +%s
for p in ${paths}; do [ -d "$p" ] || { echo "$p is no folder" >&2; continue; }
find -H "$p" -mindepth 1 ${limit} -exec stat -c ${`%F|%a|%u|%g|%U|%G|%s|%Y|%n${RECORD}`} {} + || exit 1
done`,
    parse: ({ code, stdout, stderr }) => {
      if (code !== 0) throw new CaravanError('command', `find: ${stderr.trim() || 'find failed'}`);
      const end = stdout.indexOf('\n');
      const records = stdout
        .slice(end + 1)
        .split(`${RECORD}\n`)
        .filter(Boolean);
      return {
        ...{ now: Number(stdout.slice(0, end)), isWhole: stderr === '' },
        files: records.map(parseRecord),
      };
    },
  };
}

function parseRecord(record: string): Found {
  const [type = '', mode = '', uid, gid, user = '', group = '', size, mtime, ...path] =
    record.split('|');
  return {
    path: path.join('|'),
    type: type.startsWith('regular') ? 'file' : type.startsWith('symbolic') ? 'link' : type,
    mode: mode.padStart(4, '0'),
    ...{ uid: Number(uid), gid: Number(gid), pw_name: user, gr_name: group },
    ...{ size: Number(size), mtime: Number(mtime) },
  };
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const BYTES: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Whether an amount is at least what is asked, or at most, where a minus stands before. */
function within(
  amount: number,
  asked: string | undefined,
  units: Readonly<Record<string, number>>,
) {
  if (asked === undefined) return true;
  const [, minus = '', number = '', unit = ''] = /^(-?)(\d+)([a-z]?)$/i.exec(asked.trim()) ?? [];
  const by = unit === '' ? 1 : units[unit.toLowerCase()];
  if (number === '' || by === undefined)
    throw new CaravanError('input', `find: '${asked}' is no age or size`, {
      hint: `a number with one of ${Object.keys(units).join(', ')}`,
    });
  const limit = Number(number) * by;
  return minus === '' ? amount >= limit : amount <= limit;
}

function choose({ files, now }: Seen, given: Input): Found[] {
  const regex = (pattern: string): RegExp =>
    given.use_regex ? patternOf(`^(?:${pattern})`) : new RegExp(globRegex(pattern), 's');
  const wanted = given.patterns.map(regex);
  const unwanted = given.excludes.map(regex);
  return files.filter(({ path, type, size, mtime }) => {
    const name = path.replace(/^.*\//s, '');
    if (given.file_type !== 'any' && type !== given.file_type) return false;
    if (!given.hidden && isHidden(path, given.paths)) return false;
    if (wanted.length > 0 && !wanted.some((one) => one.test(name))) return false;
    if (unwanted.some((one) => one.test(name))) return false;
    return within(now - mtime, given.age, SECONDS) && within(size, given.size, BYTES);
  });
}

/** Whether a name below the folder asked for begins with a dot. */
function isHidden(path: string, paths: readonly string[]): boolean {
  const root = paths.find((one) => path.startsWith(`${one.replace(/\/+$/, '')}/`)) ?? '';
  return path
    .slice(root.length)
    .split('/')
    .some((part) => part.startsWith('.'));
}

/** Looks for files. */
export const find: TaskModule<Input, Seen> = {
  name: 'find',
  doc: 'Finds files of a host by name, type, age and size.',
  input,
  hostPaths: ['paths'],
  aliases: { path: 'paths', name: 'paths', pattern: 'patterns', exclude: 'excludes' },
  observe: (given, { connection }) => readFact(connection, listing(given)),
  check: (seen, given) => {
    const files = choose(seen, given);
    const shown = files.map(({ type, ...file }) => ({
      ...file,
      ...{ isreg: type === 'file', isdir: type === 'directory', islnk: type === 'link' },
    }));
    return {
      changes: [],
      result: {
        ...{ files: shown, matched: files.length, examined: seen.files.length },
        msg: seen.isWhole
          ? 'All paths examined'
          : 'Not all paths examined, check warnings for details',
      },
    };
  },
  apply: () => Promise.resolve({}),
};
