import * as z from 'zod';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  seconds: z.number().min(0).optional(),
  minutes: z.number().min(0).optional(),
});

type Input = z.infer<typeof input>;

/** Waits. */
export const pause: TaskModule<Input> = {
  name: 'pause',
  doc: 'Waits for a time.',
  input,
  runsOnce: true,
  observe: async ({ seconds = 0, minutes = 0 }, { clock, signal, checkMode }) => {
    if (!checkMode) await clock.sleep((seconds + minutes * 60) * 1000, signal);
  },
  check: () => ({ changes: [] }),
  apply: () => Promise.resolve({}),
};
