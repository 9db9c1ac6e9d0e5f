import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat } from '../facts/file-stat.js';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { attributeChanges, hasOwner, modeInput, octal, ownerOf } from './file-input.js';
import { applyHostChanges, type HostChange, type WriteChange } from './host-change.js';
import type { ModuleContext, TaskModule, Verdict } from './module.js';

/** Larger files are compared by digest on the host; smaller ones are read, for their diff. */
const CONTENT_BYTES = 256 * 1024;

const input = z
  .strictObject({
    /** Text of the file; a mapping or list is written as JSON. */
    content: z
      .union([
        z.string(),
        z.instanceof(Secret),
        z.number(),
        z.record(z.string(), z.json()),
        z.array(z.json()),
      ])
      .optional(),
    /** File on the controller, relative to the playbook. */
    src: z.string().optional(),
    /** File on the host; a folder where it ends with `/`. */
    dest: z.string().refine(isAbsolute, 'must be an absolute path'),
    mode: modeInput.optional(),
    owner: z.string().optional(),
    group: z.string().optional(),
    /** Folder for the temporary file, where the folder of `dest` must not see one. */
    temporary_folder: z.string().optional(),
  })
  .refine(({ content, src }) => (content === undefined) !== (src === undefined), {
    message: "needs either 'content' or 'src'",
  });

type Input = z.infer<typeof input>;

interface Seen {
  readonly stat: FileStat;
  readonly content: Buffer;
  readonly isSecret: boolean;
}

async function wantedContent(given: Input, context: ModuleContext): Promise<Buffer> {
  const { content, src } = given;
  if (src !== undefined) {
    const folder = context.host.vars['playbook_dir'];
    const file = resolve(typeof folder === 'string' ? folder : '.', src);
    try {
      return await readFile(file);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new CaravanError('input', `read ${src} on the controller: ${why}`, { cause });
    }
  }
  if (content instanceof Secret) return Buffer.from(content.reveal());
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}

function destination({ dest, src }: Input): string {
  return dest.endsWith('/') && src !== undefined ? `${dest}${basename(src)}` : dest;
}

function isText(content: Buffer): boolean {
  return !content.includes(0);
}

function write(seen: Seen, given: Input): WriteChange {
  const { stat, content, isSecret } = seen;
  const owner = ownerOf(given);
  const before = stat.content;
  const shows = !isSecret && isText(content) && (before === undefined || isText(before));
  return {
    kind: 'write',
    path: stat.path,
    content: isSecret ? new Secret(content) : content,
    summary: `write ${stat.path}${given.mode === undefined ? '' : ` (${octal(given.mode)})`}`,
    ...(given.mode === undefined ? {} : { mode: given.mode }),
    ...(owner === undefined ? {} : { owner }),
    ...(given.temporary_folder === undefined ? {} : { temporaryFolder: given.temporary_folder }),
    ...(shows
      ? {
          diff: {
            path: stat.path,
            after: content.toString('utf8'),
            ...(before === undefined ? {} : { before: before.toString('utf8') }),
          },
        }
      : {}),
  };
}

function check(seen: Seen, given: Input): Verdict<HostChange> {
  const { stat, content } = seen;
  const result = { dest: stat.path };
  if (stat.type === 'directory' || stat.type === 'other')
    return {
      changes: [],
      failure: { kind: 'input', message: `copy: ${stat.path} is a ${stat.type}, not a file` },
    };
  const differs =
    stat.type !== 'file' || stat.content === undefined || !stat.content.equals(content);
  const owner = ownerOf(given);
  if (differs) return { changes: [write(seen, given)], result };
  const changes = attributeChanges(stat, given);
  const attributes = owner === undefined || hasOwner(stat, owner);
  return changes.length === 0 && attributes
    ? { changes: [], reason: `${stat.path} is as asked`, result }
    : { changes, result };
}

/** Puts a file in place. */
export const copy: TaskModule<Input, Seen, HostChange> = {
  name: 'copy',
  doc: 'Puts a file with given content, or a copy of one on the controller, in place atomically.',
  input,
  observe: async (given, context) => {
    const path = destination(given);
    const content = await wantedContent(given, context);
    const contentUpTo = Math.max(CONTENT_BYTES, content.length);
    const options = { signal: context.signal };
    const stat = await readFact(context.connection, fileStat(path, { contentUpTo }), options);
    return { stat, content, isSecret: given.content instanceof Secret };
  },
  check,
  apply: (changes, _given, context) => applyHostChanges(changes, context),
};
