import { gzip } from 'node:zlib';
import { promisify } from 'node:util';

const compress = promisify(gzip);

/** Compressed data must be at most this part of the data. */
const WORTH = 0.8;
/** So many hosts can be sent to at once before this machine's compressor is slower than their links. */
const SHARE = 4;

/** What was measured of data and of the way to a host. */
export interface Measured {
  /** Size of a compressed sample, as a part of the sample. */
  readonly ratio: number;
  /** Bytes of the sample that were compressed a second. */
  readonly compressRate: number;
  /** Bytes a second at which the host took the first piece, uncompressed. */
  readonly linkRate: number;
}

/**
 * Whether to compress what is left of a file: where a sample of it shrinks to four fifths or less,
 * and the link is at least four times slower than one core compresses (zlib, level 1).
 */
export function pays({ ratio, compressRate, linkRate }: Measured): boolean {
  return ratio <= WORTH && linkRate * SHARE <= compressRate;
}

/** A piece of a gzip stream: pieces that follow each other are one. */
export function compressed(bytes: Buffer): Promise<Buffer> {
  return compress(bytes, { level: 1 });
}

/** How a sample compresses. */
export async function measure(
  sample: Buffer,
  nowMs: () => number,
): Promise<Pick<Measured, 'ratio' | 'compressRate'>> {
  const beganAt = nowMs();
  const { length } = await compressed(sample);
  const seconds = Math.max(nowMs() - beganAt, 0.01) / 1000;
  return { ratio: length / sample.length, compressRate: sample.length / seconds };
}
