import { basename } from 'node:path';
import * as z from 'zod';
import { joinScripts, sh } from '../values/shell.js';
import { readControllerFile } from './controller-file.js';
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

const input = z.strictObject({
  /** A file of the controller, with arguments. */
  cmd: z.string(),
  ...guardInput,
  /** The program that reads the file (default: what its first line names). */
  executable: z.string().optional(),
});

type Input = z.infer<typeof input>;

interface Seen {
  readonly guards: GuardSeen;
  readonly content: string;
}

interface ScriptChange extends Change {
  readonly content: string;
}

/** Runs a file of the controller on the host. */
export const script: TaskModule<Input, Seen, ScriptChange> = {
  name: 'script',
  doc: 'Runs a script of the controller on the host.',
  input,
  freeForm: 'cmd',
  freeFormKeys: ['chdir', 'creates', 'removes', 'executable', 'cmd'],
  touches: 'anything',
  observe: async (given, context) => {
    const [name = ''] = splitWords(given.cmd);
    const { content } = readControllerFile(name, 'files', context);
    // Unlike those of a command, its guards are not relative to its folder.
    const guards = await seeGuards({ ...given, chdir: undefined }, context);
    return { guards, content: content.toString('utf8') };
  },
  check: ({ guards, content }, given) => {
    const verdict = checkGuards(guards, given, commandSummary(given.cmd));
    const changes = verdict.changes.map((change) => ({ ...change, content }));
    return changes.length > 0
      ? { ...verdict, changes }
      : {
          ...verdict,
          changes,
          skipped: true,
          result: { ...verdict.result, msg: `${verdict.reason ?? ''}, matching creates option` },
        };
  },
  apply: async (changes, given, context) => {
    const [name = '', ...args] = splitWords(given.cmd);
    const { executable } = given;
    // A file of its own, since the first line of a script may name any program.
    const run = joinScripts([
      sh`d=$(mktemp -d) && cat > "$d"/${basename(name)} && chmod 700 "$d"/${basename(name)} || exit`,
      inFolder(
        given.chdir,
        sh`${executable === undefined ? [] : splitWords(executable)} "$d"/${basename(name)} ${args} < /dev/null`,
      ),
      sh`c=$?; rm -rf -- "$d"; exit $c`,
    ]);
    const { summary = '', content = '' } = changes[0] ?? {};
    return runScript(run, { summary, stdin: content }, context);
  },
};
