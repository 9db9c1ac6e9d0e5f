import {
  accessSync,
  constants,
  closeSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { parseAddress } from './address.js';
import type { InventoryData } from './data.js';
import { readIniInventory } from './ini-source.js';
import { isMapping } from './mapping.js';
import { readListJson, readScript } from './script-source.js';
import { byCodePoint, readText, readValue } from './vars-files.js';
import { isVaultText, type Vault } from './vault.js';
import { readYamlInventory, type SourceText } from './yaml-source.js';
import { parseYaml } from './yaml-text.js';

/** What Ansible passes over in a folder of inventories. */
const IGNORED =
  /^\.|^(host_vars|group_vars|vars_plugins)$|(\.pyc|\.pyo|\.swp|\.bak|~|\.rpm|\.md|\.txt|\.rst|\.orig|\.cfg|\.retry)$/;
const YAML_EXTENSIONS = ['.yml', '.yaml', '.json'];
const MAX_FOLDERS = 20;

/** How one source is read. */
export interface SourceOptions {
  readonly vault: Vault;
  /** Deadline of each run of an inventory script. */
  readonly scriptTimeoutMs: number;
}

/** Whether a source is a list of hosts, `a,b,`, and no file. */
export function isHostList(source: string): boolean {
  return source.includes(',') && !exists(source);
}

/**
 * Reads one source into `data`: a host list, a folder of sources in order of their names, a script
 * or a file. Throws a CaravanError of kind `input` (`timeout` for a script past its deadline).
 */
export async function readSource(
  data: InventoryData,
  source: string,
  options: SourceOptions,
): Promise<void> {
  if (isHostList(source)) readHostList(data, source);
  else await readPath(data, resolve(source), options, 0);
}

function readHostList(data: InventoryData, list: string): void {
  for (const entry of list.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const address =
      entry.includes('[') && parseAddress(entry)?.host.includes('[')
        ? undefined
        : parseAddress(entry);
    const name = address?.host ?? entry;
    if (data.hosts.has(name)) continue;
    data.defineHost(
      name,
      data.ungrouped,
      {},
      { file: list, folder: process.cwd(), place: () => list },
      address?.port,
    );
  }
}

async function readPath(
  data: InventoryData,
  path: string,
  options: SourceOptions,
  depth: number,
): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) {
    throw new CaravanError('input', `inventory ${path} does not exist`, {
      source: path,
      hint: 'A list of hosts needs a comma: -i host1,',
    });
  }
  if (found.isDirectory()) {
    if (depth > MAX_FOLDERS)
      throw new CaravanError('input', `${path} is nested too deep`, { source: path });
    const names = readdirSync(path).filter((name) => !IGNORED.test(name));
    for (const name of names.sort(byCodePoint))
      await readPath(data, join(path, name), options, depth + 1);
    return;
  }
  if (!found.isFile() && !found.isFIFO() && !found.isCharacterDevice()) {
    throw new CaravanError('input', `inventory ${path} is no file`, { source: path });
  }
  if (isScript(path)) {
    await readScript(data, {
      file: path,
      folder: dirname(path),
      timeoutMs: options.scriptTimeoutMs,
      vault: options.vault,
    });
  } else readFile(data, { file: path, folder: dirname(path), text: readText(path) }, options.vault);
}

function readFile(data: InventoryData, source: SourceText, vault: Vault): void {
  const extension = extname(source.file);
  if (extension === '.toml') {
    throw new CaravanError('input', `${source.file}: TOML inventories are not read`, {
      source: source.file,
      hint: `Convert it once: ansible-inventory -i ${basename(source.file)} --list --yaml > inventory.yml`,
    });
  }
  const yaml = YAML_EXTENSIONS.includes(extension) || (extension === '' && looksLikeYaml(source));
  if (yaml) readYaml(data, source, vault);
  else readIniInventory(data, source);
}

function readYaml(data: InventoryData, source: SourceText, vault: Vault): void {
  const root = readValue(source.file, source.text, vault);
  // what `ansible-inventory --list > x.json` writes, which Ansible itself reads from scripts only
  if (isMapping(root) && isMapping(root['_meta'])) readListJson(data, root, source);
  else readYamlInventory(data, root, source);
}

/** A file without an extension: Ansible tries YAML first and INI when that gives no mapping. */
function looksLikeYaml(source: SourceText): boolean {
  if (isVaultText(source.text)) return true;
  if (/^\s*\[[^\]\s]+\]\s*(#.*)?$/m.test(source.text)) return false;
  try {
    return isMapping(parseYaml(source.text, source.file));
  } catch {
    return /^(all|ungrouped)\s*:\s*$|^\s+(hosts|children|vars)\s*:\s*$/m.test(source.text);
  }
}

/** Whether a file is to be run: it may be, and it starts as programs do. */
function isScript(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    return false;
  }
  const start = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    readSync(file, start, 0, 4, 0);
  } catch {
    return false; // a pipe, which cannot be read twice
  } finally {
    closeSync(file);
  }
  return start.toString('latin1').startsWith('#!') || start.toString('latin1') === '\x7fELF';
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}
