import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStat, type FileStatOptions } from '../facts/file-stat.js';
import { expandPaths } from '../facts/host-paths.js';
import { CaravanError } from '../values/error.js';
import { jsonLine } from '../values/json.js';
import { Secret } from '../values/secret.js';
import { controllerContent, controllerMode } from './controller-file.js';
import type { LargeFile } from './file-digests.js';
import { attributeChanges, modeBits, modeInput, octal, ownerOf } from './file-input.js';
import { makeFolders, type HostChange } from './host-change.js';
import type { ModuleContext, TaskModule, Verdict } from './module.js';
import { applyFile, checkFile, fileOptions, seePlace, type SeenFile } from './write-file.js';

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
  .refine(({ mode, src }) => mode !== 'preserve' || src !== undefined, {
    message: "'preserve' is the mode of 'src'",
  })
  .refine(({ content, src }) => (content === undefined) !== (src === undefined), {
    message: "needs either 'content' or 'src'",
  });

type Input = z.infer<typeof input>;

/** Each file to be written, one for all but a folder; and what it needs before. */
interface Seen {
  /** A file of the host that is copied. */
  readonly source?: FileStat | undefined;
  readonly files: readonly SeenFile[];
  /** The folders of a folder that is copied. */
  readonly folders: readonly FileStat[];
  readonly isFolder: boolean;
}

interface Wanted {
  readonly path: string;
  readonly content: Buffer | LargeFile;
  readonly isSecret: boolean;
  readonly sourceMode?: number | undefined;
}

/** All that is asked for. */
interface WantedFiles {
  readonly files: readonly Wanted[];
  readonly folders: readonly string[];
  readonly source?: FileStat;
}

function destination(dest: string, name: string, isFolder: boolean): string {
  return dest.endsWith('/') || isFolder ? join(dest, name) : dest;
}

function ofText({ content, dest }: Input): Wanted {
  const path = dest;
  if (content instanceof Secret)
    return { path, content: Buffer.from((content as Secret).reveal()), isSecret: true };
  // A truth value is written as Python does, what is in a mapping or list as JSON does.
  const text =
    typeof content === 'string'
      ? content
      : typeof content === 'boolean'
        ? content
          ? 'True'
          : 'False'
        : jsonLine(content);
  return { path, content: Buffer.from(text), isSecret: false };
}

async function remoteFile(
  src: string,
  context: ModuleContext,
): Promise<FileStat & { content: Buffer }> {
  const { connection } = context;
  const [path = src] = await expandPaths([src], connection);
  const most = { follow: true, contentUpTo: 64 * 1024 * 1024 };
  const found = await readFact(connection, fileStat(path, most));
  const { content } = found;
  if (content !== undefined) return { ...found, content };
  throw new CaravanError('verify', `copy: ${src} on the host is ${found.type}, not a file`);
}

/** Paths of files and of folders below a folder. */
async function below(folder: string, at = ''): Promise<{ files: string[]; folders: string[] }> {
  const entries = await readdir(join(folder, at), { withFileTypes: true });
  const found = { files: [] as string[], folders: [] as string[] };
  for (const entry of entries) {
    const path = join(at, entry.name);
    if (!entry.isDirectory()) found.files.push(path);
    else {
      const inner = await below(folder, path);
      found.files.push(...inner.files);
      found.folders.push(path, ...inner.folders);
    }
  }
  return { files: found.files.sort(), folders: found.folders.sort() };
}

async function fileContent(path: string, context: ModuleContext): Promise<Buffer | LargeFile> {
  const found = await controllerContent(path, 'files', context);
  if (!('folder' in found)) return found;
  throw new CaravanError('input', `copy: ${path} on the controller is a link to a folder`);
}

async function wanted(given: Input, context: ModuleContext): Promise<WantedFiles> {
  const { src, dest, remote_src: isRemote } = given;
  if (src === undefined) return { files: [ofText(given)], folders: [] };
  const path = destination(dest, basename(src), false);
  const one = { path, isSecret: false };
  if (isRemote) {
    const source = await remoteFile(src, context);
    const { content, mode: sourceMode } = source;
    return { files: [{ ...one, content, sourceMode }], folders: [], source };
  }
  const found = await controllerContent(src, 'files', context);
  const modeAt = (file: string): number | undefined =>
    given.mode === 'preserve' ? controllerMode(file, 'files', context) : undefined;
  if (!('folder' in found))
    return { files: [{ ...one, content: found, sourceMode: modeAt(src) }], folders: [] };
  const { folder } = found;
  const target = join(dest, src.endsWith('/') ? '' : basename(src));
  const { files, folders } = await below(folder);
  return {
    folders: [target, ...folders.map((name) => join(target, name))],
    files: await Promise.all(
      files.map(async (name) => ({
        path: join(target, name),
        content: await fileContent(join(folder, name), context),
        isSecret: false,
        sourceMode: modeAt(join(folder, name)),
      })),
    ),
  };
}

async function see(given: Input, context: ModuleContext): Promise<Seen> {
  const { connection } = context;
  const { files, folders, source } = await wanted(given, context);
  const isFolder = folders.length > 0 || (given.src !== undefined && files[0]?.path !== given.dest);
  const look = async ({ path, content, isSecret, sourceMode }: Wanted): Promise<SeenFile> => {
    const options: FileStatOptions = Buffer.isBuffer(content)
      ? { contentUpTo: Math.max(CONTENT_BYTES, content.length) }
      : { digest: 'sha256' };
    const stat = await seePlace(path, options, given, context);
    return { stat, content, isSecret, sourceMode };
  };
  const [seen, seenFolders] = await Promise.all([
    Promise.all(files.map(look)),
    Promise.all(folders.map((path) => readFact(connection, fileStat(path, { follow: true })))),
  ]);
  const only = folders.length === 0 ? seen[0] : undefined;
  // A folder of that name takes the file under its own name.
  if (only?.stat.type === 'directory' && given.src !== undefined) {
    const [file] = files;
    const path = join(only.stat.path, basename(given.src));
    if (file !== undefined)
      return { source, files: [await look({ ...file, path })], folders: [], isFolder: false };
  }
  return { source, files: seen, folders: seenFolders, isFolder };
}

function check({ files, folders, isFolder }: Seen, given: Input): Verdict<HostChange> {
  const verdicts = files.map((file) => checkFile('copy', file, given));
  const [only] = verdicts;
  if (only !== undefined && folders.length === 0) return withFolder(only, files, isFolder, given);
  const failure = verdicts.find((one) => one.failure !== undefined)?.failure;
  const inTheWay = folders.find(({ type }) => type !== 'absent' && type !== 'directory');
  if (inTheWay !== undefined)
    return refusal(`copy: ${inTheWay.path} is a ${inTheWay.type}, not a folder`);
  const attributes = { mode: given.directory_mode, owner: given.owner, group: given.group };
  const changes = [
    ...madeFolders(folders, given),
    ...folders
      .slice(1)
      .filter(({ type }) => type === 'directory')
      .flatMap((stat) => attributeChanges(stat, attributes)),
    ...verdicts.flatMap((one) => one.changes),
  ];
  return {
    changes,
    result: { dest: join(given.dest, '/') },
    ...(changes.length === 0 ? { reason: `${given.dest} is as asked` } : {}),
    ...(failure === undefined ? {} : { failure }),
  };
}

function refusal(message: string): Verdict<HostChange> {
  return { changes: [], failure: { kind: 'input', message } };
}

function withFolder(
  only: Verdict<HostChange>,
  files: readonly SeenFile[],
  isFolder: boolean,
  given: Input,
): Verdict<HostChange> {
  if (!isFolder || only.changes.length === 0) return only;
  const above = files.map(({ stat }) => ({ ...stat, path: stat.path.replace(/\/[^/]*$/, '') }));
  return { ...only, changes: [...madeFolders(above, given), ...only.changes] };
}

/** Makes folders that are absent. */
function madeFolders(folders: readonly FileStat[], given: Input): HostChange[] {
  const paths = folders.flatMap(({ path, type }) => (type === 'absent' ? [path] : []));
  if (paths.length === 0) return [];
  const { directory_mode: mode } = given;
  const bits = mode === undefined ? mode : octal(modeBits(mode, 0o755, true));
  return [makeFolders(paths, { mode: bits, owner: ownerOf(given) })];
}

/** Puts a file in place. */
export const copy: TaskModule<Input, Seen, HostChange> = {
  name: 'copy',
  doc: 'Puts a file with given content, or a copy of one on the controller, in place atomically.',
  input,
  hostPaths: ['dest'],
  aliases: { path: 'dest' },
  touches: ({ source, folders, files }) =>
    [...(source ? [source] : []), ...folders, ...files.map(({ stat }) => stat)].flatMap(placesOf),
  observe: see,
  check,
  apply: applyFile,
};
