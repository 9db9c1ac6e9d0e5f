/** Edits (insert, delete, replace, swap of neighbours) that make `a` into `b`. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + same,
      );
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** Whether one word begins or ends the other, and is long enough for that to mean something. */
function isPart(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short.length >= 4 && (long.startsWith(short) || long.endsWith(short));
}

/** The valid names closest to a wrong one, best first: at most three, none that is far off. */
export function nearestNames(wrong: string, valid: Iterable<string>): string[] {
  const limit = Math.max(2, Math.floor(wrong.length / 3));
  return [...valid]
    .map((name) => ({ name, edits: distance(wrong.toLowerCase(), name.toLowerCase()) }))
    .map(({ name, edits }) => ({ name, edits: isPart(wrong, name) ? Math.min(edits, 2) : edits }))
    .filter(({ edits }) => edits <= limit)
    .sort((a, b) => a.edits - b.edits || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

/** A hint that names the nearest valid names, or all of them where they are few. */
export function didYouMean(wrong: string, valid: Iterable<string>): string {
  const names = [...valid];
  const near = nearestNames(wrong, names);
  if (near.length > 0) return `did you mean ${near.map((name) => `'${name}'`).join(' or ')}?`;
  if (names.length === 0) return 'there are none';
  return names.length > 40
    ? `nothing near it among ${names.length} names`
    : `valid are: ${[...new Set(names)].sort().join(', ')}`;
}
