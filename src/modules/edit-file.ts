import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat } from '../facts/file-stat.js';
import {
  attributeChanges,
  hasOwner,
  modeInput,
  ownerOf,
  pathInput,
  wantedMode,
  type Mode,
} from './file-input.js';
import { applyHostChanges, keepCopy, type HostChange } from './host-change.js';
import type { Applied, ModuleContext, Verdict } from './module.js';
import { CaravanError } from '../values/error.js';
import { escapedBytes, escapedText } from '../values/escaped-text.js';
import { joinScripts, sh } from '../values/shell.js';

/** The most that is read of a file to be edited. */
const MOST_BYTES = 16 * 1024 * 1024;

/** What modules that edit a text file take besides their own. */
export const editInput = {
  /** The file on the host. */
  path: pathInput,
  /** Makes the file where it is not there. */
  create: z.boolean().default(false),
  /** Keeps a copy of the file as it was, with the time in its name. */
  backup: z.boolean().default(false),
  /** Command that must accept the new file before it is put in place; `%s` is its path. */
  validate: z.string().optional(),
  mode: modeInput.optional(),
  owner: z.string().optional(),
  group: z.string().optional(),
} as const;

/** Other names of the same keys. */
export const EDIT_ALIASES = { dest: 'path', destfile: 'path', name: 'path' } as const;

/** What such a module was given, as far as editing goes. */
export interface EditInput {
  readonly path: string;
  readonly create?: boolean;
  readonly backup: boolean;
  readonly validate?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** What an edit made of a text. */
export interface Edit {
  readonly after: string;
  readonly msg: string;
  /** More of the result, such as how many lines were found. */
  readonly result?: Verdict['result'];
}

/**
 * Reads the file and its attributes, in one round trip.
 * @throws CaravanError verify where what is there is no file, or one too large to be edited.
 */
export async function seeFile({ path }: EditInput, context: ModuleContext): Promise<FileStat> {
  const options = { follow: true, contentUpTo: MOST_BYTES };
  const stat = await readFact(context.connection, fileStat(path, options));
  if (stat.real === '')
    throw new CaravanError('verify', `${path} is a link into a folder that does not exist`);
  if (stat.type === 'absent' || stat.content !== undefined) return stat;
  const found = stat.type === 'file' ? `of ${stat.size} bytes` : `a ${stat.type}`;
  const needed = `a file of at most ${MOST_BYTES} bytes can be edited`;
  throw new CaravanError('verify', `${path} is ${found}; ${needed}`);
}

/** The text of a file, what is not UTF-8 in it escaped; undefined where it is not there. */
export function textOf({ content }: FileStat): string | undefined {
  return content === undefined ? undefined : escapedText(content);
}

/** A text's lines, each with its end. */
export function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** What must change so that the file is as edited; `backupKey` names the copy in the result. */
export function editVerdict(
  stat: FileStat,
  given: EditInput,
  edit: Edit,
  backupKey = 'backup_file',
): Verdict<HostChange> {
  const before = textOf(stat);
  const result = { msg: edit.msg, ...edit.result };
  const owner = ownerOf(given);
  if (before === edit.after) {
    const changes = attributeChanges(stat, given);
    return changes.length > 0
      ? { changes, result }
      : { changes, reason: `${given.path} is as asked`, result };
  }
  const content = escapedBytes(edit.after);
  const write: HostChange = {
    kind: 'write',
    // Of a link what it points to is edited, and the link stays.
    path: stat.real,
    content,
    summary: `edit ${given.path}: ${edit.msg}`,
    mode: wantedMode(stat, given),
    ...(owner === undefined || hasOwner(stat, owner) ? {} : { owner }),
    diff: {
      path: given.path,
      after: content.toString('utf8'),
      ...(stat.content === undefined ? {} : { before: stat.content.toString('utf8') }),
    },
  };
  const keeps = given.backup && before !== undefined ? [keepCopy(given.path, backupKey)] : [];
  return { changes: [...checks(given, content), ...keeps, write], result };
}

/** The command of `validate`, given the new content in a file of its own. */
function checks({ validate }: EditInput, content: Buffer): HostChange[] {
  if (validate === undefined) return [];
  const command = sh`/bin/sh -c ${validate.replaceAll('%s', '"$0"')} "$t"`;
  return [
    {
      kind: 'run',
      summary: `validate with '${validate}'`,
      stdin: content,
      script: joinScripts([
        sh`t=$(mktemp) && cat > "$t" || exit`,
        command,
        sh`c=$?; rm -f "$t"; exit $c`,
      ]),
    },
  ];
}

/** A refusal: there is nothing to edit. */
export function notThere(module: string, { path }: EditInput): Verdict<HostChange> {
  return {
    changes: [],
    failure: {
      kind: 'verify',
      message: `${module}: ${path} does not exist`,
      hint: "'create: true' makes it",
    },
    result: { rc: 257 },
  };
}

/** Does what {@link editVerdict} listed. */
export function applyEdit(
  changes: readonly HostChange[],
  _given: unknown,
  context: ModuleContext,
): Promise<Applied> {
  return applyHostChanges(changes, context);
}
