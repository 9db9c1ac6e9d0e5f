import { z } from 'zod';
import type { TaskModule } from './module.js';

const input = z.strictObject({ msg: z.string().default('failed as asked') });

/** Fails. */
export const fail: TaskModule<z.infer<typeof input>> = {
  name: 'fail',
  doc: 'Fails with a message; for use with `when`.',
  input,
  freeForm: 'msg',
  observe: () => Promise.resolve(undefined),
  check: (_seen, { msg }) => ({ changes: [], failure: { kind: 'verify', message: msg } }),
  apply: () => Promise.resolve({}),
};
