import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { Fact } from './fact.js';

/** What stands at a path. */
export interface FileStat {
  readonly path: string;
  /**
   * The same place without links in its folder, nor in its last part where links are followed;
   * `path` as it is where the folder is not there.
   */
  readonly real: string;
  readonly type: 'absent' | 'file' | 'directory' | 'link' | 'other';
  /** Of what is `other`: `fifo`, `socket`, `character special file`, ... as stat names it. */
  readonly kind?: string;
  /** Permission bits, for example 0o644; 0 where absent. */
  readonly mode: number;
  readonly user: string;
  readonly group: string;
  /** Bytes. */
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly inode: number;
  readonly links: number;
  /** Times of last access, change of content and change of attributes, in seconds. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
  /** What a link points to, as it is written in it. */
  readonly linkTarget?: string;
  /** The path asked about in `sameAs`, where both are one file. */
  readonly sameAs?: string;
  /** Hex, of a regular file where it was asked for and could be read. */
  readonly checksum?: string;
  /** Of a regular file, where it was asked for and is no larger than asked. */
  readonly content?: Buffer;
}

/** What to read besides the attributes. */
export interface FileStatOptions {
  /** Digest to make of a regular file. */
  readonly digest?: 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
  /** Another path: is it the same file (a hard link)? */
  readonly sameAs?: string;
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
  const folder = line('folder');
  const real =
    line('real') ?? (folder === undefined ? path : `${folder}/${path.replace(/^.*\//s, '')}`);
  const none = { inode: 0, links: 0, atime: 0, mtime: 0, ctime: 0, uid: 0, gid: 0 };
  if (stat === undefined)
    return { path, real, type: 'absent', mode: 0, user: '', group: '', size: 0, ...none };
  const [mode = '', user = '', group = '', size = '', ...rest] = stat.split(' ');
  const [uid, gid, inode, links, atime, mtime, ctime, ...type] = rest;
  const word = type.join(' ');
  const content = line('content');
  const checksum = line('digest');
  const linkTarget = line('link');
  const sameAs = line('same');
  return {
    ...{ path, real },
    type: TYPES.find(([start]) => word.startsWith(start))?.[1] ?? 'other',
    mode: Number.parseInt(mode, 8),
    user,
    group,
    size: Number(size),
    ...{ uid: Number(uid), gid: Number(gid), inode: Number(inode), links: Number(links) },
    ...{ atime: Number(atime), mtime: Number(mtime), ctime: Number(ctime) },
    ...(TYPES.some(([start]) => word.startsWith(start)) ? {} : { kind: word }),
    ...(linkTarget === undefined ? {} : { linkTarget }),
    ...(sameAs === undefined ? {} : { sameAs }),
    ...(checksum === undefined ? {} : { checksum: checksum.split(' ')[0] ?? '' }),
    ...(content === undefined ? {} : { content: Buffer.from(content, 'base64') }),
  };
}

/** Attributes of a path and, where asked for, digest and content, in one round trip. */
export function fileStat(path: string, options: FileStatOptions = {}): Fact<FileStat> {
  const follow = options.follow === true ? sh`-L` : sh``;
  const digest =
    options.digest === undefined
      ? sh`:`
      : sh`[ ! -f "$p" ] || { printf 'digest '; ${`${options.digest}sum`} < "$p"; }`;
  const link = sh`[ ! -L "$p" ] || { printf 'link '; readlink -- "$p"; }`;
  const real =
    options.follow === true ? sh`[ ! -L "$p" ] || { printf 'real '; readlink -f -- "$p"; }` : sh`:`;
  const same =
    options.sameAs === undefined
      ? sh`:`
      : sh`[ ! ${options.sameAs} -ef "$p" ] || printf 'same %s\\n' ${options.sameAs}`;
  const content =
    options.contentUpTo === undefined
      ? sh`:`
      : sh`[ ! -f "$p" ] || [ "$(wc -c < "$p")" -gt ${options.contentUpTo} ] || { printf 'content '; base64 < "$p" | tr -d '\\n'; echo; }`;
  return {
    name: `file ${path}`,
    command: sh`p=${path}
if [ -e "$p" ] || [ -L "$p" ]; then
stat ${follow} -c 'stat %a %U %G %s %u %g %i %h %X %Y %Z %F' -- "$p" || exit 1
${link}
${same}
${digest}
${content}
${real}
fi
cd -P -- "\${p%/*}/" 2>/dev/null && printf 'folder %s\n' "$PWD"
:`,
    parse: (result) => {
      if (result.code === 0) return parse(path, result.stdout);
      throw new CaravanError(
        'command',
        `look at ${path}: ${result.stderr.trim() || 'stat failed'}`,
      );
    },
  };
}
