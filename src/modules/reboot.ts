import * as z from 'zod';
import { asCaravanError, CaravanError } from '../values/error.js';
import { sh } from '../values/shell.js';
import { commandError } from './host-change.js';
import type { ModuleContext, TaskModule } from './module.js';
import { waitUntil } from './wait-for-connection.js';

const input = z.strictObject({
  /** Seconds until the host must be back. */
  reboot_timeout: z.number().positive().default(600),
  /** Seconds between the command and the first look. */
  pre_reboot_delay: z.number().min(0).default(0),
  /** Seconds after the host is back. */
  post_reboot_delay: z.number().min(0).default(0),
  /** What must succeed once the host is back. */
  test_command: z.string().default('true'),
  reboot_command: z.string().default('shutdown -r now || reboot'),
  /** What prints something else after each boot. */
  boot_time_command: z.string().default('cat /proc/sys/kernel/random/boot_id'),
  msg: z.string().optional(),
  connect_timeout: z.number().positive().optional(),
});

type Input = z.infer<typeof input>;

async function bootOf({ boot_time_command: command }: Input, context: ModuleContext) {
  const { connection, host } = context;
  const result = await connection.run(sh`/bin/sh -c ${command}`);
  if (result.code !== 0) throw commandError('ask which boot it is', result, host.name);
  return result.stdout.trim();
}

/** The connection breaks while the command runs, which is what is wanted. */
async function sendReboot({ reboot_command: command }: Input, context: ModuleContext) {
  const { connection, host } = context;
  try {
    const result = await connection.run(sh`/bin/sh -c ${command}`);
    if (result.code !== 0 && result.code !== null)
      throw commandError(`run '${command}'`, result, host.name);
  } catch (thrown) {
    const error = asCaravanError(thrown);
    if (error.kind !== 'connect') throw error;
  }
}

/** Restarts a host. */
export const reboot: TaskModule<Input> = {
  name: 'reboot',
  doc: 'Restarts the host and waits until it is back, in another boot.',
  input,
  observe: () => Promise.resolve(undefined),
  check: () => ({ changes: [{ summary: 'restart the host' }] }),
  apply: async (_changes, given, context) => {
    const { clock, signal } = context;
    const before = await bootOf(given, context);
    await sendReboot(given, context);
    await clock.sleep(given.pre_reboot_delay * 1000, signal);
    const wait = { sleep: 1, timeout: given.reboot_timeout };
    const waited = await waitUntil(wait, context, async () => {
      await context.reconnect?.();
      if ((await bootOf(given, context)) === before)
        throw new CaravanError('connect', 'the host has not gone down yet');
      const { connection } = context;
      const test = await connection.run(sh`/bin/sh -c ${given.test_command}`);
      if (test.code !== 0)
        throw commandError(`run '${given.test_command}'`, test, context.host.name);
    });
    const result = { rebooted: waited.missing === undefined, elapsed: Math.round(waited.seconds) };
    if (waited.missing === undefined) {
      await clock.sleep(given.post_reboot_delay * 1000, signal);
      return { result };
    }
    const message = `the host was not back after ${result.elapsed} s: ${waited.missing}`;
    return { result, failure: { kind: 'timeout', message } };
  },
};
