import { Command } from 'commander';
import { stringify } from 'yaml';
import { resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { quoteWord } from '../values/shell.js';
import { runFile } from './run.js';
import { withHostOptions, type HostOptions, type RunCommandOptions } from './run.options.js';

interface ExecOptions extends HostOptions {
  readonly moduleName?: string;
  readonly args?: string;
}

/** Name of the playbook that an ad hoc command is run as; places in errors name it. */
const FILE = 'command line';

/** One task of a module on all hosts of a pattern, as text of a playbook. */
function playbook(pattern: string, words: readonly string[], options: ExecOptions): string {
  const { moduleName, args } = options;
  if (words.length > 0 && (moduleName !== undefined || args !== undefined))
    throw new CaravanError('input', 'give a command behind -- or -m and -a, not both');
  if (words.length === 0 && moduleName === undefined && args === undefined)
    throw new CaravanError('input', 'no command: give it behind --, or a module with -m', {
      hint: "for example caravan exec 'workers' -i inventory -- uptime",
    });
  // One word is a script for the shell, as with ssh; several are a program and its arguments.
  const task =
    words.length === 1
      ? { shell: { cmd: words[0] } }
      : words.length > 1
        ? { command: { argv: words, expand_argument_vars: false } }
        : { [moduleName ?? 'command']: args === undefined ? null : parsed(args) };
  const name = words.length > 0 ? words.map(quoteWord).join(' ') : (moduleName ?? 'command');
  // Playbooks are YAML 1.1, where a bare `no` is no text.
  const play = { name: pattern, hosts: pattern, tasks: [{ name, ...task }] };
  return stringify([play], { version: '1.1' });
}

/** `-a` may be JSON; else it is `key=value` words or free form, which the loader reads. */
function parsed(args: string): unknown {
  if (!args.trimStart().startsWith('{')) return args;
  try {
    return JSON.parse(args) as unknown;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `-a ${args}: ${why}`, { cause });
  }
}

/** `caravan exec`: one command or module on hosts. */
export function execCommand(perform: typeof runFile = runFile): Command {
  const command = new Command('exec')
    .description('run one command, or one module, on the hosts of a pattern')
    .argument('<pattern>', "hosts, such as 'workers:!canary'")
    .argument('[command...]', 'behind --: a script as one word, or a program and its arguments')
    .option('-m, --module-name <name>', 'a module instead of a command')
    .option('-a, --args <args>', "the module's arguments: key=value, free form or JSON");
  return withHostOptions(command).action(
    async (pattern: string, words: readonly string[], options: ExecOptions) => {
      const text = playbook(pattern, words, options);
      const run: RunCommandOptions = {
        ...options,
        // What a command prints is what it was run for.
        verbose: Math.max(2, options.verbose),
        ...{ tags: [], skipTags: [], listHosts: false, listTasks: false, listTags: false },
        ...{ syntaxCheck: false, step: false },
      };
      const file = resolve(FILE);
      const { code } = await perform(FILE, run, undefined, (path) =>
        path === file
          ? Promise.resolve(text)
          : Promise.reject(new CaravanError('bug', `an ad hoc command reads ${path}`)),
      );
      process.exitCode = code;
    },
  );
}
