import * as z from 'zod';
import { textOrSecret } from './secret-input.js';
import type { TaskModule } from './module.js';

const condition = z.union([z.string(), z.boolean()]);

const input = z.strictObject({
  /** Conditions, all of which must hold. The engine evaluates them: they need the host's variables. */
  that: z.union([condition, z.array(condition)]),
  fail_msg: textOrSecret.optional(),
  success_msg: textOrSecret.optional(),
  quiet: z.boolean().optional(),
});

type Input = z.infer<typeof input>;

interface Seen {
  /** The first condition that does not hold. */
  readonly failing?: string;
}

/** Fails unless conditions hold. */
export const assert: TaskModule<Input, Seen> = {
  name: 'assert',
  doc: 'Fails unless all conditions hold.',
  input,
  aliases: { msg: 'fail_msg' },
  rawInput: ['that'],
  touches: 'nothing',
  observe: ({ that }, context) => {
    const all = Array.isArray(that) ? that : [that];
    const failing = all.find((one) => context.holds?.(one) !== true);
    return Promise.resolve(failing === undefined ? {} : { failing: String(failing) });
  },
  check: ({ failing }, { fail_msg: failMessage, success_msg: successMessage }) => {
    if (failing === undefined)
      return { changes: [], result: { msg: String(successMessage ?? 'All assertions passed') } };
    const message = String(failMessage ?? `assertion does not hold: ${failing}`);
    return {
      changes: [],
      result: { assertion: failing, evaluated_to: false },
      failure: {
        kind: 'verify',
        message,
        ...(failMessage ? { hint: `does not hold: ${failing}` } : {}),
      },
    };
  },
  apply: () => Promise.resolve({}),
};
