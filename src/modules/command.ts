import { z } from 'zod';
import { textOrSecret } from './secret-input.js';
import { joinScripts, quoteWord, sh } from '../values/shell.js';
import type { Change, TaskModule } from './module.js';
import {
  checkGuards,
  commandSummary,
  runScript,
  seeGuards,
  type GuardSeen,
} from './run-command.js';
import { splitWords } from './split-words.js';

const word = z.union([z.string(), z.number()], 'must be text (a secret goes through stdin)');

const input = z
  .strictObject({
    /** The command as text, split into words as a shell does, with no variables, globs or pipes. */
    cmd: z.union([z.string(), z.array(word)]).optional(),
    /** The command as a list of words. */
    argv: z.array(word).optional(),
    chdir: z.string().optional(),
    creates: z.string().optional(),
    removes: z.string().optional(),
    stdin: textOrSecret.optional(),
  })
  .refine(({ cmd, argv }) => (cmd === undefined) !== (argv === undefined), {
    message: "needs either 'cmd' or 'argv'",
  });

type Input = z.infer<typeof input>;

function argvOf({ cmd, argv }: Input): readonly (string | number)[] {
  if (argv !== undefined) return argv;
  return typeof cmd === 'string' ? splitWords(cmd) : (cmd ?? []);
}

/** Runs a program, without a shell's interpretation. */
export const command: TaskModule<Input, GuardSeen> = {
  name: 'command',
  doc: 'Runs a program with its arguments as they stand, without pipes, variables or globs.',
  input,
  freeForm: 'cmd',
  freeFormKeys: ['chdir', 'creates', 'removes', 'stdin'],
  observe: seeGuards,
  check: (seen, given) =>
    checkGuards(seen, given, commandSummary(argvOf(given).map(quoteWord).join(' '))),
  apply: (changes: readonly Change[], given, context) => {
    const summary = changes[0]?.summary ?? '';
    const run = sh`${argvOf(given)}`;
    const script =
      given.chdir === undefined ? run : joinScripts([sh`cd ${given.chdir} || exit`, run]);
    return runScript(script, { summary, stdin: given.stdin }, context);
  },
};
