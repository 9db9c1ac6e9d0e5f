import * as z from 'zod';
import type { JsonObject } from '../values/json.js';
import type { TaskModule } from './module.js';

const input = z
  .strictObject({
    /** What to print: text, or any value. */
    msg: z.unknown().optional(),
    /** A variable or an expression, without braces, to print with its value. */
    var: z.unknown().optional(),
  })
  .refine(({ msg, var: name }) => msg === undefined || name === undefined, {
    message: "needs 'msg' or 'var', not both",
  });

type Input = z.infer<typeof input>;

interface Seen {
  readonly value: unknown;
}

/** Prints a value. */
export const debug: TaskModule<Input, Seen> = {
  name: 'debug',
  doc: 'Prints a text or a variable.',
  input,
  freeForm: 'msg',
  rawInput: ['var'],
  says: true,
  touches: 'nothing',
  observe: ({ var: name }, context) =>
    Promise.resolve({
      value: typeof name === 'string' && context.evaluate ? context.evaluate(name) : name,
    }),
  check: ({ value }, { msg, var: name }) => {
    const shown = msg ?? (name === undefined ? 'Hello world!' : value);
    const key = typeof name === 'string' ? name : 'msg';
    return { changes: [], result: { [key]: shown } as JsonObject };
  },
  apply: () => Promise.resolve({}),
};
