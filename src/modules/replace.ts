import * as z from 'zod';
import { placesOf, type FileStat } from '../facts/file-stat.js';
import {
  applyEdit,
  EDIT_ALIASES,
  editInput,
  editVerdict,
  notThere,
  seeFile,
  textOf,
  type Edit,
} from './edit-file.js';
import type { HostChange } from './host-change.js';
import type { TaskModule } from './module.js';
import { patternOf, replacementOf } from './pattern.js';

const { path, backup, validate, mode, owner, group } = editInput;

const input = z.strictObject({
  ...{ path, backup, validate, mode, owner, group },
  /** What is replaced, wherever it matches; `^` and `$` match at each line. */
  regexp: z.string(),
  /** What takes its place, with references to groups (`\1`). */
  replace: z.string().default(''),
  /** Only what stands behind the first match of this. */
  after: z.string().optional(),
  /** Only what stands before the first match of this. */
  before: z.string().optional(),
});

type Input = z.infer<typeof input>;

/** The part of the text between `after` and `before`; undefined where there is none. */
function section(text: string, given: Input): { start: number; end: number } | undefined {
  let start = 0;
  if (given.after !== undefined) {
    const match = patternOf(given.after, 'sm').exec(text);
    if (match === null) return undefined;
    start = match.index + match[0].length;
  }
  if (given.before === undefined) return { start, end: text.length };
  const match = patternOf(given.before, 'sm').exec(text.slice(start));
  return match === null ? undefined : { start, end: start + match.index };
}

function edited(text: string, given: Input): Edit {
  const part = section(text, given);
  if (part === undefined)
    return { after: text, msg: 'Pattern for before/after params did not match' };
  const middle = text.slice(part.start, part.end);
  const regex = patternOf(given.regexp, 'gm');
  const count = [...middle.matchAll(regex)].length;
  const fresh = middle.replace(regex, replacementOf(given.replace, regex));
  const after = text.slice(0, part.start) + fresh + text.slice(part.end);
  return { after, msg: count > 0 ? `${count} replacements made` : '', result: { rc: 0 } };
}

/** All matches in a file. */
export const replace: TaskModule<Input, FileStat, HostChange> = {
  name: 'replace',
  doc: 'Replaces all that matches a regular expression in a file.',
  input,
  hostPaths: ['path'],
  aliases: EDIT_ALIASES,
  touches: placesOf,
  observe: seeFile,
  check: (stat, given) => {
    const text = textOf(stat);
    return text === undefined
      ? notThere('replace', given)
      : editVerdict(stat, given, edited(text, given));
  },
  apply: applyEdit,
};
