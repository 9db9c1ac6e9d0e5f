import { readFileSync, statSync, type BigIntStats } from 'node:fs';

/** The files that were read last: all hosts of a task ask for the same ones. */
const RECENT = new Map<string, { readonly version: string; readonly content: Buffer }>();
const MOST_RECENT = 64;

/** Another where a file is not the one that it was. */
export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/**
 * Reads a file, or remembers it where it is still the one that was read. Throws what `fs` does.
 * @param found what stands there now
 */
export function readUnchanged(
  path: string,
  found: BigIntStats = statSync(path, { bigint: true }),
): Buffer {
  const version = versionOf(found);
  const known = RECENT.get(path);
  if (known?.version === version) return known.content;
  const content = readFileSync(path);
  RECENT.delete(path);
  RECENT.set(path, { version, content });
  const [oldest] = RECENT.keys();
  if (RECENT.size > MOST_RECENT && oldest !== undefined) RECENT.delete(oldest);
  return content;
}
