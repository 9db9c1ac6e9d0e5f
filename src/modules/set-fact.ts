import * as z from 'zod';
import type { JsonObject } from '../values/json.js';
import type { TaskModule } from './module.js';

const input = z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'must be a variable name'), z.unknown());

/** Sets variables. */
export const setFact: TaskModule<z.infer<typeof input>> = {
  name: 'set_fact',
  doc: 'Sets variables on the host for the rest of the run.',
  input,
  observe: () => Promise.resolve(undefined),
  check: (_seen, given) => {
    const facts = Object.fromEntries(Object.entries(given).filter(([key]) => key !== 'cacheable'));
    return {
      changes: [],
      facts: facts as JsonObject,
      result: { ansible_facts: facts as JsonObject },
    };
  },
  apply: () => Promise.resolve({}),
};
