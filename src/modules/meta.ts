import * as z from 'zod';
import type { TaskModule } from './module.js';

const ACTIONS = [
  ...(['flush_handlers', 'noop', 'end_host', 'end_batch', 'end_play'] as const),
  ...(['clear_host_errors', 'clear_facts', 'reset_connection'] as const),
] as const;

const input = z.strictObject({ action: z.enum(ACTIONS) });

/** Tells the engine something; the engine reads `action` itself. */
export const meta: TaskModule<z.infer<typeof input>> = {
  name: 'meta',
  doc: 'Tells the engine something: runs notified handlers now, ends a play for a host, ...',
  input,
  freeForm: 'action',
  observe: () => Promise.resolve(undefined),
  check: () => ({ changes: [] }),
  apply: () => Promise.resolve({}),
};
