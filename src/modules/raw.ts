import * as z from 'zod';
import { sh } from '../values/shell.js';
import type { TaskModule } from './module.js';
import { commandSummary, runScript } from './run-command.js';

const input = z.strictObject({
  /** A script for the host's shell. */
  cmd: z.string(),
  /** The shell that reads it (default `/bin/sh`). */
  executable: z.string().optional(),
});

/** Runs a script, with no guard. */
export const raw: TaskModule<z.infer<typeof input>> = {
  name: 'raw',
  doc: 'Runs a script with the shell, with nothing around it.',
  input,
  freeForm: 'cmd',
  freeFormKeys: ['executable'],
  touches: 'anything',
  observe: () => Promise.resolve(undefined),
  check: (_seen, { cmd }) => ({ changes: [{ summary: commandSummary(cmd) }], isUnforeseen: true }),
  apply: (changes, { cmd, executable = '/bin/sh' }, context) =>
    runScript(sh`${executable} -c ${cmd}`, { summary: changes[0]?.summary ?? '' }, context),
};
