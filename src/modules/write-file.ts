import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat, type FileStatOptions } from '../facts/file-stat.js';
import { digestOf } from '../values/digest.js';
import { Secret } from '../values/secret.js';
import { joinScripts, sh } from '../values/shell.js';
import {
  attributeChanges,
  hasOwner,
  modeInput,
  octal,
  ownerOf,
  pathInput,
  wantedMode,
  type Mode,
} from './file-input.js';
import type { LargeFile } from './file-digests.js';
import {
  applyHostChanges,
  keepCopy,
  type HostChange,
  type SendChange,
  type WriteChange,
} from './host-change.js';
import type { Applied, ModuleContext, Verdict } from './module.js';

/** What modules that write a whole file take besides what the file holds. */
export const fileOptions = {
  /** File on the host; a folder where it ends with `/`. */
  dest: pathInput,
  /** False: a file that is there stays as it is. */
  force: z.boolean().default(true),
  /** Keeps a copy of the file as it was, with the time in its name. */
  backup: z.boolean().default(false),
  /** Command that must accept the new file before it is put in place; `%s` is its path. */
  validate: z.string().optional(),
  /** `preserve`: that of the file that is copied. */
  mode: z.union([z.literal('preserve'), modeInput]).optional(),
  owner: z.string().optional(),
  group: z.string().optional(),
  /** A link at `dest` stays, and what it points to is written. */
  follow: z.boolean().default(false),
  /** Folder for the temporary file, where the folder of `dest` must not see one. */
  temporary_folder: z.string().optional(),
} as const;

/** Such a module's input, as far as writing goes. */
export interface FileInput {
  readonly force?: boolean | undefined;
  readonly backup?: boolean | undefined;
  readonly validate?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
  readonly temporary_folder?: string | undefined;
}

/** What stands at the path, and what shall. */
export interface SeenFile {
  readonly stat: FileStat;
  /** A large file is compared by the digest in `stat`. */
  readonly content: Buffer | LargeFile;
  readonly isSecret: boolean;
  /** Mode of the file that is copied. */
  readonly sourceMode?: number | undefined;
}

/** What stands at a path, or with `follow` where a link leads. */
export async function seePlace(
  path: string,
  options: FileStatOptions,
  { follow }: { readonly follow: boolean },
  { connection }: ModuleContext,
): Promise<FileStat> {
  const stat = await readFact(
    connection,
    fileStat(path, { ...options, ...(follow && { follow }) }),
  );
  // A link that leads nowhere is replaced, as Ansible does.
  return follow && stat.type !== 'absent' ? { ...stat, path: stat.real } : stat;
}

function isSame({ stat, content }: SeenFile): boolean {
  if (stat.type !== 'file') return false;
  return Buffer.isBuffer(content)
    ? stat.content?.equals(content) === true
    : stat.checksum === content.sha256;
}

function isText(content: Buffer): boolean {
  return !content.includes(0);
}

function write(seen: SeenFile, given: FileInput): WriteChange | SendChange {
  const { stat, content, isSecret } = seen;
  const owner = ownerOf(given);
  const mode = wantedMode(stat, given);
  const place = {
    path: stat.path,
    summary: `write ${stat.path}${given.mode === undefined ? '' : ` (${octal(mode)})`}`,
    // Of a new file too, so that the host need not look.
    mode,
    ...(owner === undefined ? {} : { owner }),
    ...(given.temporary_folder === undefined ? {} : { temporaryFolder: given.temporary_folder }),
  };
  if (!Buffer.isBuffer(content)) {
    const { validate } = given;
    const source = content;
    return { ...place, kind: 'send', isAlone: true, source, ...(validate && { validate }) };
  }
  const before = stat.content;
  const shows = !isSecret && isText(content) && (before === undefined || isText(before));
  return {
    ...place,
    kind: 'write',
    content: isSecret ? new Secret(content) : content,
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

function before(seen: SeenFile, { validate, backup }: FileInput): HostChange[] {
  const { path, type } = seen.stat;
  const { content } = seen;
  const check: HostChange[] =
    validate === undefined || !Buffer.isBuffer(content)
      ? []
      : [
          {
            kind: 'run',
            summary: `validate with '${validate}'`,
            stdin: seen.isSecret ? new Secret(content) : content,
            script: joinScripts([
              sh`t=$(mktemp) && cat > "$t" || exit`,
              sh`/bin/sh -c ${validate.replaceAll('%s', '"$0"')} "$t"`,
              sh`c=$?; rm -f "$t"; exit $c`,
            ]),
          },
        ];
  const keep = backup === true && type === 'file' ? [keepCopy(path, 'backup_file')] : [];
  return [...check, ...keep];
}

function sumOf(content: Buffer | LargeFile): { checksum: string; size: number } {
  return Buffer.isBuffer(content)
    ? { checksum: digestOf('sha1', content), size: content.length }
    : { checksum: content.sha1, size: content.size };
}

/** What must change so that the file holds what it shall, with its attributes. */
export function checkFile(module: string, seen: SeenFile, asked: FileInput): Verdict<HostChange> {
  const { stat, content } = seen;
  const given = asked.mode === 'preserve' ? { ...asked, mode: seen.sourceMode } : asked;
  if (stat.type === 'directory' || stat.type === 'other')
    return {
      changes: [],
      failure: { kind: 'input', message: `${module}: ${stat.path} is a ${stat.type}, not a file` },
    };
  const result = {
    dest: stat.path,
    // A digest of a secret is enough to try guesses against.
    ...(seen.isSecret ? {} : sumOf(content)),
    mode: octal(wantedMode(stat, given)),
  };
  if (stat.type === 'file' && given.force === false)
    return { changes: [], reason: `${stat.path} is there`, result: { dest: stat.path } };
  if (!isSame(seen)) return { changes: [...before(seen, given), write(seen, given)], result };
  const owner = ownerOf(given);
  const changes = attributeChanges(stat, given);
  return changes.length === 0 && (owner === undefined || hasOwner(stat, owner))
    ? { changes: [], reason: `${stat.path} is as asked`, result: { ...result, path: stat.path } }
    : { changes, result: { ...result, path: stat.path } };
}

/** Does what {@link checkFile} listed. */
export function applyFile(
  changes: readonly HostChange[],
  _given: unknown,
  context: ModuleContext,
): Promise<Applied> {
  return applyHostChanges(changes, context);
}
