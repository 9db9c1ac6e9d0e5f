import { gzip } from 'node:zlib';
import { promisify } from 'node:util';

const compress = promisify(gzip);

/** Compressed data must be at most this part of the data. */
const WORTH = 0.8;
/**
 * Bytes a second of a link that compressing is for: 100 Mbit/s. zlib's level 1 compresses four to
 * seven times as much on one core (42 to 83 MB/s, measured on programs, sources and lock files), so
 * that a few hosts can be sent to at once before the compressor is slower than their links. It is
 * not measured in the run: a busy moment of this machine would decide for the whole file.
 */
const SLOW_LINK = 12 * 1024 * 1024;

/** What was measured of data and of the way to a host. */
export interface Measured {
  /** Size of the compressed samples, as a part of the samples. */
  readonly ratio: number;
  /** Bytes a second at which the host took the first piece, uncompressed. */
  readonly linkRate: number;
}

/** Whether to compress what is left of a file: where it shrinks to four fifths or less, over a slow link. */
export function pays({ ratio, linkRate }: Measured): boolean {
  return ratio <= WORTH && linkRate <= SLOW_LINK;
}

/** A piece of a gzip stream: pieces that follow each other are one. */
export function compressed(bytes: Buffer): Promise<Buffer> {
  return compress(bytes, { level: 1 });
}
