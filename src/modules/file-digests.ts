import { createHash } from 'node:crypto';
import { createReadStream, type BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FileSource } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { versionOf } from '../values/file-cache.js';

/** Larger files of the controller are never held in memory whole, but sent by a stream. */
export const LARGE_BYTES = 1024 * 1024;

/** A file of the controller that is too large to be held in memory for each host. */
export interface LargeFile extends FileSource {
  /** Hex. */
  readonly sha1: string;
}

/** Reads large files of the controller once a run, and again where one has changed. */
export class FileDigests {
  readonly #known = new Map<string, Promise<LargeFile>>();

  /**
   * @param given what stands there now
   * @throws CaravanError input where it cannot be read, or changes meanwhile; ENOENT as it is
   */
  async of(path: string, given?: BigIntStats): Promise<LargeFile> {
    const found = given ?? (await stat(path, { bigint: true }));
    const key = `${path}\0${versionOf(found)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const reading = digest(path, Number(found.size));
    this.#known.set(key, reading);
    reading.catch(() => this.#known.delete(key));
    return reading;
  }
}

async function digest(path: string, size: number): Promise<LargeFile> {
  const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
  let read = 0;
  for await (const piece of createReadStream(path, { highWaterMark: LARGE_BYTES })) {
    const bytes = piece as Buffer;
    read += bytes.length;
    sha1.update(bytes);
    sha256.update(bytes);
  }
  if (read !== size)
    throw new CaravanError('input', `read ${path} on the controller: it changed meanwhile`);
  return { path, size, sha1: sha1.digest('hex'), sha256: sha256.digest('hex') };
}
