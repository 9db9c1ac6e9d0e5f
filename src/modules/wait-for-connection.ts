import * as z from 'zod';
import { asCaravanError, CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import type { ModuleContext, TaskModule } from './module.js';

const input = z.strictObject({
  /** Seconds before the first look. */
  delay: z.number().min(0).default(0),
  /** Seconds between looks. */
  sleep: z.number().positive().default(1),
  /** Seconds until it is a failure. */
  timeout: z.number().positive().default(600),
  connect_timeout: z.number().positive().optional(),
});

type Input = z.infer<typeof input>;

/** How a wait ended: after how long, and what was missing, if anything. */
export interface Waited {
  readonly seconds: number;
  readonly missing?: string;
}

/** Tries until `attempt` throws no more, or the time is over. */
export async function waitUntil(
  { sleep, timeout }: Pick<Input, 'sleep' | 'timeout'>,
  context: ModuleContext,
  attempt: () => Promise<void>,
): Promise<Waited> {
  const { clock, signal } = context;
  const startedAt = clock.now().getTime();
  for (;;) {
    const seconds = (): number => (clock.now().getTime() - startedAt) / 1000;
    try {
      await attempt();
      return { seconds: seconds() };
    } catch (thrown) {
      const error = asCaravanError(thrown);
      // Time does not cure a refused login or another host's key.
      if (['cancelled', 'auth', 'host-key', 'bug', 'input'].includes(error.kind)) throw error;
      if (seconds() >= timeout) return { seconds: seconds(), missing: error.message };
      context.progress(`waits, ${Math.round(seconds())} s: ${error.message}`);
    }
    await clock.sleep(sleep * 1000, signal);
  }
}

/** One step on the host, over a connection that is opened for it where need be. */
export async function reach(context: ModuleContext): Promise<void> {
  const { connection } = context;
  try {
    const { code } = await connection.run(sh`:`);
    if (code !== 0) throw new CaravanError('connect', 'the shell of the host gives no answer');
  } catch (error) {
    await context.reconnect?.();
    throw error;
  }
}

/** Waits for a host. */
export const waitForConnection: TaskModule<Input, Waited> = {
  name: 'wait_for_connection',
  doc: 'Waits until the host can be logged in to.',
  input,
  observe: async (given, context) => {
    const { clock, signal, checkMode } = context;
    if (checkMode) return { seconds: 0 };
    await clock.sleep(given.delay * 1000, signal);
    return waitUntil(given, context, () => reach(context));
  },
  check: ({ seconds, missing }) =>
    missing === undefined
      ? { changes: [], result: { elapsed: Math.round(seconds) } }
      : {
          changes: [],
          result: { elapsed: Math.round(seconds) },
          failure: { kind: 'timeout', message: `waited ${Math.round(seconds)} s: ${missing}` },
        },
  apply: () => Promise.resolve({}),
};
