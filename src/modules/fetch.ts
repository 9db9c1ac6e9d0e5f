import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat } from '../facts/file-stat.js';
import type { Change, TaskModule } from './module.js';

/** The most that is read into memory. */
const MOST_BYTES = 64 * 1024 * 1024;

const input = z.strictObject({
  /** File on the host. */
  src: z.string(),
  /** Folder on the controller: the file goes to `dest/host/src`. */
  dest: z.string(),
  /** `dest` is the file itself; with `/` at its end, the folder of it. */
  flat: z.boolean().default(false),
  /** A file that is not there fails the task. */
  fail_on_missing: z.boolean().default(true),
  validate_checksum: z.boolean().default(true),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly stat: FileStat;
  readonly target: string;
  readonly before: Buffer | undefined;
}

/** In Ansible's words, for playbooks that look for them. */
const MISSING = 'the remote file does not exist, not transferring, ignored';

interface FetchChange extends Change {
  readonly target: string;
  readonly content: Buffer;
}

function targetOf({ src, dest, flat }: Input, host: string, home: string): string {
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
  doc: 'Brings a file of up to 64 MiB from the host to the controller.',
  input,
  observe: async (given, { connection, signal, host, folders = [] }) => {
    const target = targetOf(given, host.name, folders.at(-1) ?? process.cwd());
    const options = { follow: true, contentUpTo: MOST_BYTES };
    const stat = await readFact(connection, fileStat(given.src, options), { signal });
    return { stat, target, before: await readFile(target).catch(() => undefined) };
  },
  check: ({ stat, target, before }, { src, fail_on_missing: fails }) => {
    const { content } = stat;
    if (content === undefined) {
      const message = `fetch: ${src} is ${stat.type}, or larger than ${MOST_BYTES} bytes`;
      return fails
        ? { changes: [], failure: { kind: 'verify', message } }
        : { changes: [], reason: message, result: { file: src, msg: MISSING } };
    }
    const checksum = createHash('sha1').update(content).digest('hex');
    const result = { dest: target, checksum, remote_checksum: checksum };
    return before?.equals(content) === true
      ? { changes: [], reason: `${target} is the same`, result: { ...result, file: src } }
      : { changes: [{ summary: `fetch ${src} to ${target}`, target, content }], result };
  },
  apply: async ([change]) => {
    if (change === undefined) return {};
    const { target, content } = change;
    await mkdir(dirname(target), { recursive: true });
    // Another file until it is whole: a killed run leaves no half of it.
    await writeFile(`${target}.part`, content);
    await rename(`${target}.part`, target);
    return {};
  },
};
