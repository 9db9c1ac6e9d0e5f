/** Lines of unchanged text around a change. */
const CONTEXT = 3;

/** Above this many cells of comparison a changed region is shown as a whole. */
const MOST_CELLS = 4_000_000;

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** Longest common subsequence by table, on what differs once equal ends are cut. */
function middle(a: readonly string[], b: readonly string[]): Line[] {
  if (a.length * b.length > MOST_CELLS)
    return [
      ...a.map((text) => ({ sign: '-' as const, text })),
      ...b.map((text) => ({ sign: '+' as const, text })),
    ];
  const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number): number => table[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      (table[i] as Uint32Array)[j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: ' ', text: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (i < a.length && (j === b.length || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: '-', text: a[i] ?? '' });
      i += 1;
    } else {
      lines.push({ sign: '+', text: b[j] ?? '' });
      j += 1;
    }
  }
  return lines;
}

function compare(a: readonly string[], b: readonly string[]): Line[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (
    end < Math.min(a.length, b.length) - start &&
    a[a.length - 1 - end] === b[b.length - 1 - end]
  )
    end += 1;
  const same = (text: string): Line => ({ sign: ' ', text });
  return [
    ...a.slice(0, start).map(same),
    ...middle(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...a.slice(a.length - end).map(same),
  ];
}

function hunks(lines: readonly Line[]): string[] {
  const isShown = lines.map(() => false);
  lines.forEach(({ sign }, i) => {
    if (sign === ' ') return;
    isShown.fill(true, Math.max(0, i - CONTEXT), Math.min(lines.length, i + CONTEXT + 1));
  });
  const out: string[] = [];
  let [before, after] = [1, 1];
  for (let i = 0; i < lines.length; i += 1) {
    if (isShown[i] === true && isShown[i - 1] !== true) {
      const stop = isShown.indexOf(false, i);
      const hunk = lines.slice(i, stop < 0 ? lines.length : stop);
      const count = (sign: Line['sign']): number => hunk.filter((l) => l.sign !== sign).length;
      // Where a side has no line, unified diff counts from the line before.
      const from = count('+') === 0 ? before - 1 : before;
      const to = count('-') === 0 ? after - 1 : after;
      out.push(`@@ -${from},${count('+')} +${to},${count('-')} @@`);
    }
    const line = lines[i] as Line;
    if (isShown[i] === true) out.push(`${line.sign}${line.text}`);
    if (line.sign !== '+') before += 1;
    if (line.sign !== '-') after += 1;
  }
  return out;
}

interface Comparison {
  readonly before: string;
  readonly after: string;
  readonly lines: readonly string[];
}

/** The comparisons made last, the newest first: the same file changes alike on many hosts. */
const RECENT: Comparison[] = [];
const MOST_RECENT = 16;

function changedLines(before: string, after: string): readonly string[] {
  const known = RECENT.find((one) => one.before === before && one.after === after);
  if (known !== undefined) return known.lines;
  const lines = hunks(compare(linesOf(before), linesOf(after)));
  RECENT.unshift({ before, after, lines });
  RECENT.length = Math.min(RECENT.length, MOST_RECENT);
  return lines;
}

/** A unified diff, in lines. */
export interface UnifiedDiff {
  readonly head: readonly string[];
  /** Mostly the same array for the same change of text. */
  readonly body: readonly string[];
}

/** A change of text as a unified diff. `before` is absent for a new file. */
export function unifiedDiff(change: {
  readonly path: string;
  readonly before?: string;
  readonly after: string;
}): UnifiedDiff {
  const { path, before, after } = change;
  return {
    head: [`--- ${before === undefined ? '/dev/null' : path}`, `+++ ${path}`],
    body: changedLines(before ?? '', after),
  };
}
