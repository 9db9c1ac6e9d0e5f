import * as z from 'zod';
import { textOrSecret } from './secret-input.js';
import { sh } from '../values/shell.js';
import type { TaskModule } from './module.js';
import {
  checkGuards,
  commandSummary,
  guardInput,
  inFolder,
  runScript,
  seeGuards,
  type GuardSeen,
} from './run-command.js';

const input = z.strictObject({
  /** A script for the host's shell. */
  cmd: z.string(),
  ...guardInput,
  stdin: textOrSecret.optional(),
  /** The shell that reads the script (default `/bin/sh`). */
  executable: z.string().optional(),
});

type Input = z.infer<typeof input>;

/** Runs a script. */
export const shell: TaskModule<Input, GuardSeen> = {
  name: 'shell',
  doc: 'Runs a script with /bin/sh, or with the shell that `executable` names.',
  input,
  hostPaths: ['chdir', 'creates', 'removes'],
  freeForm: 'cmd',
  freeFormKeys: ['chdir', 'creates', 'removes', 'stdin', 'executable'],
  touches: 'anything',
  observe: seeGuards,
  check: (seen, given) => checkGuards(seen, given, commandSummary(given.cmd)),
  apply: (changes, given, context) => {
    const run = sh`${given.executable ?? '/bin/sh'} -c ${given.cmd}`;
    return runScript(
      inFolder(given.chdir, run),
      { summary: changes[0]?.summary ?? '', stdin: given.stdin },
      context,
    );
  },
};
