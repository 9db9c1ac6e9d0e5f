import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of a rotation's authorities: as named, else `.caravan` beside the first inventory. */
export function stateFolderOf({
  inventory,
  state,
}: {
  readonly inventory: readonly string[];
  readonly state?: string;
}): string {
  if (state !== undefined) return state;
  const [first = '.'] = inventory;
  // A list of hosts names no place on disk.
  if (first.includes(',')) return '.caravan';
  const isFolder = statSync(first, { throwIfNoEntry: false })?.isDirectory() === true;
  return join(isFolder ? first : dirname(first), '.caravan');
}
