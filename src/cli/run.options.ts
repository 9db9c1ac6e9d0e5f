import { Option, type Command } from 'commander';
import { addConnectionOptions, type ConnectionOptions } from './connection-options.js';
import { append, count, verboseOption } from './option-values.js';
import { addVaultOptions, type VaultOptions } from './vault-options.js';
import type { OutputFormat } from './view.js';

/** Options of all commands that run tasks on hosts, as commander gives them. */
export interface HostOptions extends VaultOptions, ConnectionOptions {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly forks: number;
  readonly extraVars: readonly string[];
  readonly check: boolean;
  readonly diff: boolean;
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly verbose: number;
  readonly state?: string;
  readonly output: OutputFormat;
}

/** The options of `caravan run` as they are given. */
export interface RunCommandOptions extends HostOptions {
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly listHosts: boolean;
  readonly listTasks: boolean;
  readonly listTags: boolean;
  readonly syntaxCheck: boolean;
  readonly startAtTask?: string;
  readonly step: boolean;
  readonly retryFile?: string;
  /** Absent for what cannot be resumed. */
  readonly resume?: boolean;
}

const appendTags = (value: string, all: readonly string[]): string[] => [
  ...all,
  ...value.split(',').map((tag) => tag.trim()),
];

/** Adds the options of {@link HostOptions} to a command. */
export function withHostOptions(command: Command): Command {
  command
    .option(
      '-i, --inventory <source>',
      'file, folder, script or list "a,b,"; may be repeated',
      append,
      [],
    )
    .option('-l, --limit <pattern>', 'only hosts that this pattern matches too; @file names them')
    .option('-f, --forks <count>', 'hosts in work at the same time', count, 5)
    .option(
      '-e, --extra-vars <vars>',
      'key=value, JSON, YAML in braces or @file; may be repeated',
      append,
      [],
    )
    .option('-C, --check', 'dry run: say what would change, change nothing', false)
    .option('-D, --diff', 'show changes of files line by line', false)
    .option('-b, --become', 'become root (or --become-user)')
    .option('--become-user <user>', 'user to become')
    .addOption(verboseOption())
    .option(
      '--state <folder>',
      "folder of a rotation's authorities (default: .caravan beside the inventory)",
    )
    .addOption(
      new Option('--output <format>', 'text, one event a line, or JUnit XML')
        .choices(['text', 'json', 'junit'])
        .default('text'),
    );
  return addVaultOptions(addConnectionOptions(command));
}

/** Adds the options of {@link RunCommandOptions} to a command. */
export function withRunOptions(command: Command): Command {
  return withHostOptions(command)
    .option('-t, --tags <tags>', 'only tasks with one of these tags', appendTags, [])
    .option('--skip-tags <tags>', 'no task with one of these tags', appendTags, [])
    .option('--list-hosts', 'print the hosts of each play and stop', false)
    .option('--list-tasks', 'print the tasks of each play and stop', false)
    .option('--list-tags', 'print the tags of each play and stop', false)
    .option('--syntax-check', 'load and validate the playbook and stop', false)
    .option('--start-at-task <name>', 'leave out all tasks before this one')
    .option('--step', 'ask before each task', false)
    .option('--resume', 'go on with the last run of this playbook, which did not end well', false)
    .option('--retry-file <file>', 'write the hosts that failed, for --limit @file');
}
