import { readFileSync, statSync } from 'node:fs';

/** The files that were read last: all hosts of a task ask for the same ones. */
const RECENT = new Map<string, { readonly version: string; readonly content: Buffer }>();
const MOST_RECENT = 64;

/** Reads a file, or remembers it where it is still the one that was read. Throws what `fs` does. */
export function readUnchanged(path: string): Buffer {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  const version = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  const known = RECENT.get(path);
  if (known?.version === version) return known.content;
  const content = readFileSync(path);
  RECENT.delete(path);
  RECENT.set(path, { version, content });
  const [oldest] = RECENT.keys();
  if (RECENT.size > MOST_RECENT && oldest !== undefined) RECENT.delete(oldest);
  return content;
}
