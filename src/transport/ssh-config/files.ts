import { readdirSync, readFileSync, type BigIntStats } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaravanError } from '../../values/error.js';
import { FileCache, look } from '../../values/file-cache.js';
import { parseSshConfig, type ConfigLine } from './lines.js';

const LINES = new FileCache((path) => parseSshConfig(readFileSync(path, 'utf8'), path));
const ENTRIES = new FileCache((path) => readdirSync(path));

/** How a file is read. */
export interface FileReading {
  /** Whether it may be missing. */
  readonly optional: boolean;
  /** Refuse a file that others may write, as ssh does of its own files. */
  readonly owned: boolean;
}

/**
 * The lines of an ssh_config file.
 * @throws {CaravanError} input where it cannot be read or parsed
 */
export function readConfigFile(file: string, { optional, owned }: FileReading): ConfigLine[] {
  const cannot = (why: string, cause?: unknown): CaravanError =>
    new CaravanError('input', `the SSH configuration ${file} ${why}`, { cause });
  try {
    const found = look(file);
    if (found === undefined) {
      if (optional) return [];
      throw cannot('does not exist');
    }
    if (owned && writableByOthers(found))
      throw cannot('is not safe: others than you and root may write it (chmod go-w)');
    return LINES.of(file, found);
  } catch (thrown) {
    if (thrown instanceof CaravanError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw cannot(`could not be read: ${why}`, thrown);
  }
}

function writableByOthers({ uid, mode }: BigIntStats): boolean {
  const isOurs = uid === 0n || Number(uid) === process.getuid?.();
  return !isOurs || (mode & 0o022n) !== 0n;
}

/** Files that a pattern of glob(3) names, in order; a dot at the start is only matched by itself. */
export function globFiles(pattern: string): string[] {
  if (!MAGIC.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  const name = pattern.slice(folder === '/' ? 1 : folder.length + 1);
  return globFiles(folder).flatMap((inFolder) => {
    if (!MAGIC.test(name)) return [join(inFolder, name)];
    const matching = globExpression(name);
    return entries(inFolder)
      .filter((entry) => matching.test(entry))
      .filter((entry) => !entry.startsWith('.') || name.startsWith('.'))
      .sort()
      .map((entry) => join(inFolder, entry));
  });
}

const MAGIC = /[*?[]/;

/** Classes of POSIX, of ASCII. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/**
 * One name of a pattern: `*`, `?`, `[a-z]`, `[!a-z]`, `[[:digit:]]`; a bracket that is not closed is
 * itself.
 */
function globExpression(pattern: string): RegExp {
  const source = pattern.replace(
    /\[(!?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]|[\s\S]/g,
    (all, not?: string, set?: string) => {
      if (set) return `[${not ? '^' : ''}${setOf(set)}]`;
      return { '*': '.*', '?': '.' }[all] ?? all.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    },
  );
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    return /(?!)/; // a range that ends before it begins has nothing in it
  }
}

/** What stands in brackets, as an expression has it; a class that is none has nothing in it. */
function setOf(set: string): string {
  return set.replace(/\[:([a-z]+):\]|[\\\]^[]/g, (all, name?: string) =>
    name === undefined ? `\\${all}` : (CLASSES[name] ?? ''),
  );
}

/** As glob(3): what is not there, or cannot be read, matches nothing. */
function entries(folder: string): readonly string[] {
  try {
    return ENTRIES.at(folder) ?? [];
  } catch {
    return [];
  }
}
