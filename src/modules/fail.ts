import * as z from 'zod';
import { textOrSecret } from './secret-input.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({ msg: textOrSecret.default('failed as asked') });

/** Fails. */
export const fail: TaskModule<z.infer<typeof input>> = {
  name: 'fail',
  doc: 'Fails with a message; for use with `when`.',
  input,
  freeForm: 'msg',
  touches: 'nothing',
  observe: () => Promise.resolve(undefined),
  check: (_seen, { msg }) => ({ changes: [], failure: { kind: 'verify', message: String(msg) } }),
  apply: () => Promise.resolve({}),
};
