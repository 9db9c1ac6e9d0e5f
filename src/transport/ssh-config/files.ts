import { readdirSync, readFileSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaravanError } from '../../values/error.js';
import { type ConfigLine, parseSshConfig } from './lines.js';
import { wildcardMatches } from './patterns.js';

const parsed = new Map<string, { readonly version: string; readonly lines: ConfigLine[] }>();

/** How a file is read. */
export interface FileReading {
  /** Whether it may be missing. */
  readonly optional: boolean;
  /** Refuse a file that others may write, as ssh does of its own files. */
  readonly owned: boolean;
}

/**
 * The lines of an ssh_config file, read once until it changes: a fleet asks thousands of times.
 * @throws {CaravanError} input where it cannot be read or parsed
 */
export function readConfigFile(file: string, { optional, owned }: FileReading): ConfigLine[] {
  const cannot = (why: string, cause?: unknown): CaravanError =>
    new CaravanError('input', `the SSH configuration ${file} ${why}`, { cause });
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (!stat) {
      if (optional) return [];
      throw cannot('does not exist');
    }
    const version = `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
    const cached = parsed.get(file);
    if (cached?.version === version) return cached.lines;
    if (owned && writableByOthers(stat))
      throw cannot('is not safe: others than you and root may write it (chmod go-w)');
    const lines = parseSshConfig(readFileSync(file, 'utf8'), file);
    parsed.set(file, { version, lines });
    return lines;
  } catch (thrown) {
    if (thrown instanceof CaravanError) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw cannot(`could not be read: ${why}`, thrown);
  }
}

function writableByOthers({ uid, mode }: Stats): boolean {
  return (uid !== 0 && uid !== process.getuid?.()) || (mode & 0o022) !== 0;
}

/** Files that a path with `*` and `?` names, in order; a dot at the start is only matched by itself. */
export function globFiles(pattern: string): string[] {
  if (!/[*?]/.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  const name = pattern.slice(folder === '/' ? 1 : folder.length + 1);
  return globFiles(folder).flatMap((inFolder) => {
    if (!/[*?]/.test(name)) return [join(inFolder, name)];
    return entries(inFolder)
      .filter((entry) => wildcardMatches(name, entry))
      .filter((entry) => !entry.startsWith('.') || name.startsWith('.'))
      .sort()
      .map((entry) => join(inFolder, entry));
  });
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // as glob(3): what is not there matches nothing
  }
}
