import { CaravanError } from '../values/error.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { StepResult } from '../transport/port.js';
import type { Fact, FactKind } from './fact.js';

/** What stands at a path. */
export interface FileStat {
  readonly path: string;
  /**
   * The same place without links in its folder, nor in its last part where links are followed;
   * `path` as it is where the folder is not there, nothing where a followed link leads nowhere.
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

/** The places that a look has looked at: the path itself, which may be a link, and where it leads. */
export function placesOf({ path, real }: FileStat): string[] {
  return [path, real];
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

const FILES: FactKind<FileStat> = {
  together: (facts) => filesFact(facts as readonly (Fact<FileStat> & Asked)[]),
};

/** Attributes of a path and, where asked for, digest and content, in one round trip. */
export function fileStat(path: string, options: FileStatOptions = {}): Fact<FileStat> {
  return new FileFact(path, options);
}

/** Most are read with others: then nobody asks for the command of this one. */
class FileFact implements Fact<FileStat>, Asked {
  readonly kind = FILES;

  constructor(
    readonly path: string,
    readonly options: FileStatOptions,
  ) {}

  get name(): string {
    return `file ${this.path}`;
  }

  get command(): Script {
    return lookScript([this]);
  }

  parse(result: StepResult): FileStat {
    return parseLook([this], result)[0] as FileStat;
  }
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

function digestsOf(asked: readonly Asked[]): string[] {
  return [...new Set(asked.flatMap(({ options }) => options.digest ?? []))];
}

/** Numbers (from 1) of the paths that something is asked of, as a pattern's text for a shell. */
function numbers(asked: readonly Asked[], holds: (one: FileStatOptions) => boolean): string {
  const found = asked.flatMap(({ options }, i) => (holds(options) ? [i + 1] : []));
  return ` ${found.join(' ')} `;
}

/**
 * Lines `word number`, then sections that begin with `= name`, each with a line a path in the order
 * of those words. Lists of paths are built as text for `eval` from the numbers of the positional
 * parameters, so that a name may hold anything. All but the contents is printed in one piece: each
 * is a packet, which costs both sides more than what it holds.
 */
function lookScript(asked: readonly Asked[]): Script {
  const words = asked.map(({ path }) => (path.includes('/') ? path : `./${path}`));
  const digests = digestsOf(asked);
  const most = Math.max(0, ...asked.map(({ options }) => options.contentUpTo ?? 0));
  const same = asked.flatMap(({ path, options: { sameAs } }, i) =>
    sameAs === undefined ? [] : [sh`[ ! ${sameAs} -ef ${path} ] || o="\${o}same ${i + 1}$n"`],
  );
  return joinScripts([
    sh`set -- ${words}
n='
'
take() { o="\${o}= $1$n\${r:+$r$n}"; }
i=0 o= l= m= c= d0= d1= d2= d3= d4= d5=
for p; do i=$((i + 1)) q="\\"\\\${$i}\\""
if [ -L "$p" ]; then
case ${numbers(asked, ({ follow }) => follow === true)} in
*" $i "*) o="\${o}real $i $(readlink -f -- "$p")$n"; [ -e "$p" ] || continue
m="$m $q" o="\${o}linked $i$n" ;;
*) l="$l $q" o="\${o}there $i\${n}link $i $(readlink -- "$p")$n"; continue ;;
esac
elif [ -e "$p" ]; then l="$l $q" o="\${o}there $i$n"
else continue; fi
[ -f "$p" ] || continue
case ${numbers(asked, ({ contentUpTo }) => contentUpTo !== undefined)} in
*" $i "*) c="$c $q" o="\${o}content $i$n" ;;
esac`,
    ...digests.map(
      (kind, at) => sh`case ${numbers(asked, ({ digest }) => digest === kind)} in
*" $i "*) d${at}="\$d${at} $q" o="\${o}${kind} $i$n" ;;
esac`,
    ),
    sh`done`,
    ...same,
    sh`w=$PWD i=0
for p; do i=$((i + 1)); cd -P -- "\${p%/*}/" 2>/dev/null && o="\${o}folder $i $PWD$n" && cd -- "$w"; done
f=${STAT_FORMAT}
[ -z "$l" ] || { eval "r=\\$(stat -c \\"\\$f\\" -- $l)" && take stat; } || exit
[ -z "$m" ] || { eval "r=\\$(stat -L -c \\"\\$f\\" -- $m)" && take followed; } || exit`,
    ...(digests.length === 0 ? [] : [SUM]),
    ...digests.map(
      (kind, at) =>
        sh`[ -z "$d${at}" ] || { eval "r=\\$(sum ${kind} -- \$d${at})"; take ${kind}; }`,
    ),
    sh`[ -z "$c" ] || o="\${o}= bytes$n"
printf %s "$o" || exit
[ -z "$c" ] || eval "head -q -c ${most + 1} -- $c | base64"
:`,
  ]);
}

/** What begins the last section: nothing behind it can look like this. */
const BYTES = '\n= bytes\n';

/** What the look printed: what each word says of each path, and the lines of each section. */
class Look {
  readonly #words = new Map<string, Map<number, string>>();
  readonly #sections = new Map<string, string[]>();
  /** All contents behind each other, in base64. */
  readonly bytes: string;

  constructor(stdout: string) {
    const end = stdout.lastIndexOf(BYTES);
    this.bytes = end < 0 ? '' : stdout.slice(end + BYTES.length);
    const text = end < 0 ? stdout.replace(/\n$/, '') : stdout.slice(0, end);
    let section: string[] | undefined;
    for (const line of text.split('\n')) {
      if (line.startsWith('= ')) {
        section = [];
        this.#sections.set(line.slice(2), section);
      } else if (section === undefined) this.#read(line);
      else section.push(line);
    }
  }

  /** Lines of a section. */
  section(name: string): readonly string[] {
    return this.#sections.get(name) ?? [];
  }

  /** Numbers of the paths that a word was printed for. */
  of(word: string): readonly number[] {
    return [...(this.#words.get(word)?.keys() ?? [])];
  }

  text(word: string, number: number): string | undefined {
    return this.#words.get(word)?.get(number);
  }

  /** `word number`, and text behind them. */
  #read(line: string): void {
    const before = line.indexOf(' ');
    const behind = line.indexOf(' ', before + 1);
    const number = Number(line.slice(before + 1, behind < 0 ? undefined : behind));
    if (before < 1 || !(number > 0)) return;
    const word = line.slice(0, before);
    const byNumber = this.#words.get(word) ?? new Map<number, string>();
    this.#words.set(word, byNumber);
    byNumber.set(number, behind < 0 ? '' : line.slice(behind + 1));
  }
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function parseLook(asked: readonly Asked[], { code, stdout, stderr }: StepResult): FileStat[] {
  const fail = (why: string): never => {
    const paths = asked.map(({ path }) => path).join(', ');
    throw new CaravanError('command', `look at ${paths}: ${stderr.trim() || why}`);
  };
  if (code !== 0) fail('stat failed');
  const look = new Look(stdout);
  const byNumber = (word: string, section: string, into = new Map<number, string>()) => {
    const numbers = look.of(word);
    const lines = look.section(section);
    if (numbers.length !== lines.length)
      fail(`${section} gave ${lines.length} of ${numbers.length}`);
    numbers.forEach((number, i) => into.set(number, lines[i] ?? ''));
    return into;
  };
  const stats = byNumber('linked', 'followed', byNumber('there', 'stat'));
  const digests = new Map<number, string>();
  for (const kind of digestsOf(asked)) byNumber(kind, kind, digests);
  const found = asked.map(({ path, options }, i): Writable<FileStat> => {
    const number = i + 1;
    const real = look.text('real', number) ?? inFolder(path, look.text('folder', number));
    const line = stats.get(number);
    if (line === undefined) return { ...NONE, path, real, type: 'absent' };
    const stat = parseStat(path, real, line);
    const link = look.text('link', number);
    if (link !== undefined) stat.linkTarget = link;
    if (look.text('same', number) !== undefined) stat.sameAs = options.sameAs ?? '';
    const digest = digests.get(number);
    if (digest !== undefined) stat.checksum = digest.replace(/^\\/, '').split(' ', 1)[0] ?? '';
    return stat;
  });
  const numbersRead = look.of('content');
  const bytes = Buffer.from(look.bytes, 'base64');
  let at = 0;
  for (const number of numbersRead) {
    const one = found[number - 1];
    const most = asked[number - 1]?.options.contentUpTo ?? 0;
    if (one === undefined) continue;
    // Behind a file that is too large, where a file begins is not known.
    if (one.size > most && numbersRead.length > 1) fail('a file is larger than is read together');
    if (one.size <= most) {
      if (at + one.size > bytes.length) fail(`only ${bytes.length} bytes could be read`);
      one.content = bytes.subarray(at, at + one.size);
    }
    at += one.size;
  }
  if (numbersRead.length > 1 && at !== bytes.length) fail('a file changed while it was read');
  return found;
}

/** A path with its folder as the host knows it, where that is there. */
function inFolder(path: string, folder: string | undefined): string {
  if (folder === undefined) return path;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return folder.endsWith('/') ? folder + name : `${folder}/${name}`;
}

/** A line of {@link STAT_FORMAT}. One literal: a fleet looks at many files. */
function parseStat(path: string, real: string, line: string): Writable<FileStat> {
  const words = line.split(' ');
  // What a file is may be said in several words.
  const kind = words.slice(11).join(' ');
  const known = TYPES.find(([start]) => kind.startsWith(start))?.[1];
  const stat: Writable<FileStat> = {
    path,
    real,
    type: known ?? 'other',
    mode: Number.parseInt(words[0] ?? '', 8),
    user: words[1] ?? '',
    group: words[2] ?? '',
    size: Number(words[3]),
    uid: Number(words[4]),
    gid: Number(words[5]),
    inode: Number(words[6]),
    links: Number(words[7]),
    atime: Number(words[8]),
    mtime: Number(words[9]),
    ctime: Number(words[10]),
  };
  if (known === undefined) stat.kind = kind;
  return stat;
}
