import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStat } from '../facts/file-stat.js';
import type { TaskModule } from './module.js';

/** The most that is read into memory. */
const MOST_BYTES = 1024 * 1024;

const input = z.strictObject({ src: z.string() });

/** Reads a file. */
export const slurp: TaskModule<z.infer<typeof input>, FileStat> = {
  name: 'slurp',
  doc: 'Reads a file of up to 1 MiB, in base64 (`content | b64decode`).',
  input,
  hostPaths: ['src'],
  freeForm: 'src',
  aliases: { path: 'src' },
  touches: placesOf,
  observe: ({ src }, { connection }) =>
    readFact(connection, fileStat(src, { follow: true, contentUpTo: MOST_BYTES })),
  check: ({ type, size, content }, { src }) => {
    if (content !== undefined)
      return {
        changes: [],
        result: { content: content.toString('base64'), encoding: 'base64', source: src },
      };
    const found =
      type === 'file' ? `has ${size} bytes, more than ${MOST_BYTES}` : `is ${type}, not a file`;
    return { changes: [], failure: { kind: 'verify', message: `slurp: ${src} ${found}` } };
  },
  apply: () => Promise.resolve({}),
};
