import { z } from 'zod';
import type { TaskModule } from './module.js';

const input = z.strictObject({ action: z.enum(['flush_handlers', 'noop']) });

/** Tells the engine something; the engine reads `action` itself. */
export const meta: TaskModule<z.infer<typeof input>> = {
  name: 'meta',
  doc: 'Runs the notified handlers now (`meta: flush_handlers`).',
  input,
  freeForm: 'action',
  observe: () => Promise.resolve(undefined),
  check: () => ({ changes: [] }),
  apply: () => Promise.resolve({}),
};
