import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { hostFacts } from '../facts/host-facts.js';
import type { JsonObject } from '../values/json.js';
import type { TaskModule } from './module.js';

const input = z.strictObject({
  /** Only facts whose name matches one of these globs, with or without `ansible_`. */
  filter: z.array(z.string()).default([]),
  /** Taken for Ansible's sake: all facts come in one round trip anyway. */
  gather_subset: z.array(z.string()).optional(),
  gather_timeout: z.number().optional(),
});

function matches(name: string, glob: string): boolean {
  const pattern = glob
    .replace(/^ansible_/, '')
    .replace(/[\\^$.+(){}|]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(name);
}

/** Gathers facts. */
export const setup: TaskModule<z.infer<typeof input>, JsonObject> = {
  name: 'setup',
  doc: 'Gathers facts of the host in one round trip, as ansible_facts.',
  input,
  touches: 'nothing',
  gathers: true,
  observe: (_given, { connection }) => readFact(connection, hostFacts),
  check: (seen, { filter }) => {
    const wanted = Object.entries(seen).filter(
      ([name]) => filter.length === 0 || filter.some((glob) => matches(name, glob)),
    );
    const named = wanted.map(([name, value]) => [`ansible_${name}`, value]);
    return {
      changes: [],
      hostFacts: Object.fromEntries(wanted),
      result: { ansible_facts: Object.fromEntries(named) as JsonObject },
    };
  },
  apply: () => Promise.resolve({}),
};

/** The same under its other name. */
export const gatherFacts = { ...setup, name: 'gather_facts' } as const;
