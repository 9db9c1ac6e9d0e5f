import { readFile } from 'node:fs/promises';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { listPlays, type ListedPlay } from '../engine/list.js';
import type { RunOutcome } from '../engine/options.js';
import { runLoaded } from '../engine/run.js';
import type { ConnectionOverrides } from '../inventory/connection.js';
import type { Inventory } from '../inventory/inventory.js';
import { loadInventory } from '../inventory/load.js';
import type { AnyModule } from '../modules/module.js';
import { coreModules } from '../modules/registry.js';
import { loadPlaybook } from '../playbook/load.js';
import type { Playbook } from '../playbook/model.js';
import { AuthorityStore } from '../rotation/authorities.js';
import { rotationModules } from '../rotation/modules/index.js';
import { createTransport } from '../transport/transport.js';
import { CaravanError } from '../values/error.js';
import { EXIT, exitCodeOf } from './exit.js';
import { askPassword } from './run.password.js';
import { extraVars } from './run.vars.js';
import { systemClock, untilStopped } from './system.js';
import { addVaultOptions, type VaultOptions, vaultPasswordsOf } from './vault-options.js';
import { createView, type OutputFormat } from './view.js';

interface RunCommandOptions extends VaultOptions {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly forks: number;
  readonly extraVars: readonly string[];
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly check: boolean;
  readonly diff: boolean;
  readonly become?: boolean;
  readonly becomeUser?: string;
  readonly user?: string;
  readonly askBecomePass: boolean;
  readonly askPass: boolean;
  readonly privateKey?: string;
  readonly timeout?: number;
  readonly listHosts: boolean;
  readonly listTasks: boolean;
  readonly syntaxCheck: boolean;
  readonly state?: string;
  readonly output: OutputFormat;
}

const append = (value: string, all: readonly string[]): string[] => [...all, value];
const appendTags = (value: string, all: readonly string[]): string[] => [
  ...all,
  ...value.split(',').map((tag) => tag.trim()),
];

function count(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('must be a whole number above 0');
}

/** `caravan run`: run a playbook, with the options of `ansible-playbook`. */
export function runCommand(): Command {
  return addVaultOptions(new Command('run'))
    .description('run a playbook')
    .argument('<playbook>', 'YAML file')
    .option(
      '-i, --inventory <source>',
      'file, folder, script or list "a,b,"; may be repeated',
      append,
      [],
    )
    .option('-l, --limit <pattern>', 'only hosts that this pattern matches too')
    .option('-f, --forks <count>', 'hosts in work at the same time', count, 5)
    .option(
      '-e, --extra-vars <vars>',
      'key=value, JSON, YAML in braces or @file; may be repeated',
      append,
      [],
    )
    .option('-t, --tags <tags>', 'only tasks with one of these tags', appendTags, [])
    .option('--skip-tags <tags>', 'no task with one of these tags', appendTags, [])
    .option('-C, --check', 'dry run: say what would change, change nothing', false)
    .option('-D, --diff', 'show changes of files line by line', false)
    .option('-b, --become', 'become root (or --become-user)')
    .option('--become-user <user>', 'user to become')
    .option('-K, --ask-become-pass', 'ask for the password of sudo', false)
    .option('-u, --user <user>', 'user to log in as')
    .option('-k, --ask-pass', 'ask for the password of the login', false)
    .option('--private-key <file>', 'key to log in with')
    .option('-T, --timeout <seconds>', 'deadline of a login', count)
    .option('--list-hosts', 'print the hosts of each play and stop', false)
    .option('--list-tasks', 'print the tasks of each play and stop', false)
    .option('--syntax-check', 'load and validate the playbook and stop', false)
    .option(
      '--state <folder>',
      "folder of a rotation's authorities (default: .caravan beside the inventory)",
    )
    .addOption(
      new Option('--output <format>', 'text, or one event a line')
        .choices(['text', 'json'])
        .default('text'),
    )
    .action(runAction);
}

function stateFolder({ inventory, state }: RunCommandOptions): string {
  if (state !== undefined) return state;
  const [first = '.'] = inventory;
  // A list of hosts names no place on disk.
  if (first.includes(',')) return '.caravan';
  const isFolder = statSync(first, { throwIfNoEntry: false })?.isDirectory() === true;
  return join(isFolder ? first : dirname(first), '.caravan');
}

async function runAction(file: string, options: RunCommandOptions): Promise<void> {
  const modules = [...coreModules, ...rotationModules(new AuthorityStore(stateFolder(options)))];
  const playbook = await loadPlaybook(file, {
    modules,
    readText: (path) => readFile(path, 'utf8'),
    workingFolder: process.cwd(),
  });
  if (options.syntaxCheck) {
    process.stdout.write(`${playbook.file}: no mistakes found\n`);
    return;
  }
  const inventory =
    options.inventory.length === 0 ? NO_INVENTORY : await readInventory(file, options);
  if (options.listHosts || options.listTasks) {
    process.stdout.write(listing(listPlays(playbook, { ...options, inventory }), options));
    return;
  }
  const outcome = await execute(file, playbook, inventory, modules, options);
  process.exitCode = exitCodeOf(outcome);
  if (Object.keys(outcome.recap).length > 0 || outcome.outcome !== 'ok') return;
  process.stderr.write('No task ran on any host.\n');
  process.exitCode = EXIT.error;
}

/** Enough for plays on `localhost`; any other host is an error. */
const NO_INVENTORY: Inventory = {
  hosts: [],
  groups: new Map(),
  select: (pattern) => {
    throw new CaravanError('input', `no host matches '${pattern}': no inventory was given`, {
      hint: 'name one with -i, for example -i inventory/hosts.yml',
    });
  },
};

async function readInventory(file: string, options: RunCommandOptions): Promise<Inventory> {
  return loadInventory(options.inventory, {
    playbookFolder: dirname(file),
    vaultPasswords: await vaultPasswordsOf(options),
    warn: (message) => process.stderr.write(`[warning] ${message}\n`),
  });
}

async function overrides(options: RunCommandOptions): Promise<ConnectionOverrides> {
  const { user, privateKey, become, becomeUser, timeout } = options;
  const password = options.askPass ? await askPassword('SSH password: ') : undefined;
  const becomePassword = options.askBecomePass ? await askPassword('BECOME password: ') : undefined;
  return {
    ...(user === undefined ? {} : { user }),
    ...(privateKey === undefined ? {} : { privateKeyFile: privateKey }),
    ...(become === undefined ? {} : { become }),
    ...(becomeUser === undefined ? {} : { becomeUser }),
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout * 1000 }),
    ...(password === undefined ? {} : { password }),
    ...(becomePassword === undefined ? {} : { becomePassword }),
  };
}

async function execute(
  file: string,
  playbook: Playbook,
  inventory: Inventory,
  modules: readonly AnyModule[],
  options: RunCommandOptions,
): Promise<RunOutcome> {
  const { limit, forks, tags, skipTags, check, diff, output } = options;
  const vars = extraVars(options.extraVars);
  const connectionOverrides = await overrides(options);
  const view = createView({ format: output, diff });
  return untilStopped(view.say, (signal) =>
    runLoaded(playbook, {
      ...{ file, inventory, modules, forks, tags, skipTags, check, diff, signal },
      transport: createTransport(),
      clock: systemClock,
      extraVars: vars,
      connectionOverrides,
      workingFolder: process.cwd(),
      emit: view.sink,
      ...(limit === undefined ? {} : { limit }),
    }),
  );
}

function listing(plays: readonly ListedPlay[], options: RunCommandOptions): string {
  const lines = plays.flatMap(({ play, pattern, hosts, tasks, loops }) => [
    `play [${play}] (${pattern})${loops.map((loop) => ` for each of ${loop}`).join('')}`,
    ...(options.listHosts
      ? [
          `  hosts (${hosts === undefined ? 'known when it runs' : String(hosts.length)}):`,
          ...(hosts ?? []).map((host) => `    ${host}`),
        ]
      : []),
    ...(options.listTasks
      ? [
          '  tasks:',
          ...tasks.map(
            ({ name, tags }) => `    ${name}${tags.length > 0 ? `  [${tags.join(', ')}]` : ''}`,
          ),
        ]
      : []),
  ]);
  return `${lines.join('\n')}\n`;
}
