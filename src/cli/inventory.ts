import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { checkInventory, type Finding } from '../inventory/check.js';
import { loadInventory } from '../inventory/load.js';
import { printGraph, printHost, printHosts, printList } from '../inventory/print.js';
import type { LoadedInventory } from '../inventory/resolve.js';
import { inventorySchema } from '../inventory/schema.js';
import { CaravanError } from '../values/error.js';
import { append } from './option-values.js';
import { addVaultOptions, type VaultOptions, vaultPasswordsOf } from './vault-options.js';

/** Options of `caravan inventory`, as commander gives them. */
interface InventoryOptions extends VaultOptions {
  readonly inventory: readonly string[];
  readonly limit?: string;
  readonly playbookDir?: string;
  readonly list?: boolean;
  readonly host?: string;
  readonly graph?: boolean;
  readonly listHosts?: string;
  readonly vars?: boolean;
  readonly yaml?: boolean;
  readonly export?: boolean;
  readonly output?: string;
  readonly showSecrets?: boolean;
  readonly check?: boolean;
  readonly schema?: boolean;
}

const ACTIONS = ['list', 'host', 'graph', 'listHosts', 'check', 'schema'] as const;

/** `caravan inventory`: what the inventory says, as `ansible-inventory` prints it. */
export function inventoryCommand(): Command {
  const command = new Command('inventory')
    .description('print what the inventory says, as ansible-inventory does')
    .argument('[group]', 'group at which --graph starts', 'all')
    .option(
      '-i, --inventory <source>',
      'file, folder, script or list "a,b,"; may be repeated',
      append,
      [],
    )
    .option('-l, --limit <pattern>', 'only these hosts')
    .option('--playbook-dir <folder>', 'folder whose group_vars/ and host_vars/ count too')
    .option('--list', 'everything, as JSON in the form of an inventory script')
    .option('--host <name>', 'variables of one host')
    .option('--graph', 'groups and hosts as a tree')
    .option('--list-hosts <pattern>', 'names of the hosts that a pattern matches')
    .option(
      '--check',
      'what is probably not meant, with its place; exits 1 when there is something',
    )
    .option('--schema', 'the JSON Schema of a YAML inventory, for editors')
    .option('--vars', 'with --graph: variables too')
    .option('-y, --yaml', 'YAML instead of JSON')
    .option('--export', 'with --list: variables where they are defined, not merged')
    .option('--output <file>', 'write to a file instead of the screen')
    .option('--show-secrets', 'print decrypted vault values instead of [secret]')
    .action((group: string, options: InventoryOptions) => run(group, options));
  return addVaultOptions(command);
}

async function run(group: string, options: InventoryOptions): Promise<void> {
  const chosen = ACTIONS.filter(
    (action) => options[action] !== undefined && options[action] !== false,
  );
  if (chosen.length !== 1) {
    throw new CaravanError(
      'input',
      `one of --list, --host, --graph, --list-hosts, --check and --schema is needed; ${chosen.length} were given`,
    );
  }
  if (options.schema) {
    write(JSON.stringify(inventorySchema(), undefined, 2), options.output);
    return;
  }
  const inventory = await loadInventory(options.inventory, {
    ...(options.playbookDir !== undefined && { playbookFolder: options.playbookDir }),
    vaultPasswords: await vaultPasswordsOf(options),
    warn: (message) => {
      if (!options.check) process.stderr.write(`[warning] ${message}\n`);
    },
  });
  if (options.check) {
    // The only one that resolves templates, whose engine takes as long to load as a small inventory.
    const { lazyVars, Variables } = await import('../engine/variables.js');
    const variables = new Variables(inventory, {}, {});
    const findings = checkInventory(inventory, (host) => lazyVars(variables.scope(host)));
    reportFindings(findings, inventory.hosts.length);
    return;
  }
  write(print(inventory, group, options), options.output);
}

function write(text: string, file: string | undefined): void {
  if (file === undefined) process.stdout.write(`${text}\n`);
  else writeFileSync(file, `${text}\n`, { mode: 0o600 });
}

function reportFindings(findings: readonly Finding[], hosts: number): void {
  for (const { place, message } of findings) process.stdout.write(`${place}: ${message}\n`);
  const count = findings.length === 0 ? 'nothing to remark' : `${findings.length} remarks`;
  process.stdout.write(`${hosts} hosts, ${count}\n`);
  if (findings.length > 0) process.exitCode = 1;
}

function print(inventory: LoadedInventory, group: string, options: InventoryOptions): string {
  if (options.host !== undefined) return printHost(inventory, options.host, options);
  if (options.graph) return printGraph(inventory, group, options);
  const limited = limit(inventory, options.listHosts ?? 'all', options.limit);
  if (options.listHosts !== undefined) return printHosts(limited);
  return printList(inventory, { ...options, hosts: limited });
}

function limit(inventory: LoadedInventory, pattern: string, limitPattern: string | undefined) {
  // a listing of everything may be empty; a pattern may not
  const hosts = pattern === 'all' ? inventory.hosts : inventory.select(pattern);
  if (limitPattern === undefined) return hosts;
  const allowed = new Set(inventory.select(limitPattern));
  const left = hosts.filter((host) => allowed.has(host));
  if (left.length > 0) return left;
  throw new CaravanError('input', `--limit ${limitPattern} leaves no host of "${pattern}"`);
}
