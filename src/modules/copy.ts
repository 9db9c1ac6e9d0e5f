import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStatOptions } from '../facts/file-stat.js';
import { CaravanError } from '../values/error.js';
import { jsonLine } from '../values/json.js';
import { Secret } from '../values/secret.js';
import { sh } from '../values/shell.js';
import { controllerContent } from './controller-file.js';
import type { LargeFile } from './file-digests.js';
import { modeInput } from './file-input.js';
import type { HostChange } from './host-change.js';
import type { ModuleContext, TaskModule, Verdict } from './module.js';
import { applyFile, checkFile, fileOptions, type SeenFile } from './write-file.js';

/** A file on the host is read up to this size, for its diff, where the new one is smaller. */
const CONTENT_BYTES = 256 * 1024;

const input = z
  .strictObject({
    ...fileOptions,
    /** Text of the file; a mapping or list is written as JSON. */
    content: z
      .union([
        z.string(),
        z.instanceof(Secret),
        z.number(),
        z.boolean(),
        z.record(z.string(), z.json()),
        z.array(z.json()),
      ])
      .optional(),
    /** File or folder on the controller; one that ends with `/` gives only what is in it. */
    src: z.string().optional(),
    /** `src` is a file on the host. */
    remote_src: z.boolean().default(false),
    /** Mode of folders that are made. */
    directory_mode: modeInput.optional(),
  })
  .refine(({ content, src }) => (content === undefined) !== (src === undefined), {
    message: "needs either 'content' or 'src'",
  });

type Input = z.infer<typeof input>;

/** Each file to be written, one for all but a folder; and what it needs before. */
interface Seen {
  readonly files: readonly SeenFile[];
  readonly isFolder: boolean;
}

interface Wanted {
  readonly path: string;
  readonly content: Buffer | LargeFile;
  readonly isSecret: boolean;
}

function destination(dest: string, name: string, isFolder: boolean): string {
  return dest.endsWith('/') || isFolder ? join(dest, name) : dest;
}

function ofText({ content, dest }: Input): Wanted {
  const path = dest;
  if (content instanceof Secret)
    return { path, content: Buffer.from((content as Secret).reveal()), isSecret: true };
  const text = typeof content === 'string' ? content : jsonLine(content);
  return { path, content: Buffer.from(text), isSecret: false };
}

async function remoteFile(src: string, context: ModuleContext): Promise<Buffer> {
  const { connection } = context;
  const most = { follow: true, contentUpTo: 64 * 1024 * 1024 };
  const found = await readFact(connection, fileStat(src, most));
  if (found.content !== undefined) return found.content;
  throw new CaravanError('verify', `copy: ${src} on the host is ${found.type}, not a file`);
}

async function filesBelow(folder: string, at = ''): Promise<string[]> {
  const entries = await readdir(join(folder, at), { withFileTypes: true });
  const found = await Promise.all(
    entries.map((entry) => {
      const path = join(at, entry.name);
      return entry.isDirectory() ? filesBelow(folder, path) : Promise.resolve([path]);
    }),
  );
  return found.flat().sort();
}

async function fileContent(path: string, context: ModuleContext): Promise<Buffer | LargeFile> {
  const found = await controllerContent(path, 'files', context);
  if (!('folder' in found)) return found;
  throw new CaravanError('input', `copy: ${path} on the controller is a link to a folder`);
}

async function wanted(given: Input, context: ModuleContext): Promise<Wanted[]> {
  const { src, dest, remote_src: isRemote } = given;
  if (src === undefined) return [ofText(given)];
  const path = destination(dest, basename(src), false);
  if (isRemote) return [{ path, content: await remoteFile(src, context), isSecret: false }];
  const found = await controllerContent(src, 'files', context);
  if (!('folder' in found)) return [{ path, content: found, isSecret: false }];
  const { folder } = found;
  const below = src.endsWith('/') ? '' : basename(src);
  const names = await filesBelow(folder);
  return Promise.all(
    names.map(async (name) => ({
      path: join(dest, below, name),
      content: await fileContent(join(folder, name), context),
      isSecret: false,
    })),
  );
}

async function see(given: Input, context: ModuleContext): Promise<Seen> {
  const { connection } = context;
  const files = await wanted(given, context);
  const isFolder = files.length !== 1 || (given.src !== undefined && files[0]?.path !== given.dest);
  const look = async ({ path, content, isSecret }: Wanted): Promise<SeenFile> => {
    const options: FileStatOptions = Buffer.isBuffer(content)
      ? { contentUpTo: Math.max(CONTENT_BYTES, content.length) }
      : { digest: 'sha256' };
    const stat = await readFact(connection, fileStat(path, options));
    return { stat, content, isSecret };
  };
  const seen = await Promise.all(files.map(look));
  const [only] = seen;
  // A folder of that name takes the file under its own name.
  if (seen.length === 1 && only?.stat.type === 'directory' && given.src !== undefined) {
    const [file] = files;
    const path = join(only.stat.path, basename(given.src));
    if (file !== undefined) return { files: [await look({ ...file, path })], isFolder: false };
  }
  return { files: seen, isFolder };
}

function check({ files, isFolder }: Seen, given: Input): Verdict<HostChange> {
  const verdicts = files.map((file) => checkFile('copy', file, given));
  const [only] = verdicts;
  if (only !== undefined && verdicts.length === 1) return withFolder(only, files, isFolder, given);
  const failure = verdicts.find((one) => one.failure !== undefined)?.failure;
  const changes = verdicts.flatMap((one) => one.changes);
  const all = changes.length === 0 ? changes : [...folders(files, given), ...changes];
  return {
    changes: all,
    result: { dest: given.dest },
    ...(changes.length === 0 ? { reason: `${given.dest} is as asked` } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}

function withFolder(
  only: Verdict<HostChange>,
  files: readonly SeenFile[],
  isFolder: boolean,
  given: Input,
): Verdict<HostChange> {
  if (!isFolder || only.changes.length === 0) return only;
  return { ...only, changes: [...folders(files, given), ...only.changes] };
}

/** Makes the folders of new files. */
function folders(files: readonly SeenFile[], given: Input): HostChange[] {
  const missing = files.filter(({ stat }) => stat.type === 'absent');
  const paths = [...new Set(missing.map(({ stat }) => stat.path.replace(/\/[^/]*$/, '')))];
  if (paths.length === 0) return [];
  const mode = given.directory_mode;
  const flag = mode === undefined ? [] : ['-m', mode.toString(8)];
  return [
    {
      kind: 'run',
      summary: `make folder ${paths.join(', ')}`,
      script: sh`for d in ${paths}; do [ -d "$d" ] || mkdir -p ${flag} -- "$d" || exit; done`,
    },
  ];
}

/** Puts a file in place. */
export const copy: TaskModule<Input, Seen, HostChange> = {
  name: 'copy',
  doc: 'Puts a file with given content, or a copy of one on the controller, in place atomically.',
  input,
  aliases: { path: 'dest' },
  touches: ({ files }) => files.flatMap(({ stat }) => placesOf(stat)),
  observe: see,
  check,
  apply: applyFile,
};
