import * as z from 'zod';
import { placesOf, type FileStat } from '../facts/file-stat.js';
import {
  applyEdit,
  EDIT_ALIASES,
  editInput,
  editVerdict,
  linesOf,
  notThere,
  seeFile,
  textOf,
  type Edit,
} from './edit-file.js';
import type { HostChange } from './host-change.js';
import type { TaskModule } from './module.js';
import { patternOf, replacementOf } from './pattern.js';

const input = z
  .strictObject({
    ...editInput,
    state: z.enum(['present', 'absent']).default('present'),
    line: z.string().optional(),
    /** The line to replace or remove: the last that matches. */
    regexp: z.string().optional(),
    /** The same as a text that stands in the line. */
    search_string: z.string().optional(),
    /** Where a new line goes: behind the last match, or `EOF`, `BOF`. */
    insertafter: z.string().optional(),
    /** Where a new line goes: before the last match, or `BOF`. */
    insertbefore: z.string().optional(),
    /** The first match counts, not the last. */
    firstmatch: z.boolean().default(false),
    /** `line` holds references to groups of `regexp`; without a match nothing changes. */
    backrefs: z.boolean().default(false),
  })
  .refine(({ state, line }) => state === 'absent' || line !== undefined, {
    message: "'line' is needed where state is present",
  })
  .refine(({ backrefs, regexp }) => !backrefs || regexp !== undefined, {
    message: "'backrefs' needs 'regexp'",
  })
  .refine(
    ({ insertafter, insertbefore }) => insertafter === undefined || insertbefore === undefined,
    {
      message: "needs 'insertafter' or 'insertbefore', not both",
    },
  );

type Input = z.infer<typeof input>;

const ENDS = /[\r\n]+$/;

function matcher({
  regexp,
  search_string: search,
}: Input): ((line: string) => boolean) | undefined {
  if (regexp !== undefined) {
    const regex = patternOf(regexp);
    return (line) => regex.test(line.replace(ENDS, ''));
  }
  return search === undefined ? undefined : (line) => line.includes(search);
}

function find(
  lines: readonly string[],
  matches: (line: string) => boolean,
  first: boolean,
): number {
  return first ? lines.findIndex(matches) : lines.findLastIndex(matches);
}

/** Where a new line goes; undefined: at the end. */
function place(lines: readonly string[], given: Input): number | undefined {
  const { insertafter: after, insertbefore: before, firstmatch } = given;
  if (after === 'BOF' || before === 'BOF') return 0;
  const pattern = before ?? (after === 'EOF' ? undefined : after);
  if (pattern === undefined) return undefined;
  const regex = patternOf(pattern);
  const at = find(lines, (line) => regex.test(line.replace(ENDS, '')), firstmatch);
  if (at < 0) return undefined;
  return before === undefined ? at + 1 : at;
}

function present(lines: readonly string[], given: Input): Edit {
  const line = given.line ?? '';
  const same = { after: lines.join(''), msg: '' };
  const matches = matcher(given);
  const found = matches === undefined ? -1 : find(lines, matches, given.firstmatch);
  const old = lines[found];
  if (old !== undefined) {
    const text = given.backrefs ? filled(old.replace(ENDS, ''), line, given.regexp ?? '') : line;
    const fresh = text.endsWith('\n') ? text : `${text}\n`;
    if (fresh === old) return same;
    return { after: lines.with(found, fresh).join(''), msg: 'line replaced' };
  }
  if (given.backrefs || lines.some((one) => one.replace(ENDS, '') === line)) return same;
  const at = place(lines, given) ?? lines.length;
  const before = lines.slice(0, at).join('');
  const gap = before !== '' && !before.endsWith('\n') ? '\n' : '';
  return { after: `${before}${gap}${line}\n${lines.slice(at).join('')}`, msg: 'line added' };
}

/** `line` with the groups of the expression; it takes the place of the whole line. */
function filled(old: string, line: string, regexp: string): string {
  const { source, flags } = patternOf(regexp);
  const whole = new RegExp(`^[\\s\\S]*?(?:${source})[\\s\\S]*$`, flags);
  return old.replace(whole, replacementOf(line, whole));
}

function absent(lines: readonly string[], given: Input): Edit {
  const matches = matcher(given) ?? ((line: string) => line.replace(ENDS, '') === given.line);
  const kept = lines.filter((line) => !matches(line));
  const found = lines.length - kept.length;
  return {
    after: kept.join(''),
    msg: found > 0 ? `${found} line(s) removed` : '',
    result: { found },
  };
}

/** One line of a file. */
export const lineinfile: TaskModule<Input, FileStat, HostChange> = {
  name: 'lineinfile',
  doc: 'Makes sure that a line is in a file, or is not.',
  input,
  hostPaths: ['path'],
  aliases: { ...EDIT_ALIASES, regex: 'regexp', value: 'line' },
  touches: placesOf,
  observe: seeFile,
  check: (stat, given) => {
    const before = textOf(stat);
    if (before === undefined && given.state === 'absent')
      return {
        changes: [],
        reason: 'file not present',
        result: { msg: 'file not present', found: 0 },
      };
    if (before === undefined && !given.create) return notThere('lineinfile', given);
    const lines = linesOf(before ?? '');
    const edit = given.state === 'present' ? present(lines, given) : absent(lines, given);
    const verdict = editVerdict(stat, given, edit, 'backup');
    return { ...verdict, result: { backup: '', ...verdict.result } };
  },
  apply: applyEdit,
};
