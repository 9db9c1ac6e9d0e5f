import { createHash } from 'node:crypto';

type Kind = 'sha1' | 'sha256';

const KNOWN: Readonly<Record<Kind, WeakMap<Buffer, string>>> = {
  sha1: new WeakMap(),
  sha256: new WeakMap(),
};

/**
 * The digest of bytes, in hex. It is remembered for the buffer, whose bytes must not change: a file
 * of the controller is the same buffer for all hosts.
 */
export function digestOf(kind: Kind, bytes: Buffer): string {
  const known = KNOWN[kind].get(bytes);
  if (known !== undefined) return known;
  const digest = createHash(kind).update(bytes).digest('hex');
  KNOWN[kind].set(bytes, digest);
  return digest;
}
