import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { Fact } from './fact.js';

/** What stands at a path. */
export interface FileStat {
  readonly path: string;
  readonly type: 'absent' | 'file' | 'directory' | 'link' | 'other';
  /** Permission bits, for example 0o644; 0 where absent. */
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  /** Bytes. */
  readonly size: number;
  /** Hex, of a regular file where it was asked for and could be read. */
  readonly sha256?: string;
  /** Of a regular file, where it was asked for and is no larger than asked. */
  readonly content?: Buffer;
}

/** What to read besides the attributes. */
export interface FileStatOptions {
  readonly sha256?: boolean;
  /** Reads the content of a file up to this many bytes. */
  readonly contentUpTo?: number;
  /** Look at what a link points to instead of at the link. */
  readonly follow?: boolean;
}

const TYPES: readonly [string, FileStat['type']][] = [
  ['regular', 'file'],
  ['directory', 'directory'],
  ['symbolic', 'link'],
];

function parse(path: string, stdout: string): FileStat {
  const lines = stdout.split('\n');
  const line = (mark: string): string | undefined =>
    lines.find((text) => text.startsWith(`${mark} `))?.slice(mark.length + 1);
  const stat = line('stat');
  if (stat === undefined) return { path, type: 'absent', mode: 0, user: '', group: '', size: 0 };
  const [mode = '', user = '', group = '', size = '', ...type] = stat.split(' ');
  const word = type.join(' ');
  const content = line('content');
  const sha256 = line('sha256');
  return {
    path,
    type: TYPES.find(([start]) => word.startsWith(start))?.[1] ?? 'other',
    mode: Number.parseInt(mode, 8),
    user,
    group,
    size: Number(size),
    ...(sha256 === undefined ? {} : { sha256: sha256.slice(0, 64) }),
    ...(content === undefined ? {} : { content: Buffer.from(content, 'base64') }),
  };
}

/** Attributes of a path and, where asked for, digest and content, in one round trip. */
export function fileStat(path: string, options: FileStatOptions = {}): Fact<FileStat> {
  const follow = options.follow === true ? sh`-L` : sh``;
  const digest =
    options.sha256 === true ? sh`[ ! -f "$p" ] || { printf 'sha256 '; sha256sum < "$p"; }` : sh`:`;
  const content =
    options.contentUpTo === undefined
      ? sh`:`
      : sh`[ ! -f "$p" ] || [ "$(wc -c < "$p")" -gt ${options.contentUpTo} ] || { printf 'content '; base64 < "$p" | tr -d '\\n'; echo; }`;
  return {
    name: `file ${path}`,
    command: sh`p=${path}
if [ -e "$p" ] || [ -L "$p" ]; then
stat ${follow} -c 'stat %a %U %G %s %F' -- "$p" || exit 1
${digest}
${content}
fi`,
    parse: (result) => {
      if (result.code === 0) return parse(path, result.stdout);
      throw new CaravanError(
        'command',
        `look at ${path}: ${result.stderr.trim() || 'stat failed'}`,
      );
    },
  };
}
