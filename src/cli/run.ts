import { readFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createHash } from 'node:crypto';
import { Command } from 'commander';
import type { RunOutcome } from '../engine/options.js';
import type { RunRecord } from '../engine/receipts.js';
import { runLoaded } from '../engine/run.js';
import type { Inventory } from '../inventory/inventory.js';
import { loadInventory } from '../inventory/load.js';
import { readValue } from '../inventory/vars-files.js';
import { Vault, type VaultPassword } from '../inventory/vault.js';
import type { AnyModule } from '../modules/module.js';
import { coreModules } from '../modules/registry.js';
import { loadPlaybook } from '../playbook/load.js';
import type { Playbook } from '../playbook/model.js';
import { AuthorityStore } from '../rotation/authorities.js';
import { rotationModules } from '../rotation/modules/index.js';
import { createTransport } from '../transport/transport.js';
import { CaravanError } from '../values/error.js';
import { connectionOverridesOf } from './connection-options.js';
import { EXIT, exitCodeOf } from './exit.js';
import { listing } from './run.listing.js';
import { withRunOptions, type HostOptions, type RunCommandOptions } from './run.options.js';
import { askStep } from './run.password.js';
import { openRecord, type KeptRecord } from './run.record.js';
import { askPrompts } from './run.prompts.js';
import { extraVars } from './run.vars.js';
import { stateFolderOf } from './state-folder.js';
import { systemClock, untilStopped } from './system.js';
import { operatorTerminal } from './terminal.js';
import { vaultPasswordsOf } from './vault-options.js';
import { createView } from './view.js';
import type { ViewStream } from './view.tail.js';

/** Where a run writes. */
export interface RunStreams {
  readonly out: ViewStream;
  readonly err: ViewStream;
}

const STREAMS: RunStreams = { out: process.stdout, err: process.stderr };

/** What a run gave: its exit code, and what came of the hosts where it got that far. */
export interface Finished {
  readonly code: number;
  readonly outcome?: RunOutcome;
}

/** Runs a file with options as given. */
type Perform = (file: string, options: RunCommandOptions) => Promise<Finished>;

/** `caravan run`: run a playbook, with the options of `ansible-playbook`. */
export function runCommand(perform: Perform = (file, options) => runFile(file, options)): Command {
  const command = new Command('run')
    .description('run a playbook')
    .argument('<playbook>', 'YAML file');
  return withRunOptions(command).action(async (file: string, options: RunCommandOptions) => {
    process.exitCode = (await perform(file, options)).code;
  });
}

/** All modules that a playbook may name. */
export function allModules(options: Pick<HostOptions, 'inventory' | 'state'>): AnyModule[] {
  return [...coreModules, ...rotationModules(new AuthorityStore(stateFolderOf(options)))];
}

/** Reads a playbook, and what a file of variables holds, sealed or not. */
interface Reading {
  readonly modules: readonly AnyModule[];
  readonly passwords: readonly VaultPassword[];
  readonly vault: Vault;
  readonly parseVars: (text: string, file: string) => unknown;
}

async function reading(options: HostOptions): Promise<Reading> {
  const passwords = await vaultPasswordsOf(options);
  const vault = new Vault(passwords);
  return {
    modules: allModules(options),
    passwords,
    vault,
    parseVars: (text, file) => readValue(file, text, vault),
  };
}

/**
 * Runs, lists or checks a playbook.
 * @throws CaravanError input for what the operator must mend first.
 */
export async function runFile(
  file: string,
  options: RunCommandOptions,
  streams: RunStreams = STREAMS,
  readText: (path: string) => Promise<string> = (path) => readFile(path, 'utf8'),
): Promise<Finished> {
  const read = await reading(options);
  const { modules, parseVars } = read;
  const workingFolder = process.cwd();
  const loaded: string[] = [];
  let record: KeptRecord | undefined;
  const readHashed = async (path: string): Promise<string> => {
    const text = await readText(path);
    // What is read later, its name being a template, is no part of the playbook's digest.
    if (record === undefined) loaded.push(path, text);
    else record.keepRead(path, text);
    return text;
  };
  const playbook = await loadPlaybook(file, {
    ...{ modules, parseVars, workingFolder },
    readText: readHashed,
  });
  if (options.syntaxCheck) {
    streams.out.write(`${playbook.file}: no mistakes found\n`);
    return { code: EXIT.ok };
  }
  const inventory = await readInventory(file, options, read.passwords, streams);
  if (options.listHosts || options.listTasks || options.listTags) {
    streams.out.write(listing(playbook, inventory, options));
    return { code: EXIT.ok };
  }
  const open = (vars: Readonly<Record<string, unknown>>): RunRecord | undefined => {
    const { resume, check } = options;
    if (resume === undefined || check) return undefined;
    record = openRecord({
      ...{ folder: stateFolderOf(options), playbook: file, resume },
      ...{ digest: digestOf(loaded), varsDigest: digestOf(vars), now: systemClock.now() },
      warn: (message) => streams.err.write(`[warning] ${message}\n`),
    });
    return record;
  };
  const execution = { read, options, streams, open };
  const outcome = await execute(file, playbook, inventory, execution);
  const idle = Object.keys(outcome.recap).length === 0 && outcome.outcome === 'ok';
  writeRetryFile(outcome, options, streams);
  if (!idle) return { code: exitCodeOf(outcome), outcome };
  streams.err.write('No task ran on any host.\n');
  return { code: EXIT.error, outcome };
}

function digestOf(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/** The hosts that failed, one a line, where there are any. */
function writeRetryFile(
  { recap, lost }: RunOutcome,
  { retryFile }: RunCommandOptions,
  { err }: RunStreams,
): void {
  const hosts = Object.keys(recap).filter((host) => lost.includes(host));
  if (retryFile === undefined || hosts.length === 0) return;
  writeFileSync(retryFile, hosts.map((host) => `${host}\n`).join(''));
  err.write(`To run again on what failed: --limit @${retryFile}\n`);
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

async function readInventory(
  file: string,
  { inventory }: HostOptions,
  passwords: readonly VaultPassword[],
  { err }: RunStreams,
): Promise<Inventory> {
  if (inventory.length === 0) return NO_INVENTORY;
  return loadInventory(inventory, {
    playbookFolder: dirname(file),
    vaultPasswords: passwords,
    warn: (message) => err.write(`[warning] ${message}\n`),
  });
}

interface Execution {
  readonly read: Reading;
  readonly options: RunCommandOptions;
  readonly streams: RunStreams;
  /** Opens the record of a run with these extra variables. */
  readonly open: (vars: Readonly<Record<string, unknown>>) => RunRecord | undefined;
}

async function execute(
  file: string,
  playbook: Playbook,
  inventory: Inventory,
  { read, options, streams, open }: Execution,
): Promise<RunOutcome> {
  const { limit, forks, tags, skipTags, check, diff, output, verbose, startAtTask } = options;
  const vars = extraVars(options.extraVars, read.vault);
  const asked = await askPrompts(playbook, vars);
  const { become, becomeUser } = options;
  const connectionOverrides = {
    ...(await connectionOverridesOf(options)),
    ...(become === undefined ? {} : { become }),
    ...(becomeUser === undefined ? {} : { becomeUser }),
  };
  const terminal = operatorTerminal();
  const view = createView({ format: output, diff, verbosity: verbose, stream: streams.out });
  return untilStopped(view.say, (signal) =>
    runLoaded(asked, {
      openRecord: () => open(vars),
      ...{ file, inventory, forks, tags, skipTags, check, diff, signal },
      ...{ modules: read.modules, parseVars: read.parseVars },
      transport: createTransport(terminal ? { terminal } : {}),
      clock: systemClock,
      extraVars: vars,
      connectionOverrides,
      workingFolder: process.cwd(),
      emit: view.sink,
      ...(limit === undefined ? {} : { limit }),
      ...(startAtTask === undefined ? {} : { startAtTask }),
      ...(options.step ? { step: askStep } : {}),
    }),
  );
}
