import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { InventoryData } from './data.js';
import { type LoadedInventory, resolveInventory } from './resolve.js';
import { isHostList, readSource } from './sources.js';
import { VarsFolder } from './vars-files.js';
import type { VarsFolders } from './vars-merge.js';
import { Vault, type VaultPassword } from './vault.js';

/** How sources are read. */
export interface LoadOptions {
  /** Folder of the playbook, whose `group_vars/` and `host_vars/` count too. */
  readonly playbookFolder?: string;
  /** Deadline of each run of an inventory script (default 60,000). */
  readonly scriptTimeoutMs?: number;
  /** Passwords for what `ansible-vault` encrypted (default none: such values stay sealed). */
  readonly vaultPasswords?: readonly VaultPassword[];
  /** Told of what is skipped or doubtful, one line each. */
  readonly warn?: (message: string) => void;
}

/**
 * Reads inventory sources, the later over the earlier, with `group_vars/` and `host_vars/` beside
 * each. Throws a CaravanError of kind `input`, with file, line and column where there is one, for
 * a source that is missing or cannot be read.
 */
export async function loadInventory(
  sources: readonly string[],
  options: LoadOptions = {},
): Promise<LoadedInventory> {
  if (sources.length === 0) {
    throw new CaravanError('input', 'no inventory was given', {
      hint: 'Name one with -i inventory/hosts.yml.',
    });
  }
  const data = new InventoryData();
  const vault = new Vault(options.vaultPasswords);
  const reading = { vault, scriptTimeoutMs: options.scriptTimeoutMs ?? 60_000 };
  for (const source of sources) await readSource(data, source, reading);
  data.reconcile();
  for (const note of data.notes) options.warn?.(`${note.message} (${note.place()})`);
  const folders: VarsFolders = {
    inventory: lastOfEach(sources.filter((source) => !isHostList(source)).map(varsHome)).map(
      (folder) => pair(folder, vault),
    ),
    playbook: options.playbookFolder === undefined ? [] : [pair(options.playbookFolder, vault)],
  };
  return resolveInventory(data, folders, (part) => {
    options.warn?.(`no host matches "${part}" of the pattern`);
  });
}

/** Each value once, where it stands last: the later source wins. */
function lastOfEach(values: readonly string[]): string[] {
  return [...new Set([...values].reverse())].reverse();
}

/** Folder beside which a source's variables lie: the source itself where it is a folder. */
function varsHome(source: string): string {
  const path = resolve(source);
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

function pair(folder: string, vault: Vault): { group: VarsFolder; host: VarsFolder } {
  return {
    group: new VarsFolder(folder, 'group_vars', vault),
    host: new VarsFolder(folder, 'host_vars', vault),
  };
}
