import * as z from 'zod';
import { textOrSecret } from './secret-input.js';
import { quoteWord, sh, type Script } from '../values/shell.js';
import type { Change, TaskModule } from './module.js';
import {
  checkGuards,
  commandSummary,
  guardInput,
  inFolder,
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
    ...guardInput,
    stdin: textOrSecret.optional(),
    /** `$NAME` and `${NAME}` in a word stand for the environment's value, where it has one. */
    expand_argument_vars: z.boolean().default(true),
  })
  .refine(({ cmd, argv }) => (cmd === undefined) !== (argv === undefined), {
    message: "needs either 'cmd' or 'argv'",
  });

type Input = z.infer<typeof input>;

function argvOf({ cmd, argv }: Input): readonly (string | number)[] {
  if (argv !== undefined) return argv;
  return typeof cmd === 'string' ? splitWords(cmd) : (cmd ?? []);
}

/** A word in which the shell puts in variables, and nothing else; an unknown one stays as it is. */
function expanded(word: string | number): Script {
  const parts = String(word).split(/\$(\w+|\{\w+\})/);
  return parts.reduce(
    (text, part, i) => {
      if (i % 2 === 0) return part === '' && parts.length > 1 ? text : sh`${text}${part}`;
      const name = part.replace(/[{}]/g, '');
      // Positional parameters are the shell's own.
      return /^\d/.test(name) ? sh`${text}${`$${part}`}` : sh`${text}"\${${name}-\\$${name}}"`;
    },
    sh``,
  );
}

function joinWords(words: readonly Script[]): Script {
  return words.reduce((line, word, i) => (i === 0 ? word : sh`${line} ${word}`), sh``);
}

/** Runs a program, without a shell's interpretation. */
export const command: TaskModule<Input, GuardSeen> = {
  name: 'command',
  doc: 'Runs a program with its arguments as they stand, without pipes or globs.',
  input,
  hostPaths: ['chdir', 'creates', 'removes'],
  freeForm: 'cmd',
  freeFormKeys: ['chdir', 'creates', 'removes', 'stdin'],
  touches: 'anything',
  observe: seeGuards,
  check: (seen, given) =>
    checkGuards(seen, given, commandSummary(argvOf(given).map(quoteWord).join(' '))),
  apply: (changes: readonly Change[], given, context) => {
    const summary = changes[0]?.summary ?? '';
    const run = given.expand_argument_vars
      ? joinWords(argvOf(given).map(expanded))
      : sh`${argvOf(given)}`;
    return runScript(inFolder(given.chdir, run), { summary, stdin: given.stdin }, context);
  },
};
