import * as z from 'zod';
import { CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { ModuleContext, TaskModule } from './module.js';

const input = z
  .strictObject({
    /** A path that must exist (or be gone). */
    path: z.string().optional(),
    /** A TCP port that must accept a connection from the host (or refuse it). */
    port: z.int().min(1).max(65535).optional(),
    host: z.string().default('127.0.0.1'),
    state: z.enum(['present', 'started', 'absent', 'stopped']).default('present'),
    /** Seconds until it is a failure. */
    timeout: z.number().positive().default(300),
    /** Seconds between looks. */
    sleep: z.number().positive().default(1),
  })
  .refine(({ path, port }) => (path === undefined) !== (port === undefined), {
    message: "needs either 'path' or 'port'",
  });

type Input = z.infer<typeof input>;

async function isThere({ path, port, host }: Input, context: ModuleContext): Promise<boolean> {
  const { connection } = context;
  if (path !== undefined) return (await connection.run(sh`test -e ${path}`)).code === 0;
  try {
    (await connection.forward(host, port ?? 0)).destroy();
    return true;
  } catch (thrown) {
    // A refused port is what is waited for; a lost host is not.
    if (thrown instanceof CaravanError && ['cancelled', 'auth', 'host-key'].includes(thrown.kind))
      throw thrown;
    return false;
  }
}

interface Seen {
  readonly isMet: boolean;
  readonly seconds: number;
}

async function observe(given: Input, context: ModuleContext): Promise<Seen> {
  const { clock, signal, checkMode } = context;
  const wanted = given.state === 'present' || given.state === 'started';
  const startedAt = clock.now().getTime();
  for (;;) {
    const isMet = (await isThere(given, context)) === wanted;
    const seconds = (clock.now().getTime() - startedAt) / 1000;
    if (isMet || checkMode || seconds >= given.timeout) return { isMet, seconds };
    context.progress(`waits for ${subject(given)}, ${Math.round(seconds)} s`);
    await clock.sleep(given.sleep * 1000, signal);
  }
}

function subject({ path, port, host, state }: Input): string {
  return `${path ?? `${host}:${port ?? 0}`} to be ${state}`;
}

/** Waits until a path or a port is there, or gone. */
export const waitFor: TaskModule<Input, Seen> = {
  name: 'wait_for',
  doc: 'Waits until a path exists or a port accepts connections, or until it does not.',
  input,
  hostPaths: ['path'],
  observe,
  check: ({ isMet, seconds }, given) =>
    isMet
      ? { changes: [], result: { elapsed: Math.round(seconds) } }
      : {
          changes: [],
          failure: {
            kind: 'timeout',
            message: `waited ${Math.round(seconds)} s for ${subject(given)}`,
          },
        },
  apply: () => Promise.resolve({}),
};
