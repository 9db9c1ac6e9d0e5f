import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat, type FileStatOptions } from '../facts/file-stat.js';
import { expandHome } from '../values/home-path.js';
import { FileDigests, LARGE_BYTES } from './file-digests.js';
import type { Applied, Change, ModuleContext, TaskModule, Verdict } from './module.js';
import { transferProgress } from './transfer-progress.js';

const input = z.strictObject({
  /** File on the host. */
  src: z.string(),
  /** Folder on the controller: the file goes to `dest/host/src`. */
  dest: z.string().refine((path) => !path.includes('\0'), 'has a NUL character'),
  /** `dest` is the file itself; with `/` at its end, the folder of it. */
  flat: z.boolean().default(false),
  /** A file that is not there fails the task. */
  fail_on_missing: z.boolean().default(true),
  validate_checksum: z.boolean().default(true),
});

type Input = z.infer<typeof input>;

interface Seen {
  /** With the content of a small file, or the SHA-256 of a large one. */
  readonly stat: FileStat;
  readonly target: string;
  /** SHA-1 of what is at the target, where that is the same. */
  readonly same: string | undefined;
}

/** In Ansible's words, for playbooks that look for them. */
const MISSING = 'the remote file does not exist, not transferring, ignored';

interface FetchChange extends Change {
  readonly target: string;
  readonly stat: FileStat;
}

function sha1(content: Buffer): string {
  return createHash('sha1').update(content).digest('hex');
}

async function see(given: Input, context: ModuleContext): Promise<Seen> {
  const { connection, host, folders = [], digests = new FileDigests() } = context;
  const target = targetOf(given, host.name, folders.at(-1) ?? process.cwd());
  const look = (options: FileStatOptions): Promise<FileStat> =>
    readFact(connection, fileStat(given.src, { follow: true, ...options }));
  const stat = await look({ contentUpTo: LARGE_BYTES });
  const { content } = stat;
  if (content !== undefined || stat.type !== 'file') {
    const before = await readFile(target).catch(() => undefined);
    const isSame = content !== undefined && before?.equals(content) === true;
    return { stat, target, same: isSame ? sha1(content) : undefined };
  }
  const large = await look({ digest: 'sha256' });
  const before = await digests.of(target).catch(() => undefined);
  const isSame = before !== undefined && before.sha256 === large.checksum;
  return { stat: large, target, same: isSame ? before.sha1 : undefined };
}

function check({ stat, target, same }: Seen, given: Input): Verdict<FetchChange> {
  const { src, fail_on_missing: fails } = given;
  if (stat.type !== 'file') {
    const message = `fetch: ${src} is ${stat.type}, not a file`;
    return fails
      ? { changes: [], failure: { kind: 'verify', message } }
      : { changes: [], reason: message, result: { file: src, msg: MISSING } };
  }
  if (same !== undefined) {
    const result = { dest: target, checksum: same, remote_checksum: same, file: src };
    return { changes: [], reason: `${target} is the same`, result };
  }
  const { content } = stat;
  const checksum = content && sha1(content);
  return {
    changes: [{ summary: `fetch ${src} to ${target}`, target, stat }],
    result: { dest: target, ...(checksum && { checksum, remote_checksum: checksum }) },
  };
}

async function apply({ target, stat }: FetchChange, context: ModuleContext): Promise<Applied> {
  const { connection, digests = new FileDigests() } = context;
  const { content, path, size, checksum: sha256 = '' } = stat;
  await mkdir(dirname(target), { recursive: true });
  // Another file until it is whole: a killed run leaves no half of it.
  const part = `${target}.part`;
  if (content !== undefined) {
    await writeFile(part, content);
    await rename(part, target);
    return {};
  }
  const onProgress = transferProgress(size, context);
  await connection.receiveFile({ path, to: part, size, sha256, onProgress });
  await rename(part, target);
  const { sha1: checksum } = await digests.of(target);
  return { result: { checksum, remote_checksum: checksum } };
}

function targetOf({ src, dest: given, flat }: Input, host: string, home: string): string {
  const dest = expandHome(given);
  const path = flat
    ? dest.endsWith('/')
      ? join(dest, basename(src))
      : dest
    : join(dest, host, src);
  return resolve(home, path);
}

/** Brings a file from the host. */
export const fetch: TaskModule<Input, Seen, FetchChange> = {
  name: 'fetch',
  doc: 'Brings a file from the host to the controller.',
  input,
  hostPaths: ['src'],
  observe: see,
  check,
  apply: async ([change], _given, context) => (change === undefined ? {} : apply(change, context)),
};
