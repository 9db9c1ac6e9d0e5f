import { statSync } from 'node:fs';
import { dirname, extname, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { InventoryData } from './data.js';
import { type LoadedInventory, resolveInventory, type VarsFolders } from './resolve.js';
import { readText, VarsFolder } from './vars-files.js';
import { readYamlInventory } from './yaml-source.js';
import { parseYaml } from './yaml-text.js';

/** How sources are read. */
export interface LoadOptions {
  /** Folder of the playbook, whose `group_vars/` and `host_vars/` count too. */
  readonly playbookFolder?: string;
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
  for (const source of sources) await readSource(data, resolve(source));
  data.reconcile();
  for (const note of data.notes) options.warn?.(`${note.message} (${note.place()})`);
  const folders: VarsFolders = {
    inventory: [...new Set(sources.map(varsHome))].map(pair),
    playbook: options.playbookFolder === undefined ? [] : [pair(options.playbookFolder)],
  };
  const unmatched = (part: string) => options.warn?.(`no host matches "${part}" of the pattern`);
  return resolveInventory(data, folders, unmatched);
}

async function readSource(data: InventoryData, file: string): Promise<void> {
  const found = statSync(file, { throwIfNoEntry: false });
  if (!found) throw new CaravanError('input', `inventory ${file} does not exist`, { source: file });
  const source = { file, folder: dirname(file), text: readText(file) };
  if (!['', '.yml', '.yaml', '.json'].includes(extname(file))) {
    throw new CaravanError('input', `${file} is no YAML file`, { source: file });
  }
  readYamlInventory(data, parseYaml(source.text, file), source);
  await Promise.resolve();
}

/** Folder beside which a source's variables lie: the source itself where it is a folder. */
function varsHome(source: string): string {
  const path = resolve(source);
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

function pair(folder: string): { group: VarsFolder; host: VarsFolder } {
  return {
    group: new VarsFolder(folder, 'group_vars', readText),
    host: new VarsFolder(folder, 'host_vars', readText),
  };
}
