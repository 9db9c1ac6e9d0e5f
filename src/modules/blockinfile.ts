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
import { patternOf } from './pattern.js';

const input = z
  .strictObject({
    ...editInput,
    state: z.enum(['present', 'absent']).default('present'),
    /** The lines between the marks; none removes the block. */
    block: z.string().default(''),
    /** The lines around the block; `{mark}` is BEGIN or END. */
    marker: z.string().default('# {mark} ANSIBLE MANAGED BLOCK'),
    marker_begin: z.string().default('BEGIN'),
    marker_end: z.string().default('END'),
    /** Where a new block goes: behind the last match, or `EOF` (default). */
    insertafter: z.string().optional(),
    /** Where a new block goes: before the last match, or `BOF`. */
    insertbefore: z.string().optional(),
    append_newline: z.boolean().default(false),
    prepend_newline: z.boolean().default(false),
  })
  .refine(
    ({ insertafter, insertbefore }) => insertafter === undefined || insertbefore === undefined,
    {
      message: "needs 'insertafter' or 'insertbefore', not both",
    },
  );

type Input = z.infer<typeof input>;

function place(lines: readonly string[], given: Input): number {
  const { insertafter: after, insertbefore: before } = given;
  if (before === 'BOF') return 0;
  const pattern = before ?? (after === 'EOF' ? undefined : after);
  if (pattern === undefined) return lines.length;
  const regex = patternOf(pattern);
  const at = lines.findLastIndex((line) => regex.test(line));
  if (at < 0) return lines.length;
  return before === undefined ? at + 1 : at;
}

function edited(before: string | undefined, given: Input): Edit {
  const mark = (word: string): string => `${given.marker.replaceAll('{mark}', word)}\n`;
  const [begin, end] = [mark(given.marker_begin), mark(given.marker_end)];
  const lines = linesOf(before ?? '');
  const wanted = given.state === 'present' && given.block !== '';
  const text = given.block.endsWith('\n') ? given.block : `${given.block}\n`;
  const first = lines.lastIndexOf(begin);
  const last = lines.lastIndexOf(end);
  let at: number;
  if (first < 0 || last < 0) at = place(lines, given);
  else {
    at = Math.min(first, last);
    lines.splice(at, Math.abs(last - first) + 1);
  }
  const head = lines.slice(0, at);
  const tail = lines.slice(at);
  const end0 = head.at(-1);
  if (end0 !== undefined && !end0.endsWith('\n')) head[at - 1] = `${end0}\n`;
  const block = wanted ? [begin, text, end] : [];
  if (wanted && given.prepend_newline && head.length > 0 && head.at(-1) !== '\n')
    block.unshift('\n');
  if (wanted && given.append_newline && tail.length > 0 && tail[0] !== '\n') block.push('\n');
  const after = [...head, ...block, ...tail].join('');
  if (after === before) return { after, msg: '' };
  if (before === undefined) return { after, msg: 'File created' };
  return { after, msg: wanted ? 'Block inserted' : 'Block removed' };
}

/** A block of lines between two marks. */
export const blockinfile: TaskModule<Input, FileStat, HostChange> = {
  name: 'blockinfile',
  doc: 'Keeps a block of lines between two marks in a file.',
  input,
  hostPaths: ['path'],
  aliases: { ...EDIT_ALIASES, content: 'block' },
  touches: placesOf,
  observe: seeFile,
  check: (stat, given) => {
    const before = textOf(stat);
    if (before === undefined && !given.create) return notThere('blockinfile', given);
    if (before === undefined && given.state === 'absent') {
      const reason = `File ${given.path} not present`;
      return { changes: [], reason, result: { msg: reason } };
    }
    return editVerdict(stat, given, edited(before, given));
  },
  apply: applyEdit,
};
