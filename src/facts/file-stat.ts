import { CaravanError } from '../values/error.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { StepResult } from '../transport/port.js';
import type { Fact, FactKind } from './fact.js';

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

const NONE = {
  ...{ mode: 0, user: '', group: '', size: 0, uid: 0, gid: 0 },
  ...{ inode: 0, links: 0, atime: 0, mtime: 0, ctime: 0 },
};

/** One path that is asked about. */
interface Asked {
  readonly path: string;
  readonly options: FileStatOptions;
}

interface FileFact extends Fact<FileStat>, Asked {}

const FILES: FactKind<FileStat> = {
  together: (facts) => filesFact(facts as readonly FileFact[]),
};

/** Attributes of a path and, where asked for, digest and content, in one round trip. */
export function fileStat(path: string, options: FileStatOptions = {}): Fact<FileStat> {
  const all = filesFact([{ path, options }]);
  const fact: FileFact = {
    ...{ path, options, name: `file ${path}`, command: all.command, kind: FILES },
    parse: (result) => all.parse(result)[0] as FileStat,
  };
  return fact;
}

/** Many paths with one look: one `stat`, one reading of all contents, one digest of a kind. */
function filesFact(asked: readonly Asked[]): Fact<readonly FileStat[]> {
  return {
    name: `files ${asked.map(({ path }) => path).join(', ')}`,
    command: lookScript(asked),
    parse: (result) => parseLook(asked, result),
  };
}

const STAT_FORMAT = '%a %U %G %s %u %g %i %h %X %Y %Z %F';

/** Where coreutils are not, perl's `shasum` may be. */
const SUM = sh`sum() {
k=$1; shift
if command -v "\${k}sum" >/dev/null; then "\${k}sum" "$@"; else shasum -a "\${k#sha}" "$@"; fi
}`;

/** Numbers (from 1) of the paths that something is asked of, as a pattern's text for a shell. */
function numbers(asked: readonly Asked[], holds: (one: FileStatOptions) => boolean): string {
  const found = asked.flatMap(({ options }, i) => (holds(options) ? [i + 1] : []));
  return ` ${found.join(' ')} `;
}

/**
 * Lines `word number`, then sections that begin with `= name`, each with a line a path in the order
 * of those words. Lists of paths are built as text for `eval` from the numbers of the positional
 * parameters, so that a name may hold anything.
 */
function lookScript(asked: readonly Asked[]): Script {
  const words = asked.map(({ path }) => (path.includes('/') ? path : `./${path}`));
  const digests = [...new Set(asked.flatMap(({ options }) => options.digest ?? []))];
  const most = Math.max(0, ...asked.map(({ options }) => options.contentUpTo ?? 0));
  const same = asked.flatMap(({ path, options: { sameAs } }, i) =>
    sameAs === undefined ? [] : [sh`[ ! ${sameAs} -ef ${path} ] || echo same ${i + 1}`],
  );
  return joinScripts([
    sh`set -- ${words}
i=0 l= m= c= d0= d1= d2= d3= d4= d5=
for p; do i=$((i + 1)) q="\\"\\\${$i}\\""
if [ -L "$p" ]; then
case ${numbers(asked, ({ follow }) => follow === true)} in
*" $i "*) m="$m $q"; echo linked $i; printf 'real %s ' $i; readlink -f -- "$p" ;;
*) l="$l $q"; echo there $i; printf 'link %s ' $i; readlink -- "$p"; continue ;;
esac
elif [ -e "$p" ]; then l="$l $q"; echo there $i
else continue; fi
[ -f "$p" ] || continue
case ${numbers(asked, ({ contentUpTo }) => contentUpTo !== undefined)} in
*" $i "*) c="$c $q"; echo content $i ;;
esac`,
    ...digests.map(
      (kind, at) => sh`case ${numbers(asked, ({ digest }) => digest === kind)} in
*" $i "*) d${at}="\$d${at} $q"; echo ${kind} $i ;;
esac`,
    ),
    sh`done`,
    ...same,
    sh`f=${`'${STAT_FORMAT}'`}
echo = stat; [ -z "$l" ] || eval "stat -c $f -- $l" || exit
echo = followed; [ -z "$m" ] || eval "stat -L -c $f -- $m" || exit`,
    ...(digests.length === 0 ? [] : [SUM]),
    ...digests.map(
      (kind, at) => sh`echo = ${kind}; [ -z "$d${at}" ] || eval "sum ${kind} -- \$d${at}"`,
    ),
    sh`echo = bytes; [ -z "$c" ] || eval "head -q -c ${most + 1} -- $c | base64"
echo = folders
w=$PWD i=0
for p; do i=$((i + 1)); cd -- "$w" && cd -P -- "\${p%/*}/" 2>/dev/null && echo "folder $i $PWD"; done
:`,
  ]);
}

/** What the look printed, by word and by section. */
function readLook(stdout: string) {
  const [head = '', ...sections] = stdout.split(/^= /m);
  const named = new Map(
    sections.map((section) => {
      const at = section.indexOf('\n');
      return [
        section.slice(0, at),
        section
          .slice(at + 1)
          .split('\n')
          .slice(0, -1),
      ];
    }),
  );
  const words = [...head.split('\n'), ...(named.get('folders') ?? [])].map(
    (line) => /^(\S+) (\d+) ?(.*)$/.exec(line) ?? [],
  );
  return {
    section: (name: string): readonly string[] => named.get(name) ?? [],
    /** Numbers of the paths that a word was printed for. */
    of: (word: string): number[] => words.flatMap((w) => (w[1] === word ? [Number(w[2])] : [])),
    text: (word: string, number: number): string | undefined =>
      words.find((w) => w[1] === word && Number(w[2]) === number)?.[3],
  };
}

function parseLook(asked: readonly Asked[], { code, stdout, stderr }: StepResult): FileStat[] {
  const fail = (why: string): never => {
    const paths = asked.map(({ path }) => path).join(', ');
    throw new CaravanError('command', `look at ${paths}: ${stderr.trim() || why}`);
  };
  if (code !== 0) fail('stat failed');
  const look = readLook(stdout);
  const byNumber = (word: string, section: string): Map<number, string> => {
    const lines = look.section(section);
    const found = look.of(word);
    if (found.length !== lines.length) fail(`${section} gave ${lines.length} of ${found.length}`);
    return new Map(found.map((number, i) => [number, lines[i] ?? '']));
  };
  const stats = new Map([...byNumber('there', 'stat'), ...byNumber('linked', 'followed')]);
  const digests = new Map(
    ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'].flatMap((kind) => [
      ...byNumber(kind, kind),
    ]),
  );
  const found = asked.map(({ path }, i): FileStat => {
    const number = i + 1;
    const folder = look.text('folder', number);
    const name = path.replace(/^.*\//s, '');
    const real =
      look.text('real', number) ??
      (folder === undefined ? path : `${folder.replace(/\/$/, '')}/${name}`);
    const line = stats.get(number);
    if (line === undefined) return { ...NONE, path, real, type: 'absent' };
    const link = look.text('link', number);
    const digest = digests.get(number)?.replace(/^\\/, '').split(' ')[0];
    const isSame = look.of('same').includes(number);
    return {
      ...{ path, real },
      ...parseStat(line),
      ...(link === undefined ? {} : { linkTarget: link }),
      ...(isSame ? { sameAs: asked[i]?.options.sameAs ?? '' } : {}),
      ...(digest === undefined ? {} : { checksum: digest }),
    };
  });
  const numbersRead = look.of('content');
  const bytes = Buffer.from(look.section('bytes').join(''), 'base64');
  let at = 0;
  for (const number of numbersRead) {
    const one = found[number - 1];
    const most = asked[number - 1]?.options.contentUpTo ?? 0;
    if (one === undefined) continue;
    // Behind a file that is too large, where a file begins is not known.
    if (one.size > most && numbersRead.length > 1) fail('a file is larger than is read together');
    if (one.size <= most) {
      if (at + one.size > bytes.length) fail(`only ${bytes.length} bytes could be read`);
      found[number - 1] = { ...one, content: bytes.subarray(at, at + one.size) };
    }
    at += one.size;
  }
  if (numbersRead.length > 1 && at !== bytes.length) fail('a file changed while it was read');
  return found;
}

function parseStat(line: string): Omit<FileStat, 'path' | 'real'> {
  const [mode = '', user = '', group = '', size = '', ...rest] = line.split(' ');
  const [uid, gid, inode, links, atime, mtime, ctime, ...type] = rest;
  const word = type.join(' ');
  const known = TYPES.find(([start]) => word.startsWith(start))?.[1];
  return {
    type: known ?? 'other',
    mode: Number.parseInt(mode, 8),
    ...{ user, group, size: Number(size), uid: Number(uid), gid: Number(gid) },
    ...{ inode: Number(inode), links: Number(links) },
    ...{ atime: Number(atime), mtime: Number(mtime), ctime: Number(ctime) },
    ...(known === undefined ? { kind: word } : {}),
  };
}
