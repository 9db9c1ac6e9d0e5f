import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { CaravanError } from '../values/error.js';
import type { Vars } from './data.js';
import { isMapping, kindOf } from './mapping.js';
import { isVaultText, markSecret, openSealed, type Vault } from './vault.js';
import { parseYaml, placeOf } from './yaml-text.js';

const EXTENSIONS = ['.yml', '.yaml', '.json'];

/** Text of a file, decoded as UTF-8. Throws a CaravanError of kind `input` for anything else. */
export function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new CaravanError('input', `${file} cannot be read: ${reasonOf(cause)}`, {
      source: file,
      cause,
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CaravanError('input', `${file} is not UTF-8 text`, { source: `${file}:1:1`, cause });
  }
}

/** The value in a YAML or JSON text, vault text opened; text from an encrypted file is secret. */
export function readValue(file: string, text: string, vault: Vault): unknown {
  if (isVaultText(text)) return markSecret(parseYaml(vault.open(text, file).reveal(), file));
  const value = parseYaml(text, file);
  return /!vault|__ansible_vault/.test(text) ? openSealed(value, vault, file) : value;
}

/** The short reason in a thrown value, such as `ENOENT: no such file or directory`. */
export function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).replace(/, \w+ '.*'$/, '');
}

/**
 * `group_vars/` or `host_vars/` of one folder: which files belong to a name, as Ansible's
 * host_group_vars plugin and DataLoader.find_vars_files choose them, each parsed once.
 */
export class VarsFolder {
  readonly #path: string;
  readonly #entries: ReadonlySet<string>;
  readonly #vault: Vault;

  constructor(folder: string, kind: 'group_vars' | 'host_vars', vault: Vault) {
    this.#path = join(real(folder), kind);
    this.#entries = new Set(list(this.#path));
    this.#vault = vault;
  }

  /** Names of the files and folders in it. */
  entries(): string[] {
    return [...this.#entries];
  }

  /** Path of the folder itself. */
  get path(): string {
    return this.#path;
  }

  /** Variables for one group or host, its files merged in order; undefined when it has none. */
  vars(name: string): Vars | undefined {
    const files = this.#files(name);
    if (files.length === 0) return undefined;
    return Object.assign({}, ...files.map((file) => this.#load(file))) as Vars;
  }

  /** `file:line:column` where a variable of one group or host stands; the last, which wins. */
  place(name: string, variable: string): string | undefined {
    const file = this.#files(name).findLast((one) => Object.hasOwn(this.#load(one), variable));
    if (file === undefined) return undefined;
    const text = readText(file);
    return isVaultText(text) ? file : placeOf(text, file, [variable]);
  }

  /** What is read for a name: the first of `name`, `name.yml`, `name.yaml`, `name.json` there. */
  entryOf(name: string): string | undefined {
    if (this.#entries.size === 0 || name.startsWith('/')) return undefined;
    const nested = name.includes('/');
    return ['', ...EXTENSIONS]
      .map((extension) => name + extension)
      .find((candidate) =>
        nested ? exists(join(this.#path, candidate)) : this.#entries.has(candidate),
      );
  }

  /** Files of that entry; of a folder all, in order. */
  #files(name: string): string[] {
    const entry = this.entryOf(name);
    if (entry === undefined) return [];
    const path = join(this.#path, entry);
    return isFolder(path) ? filesBelow(path) : [path];
  }

  #load(file: string): Vars {
    const value = readValue(file, readText(file), this.#vault);
    if (value === null || value === '' || value === false || value === 0) return {};
    if (isMapping(value)) return value;
    if (Array.isArray(value) && value.length === 0) return {};
    throw new CaravanError('input', `${file} is ${kindOf(value)}, not a mapping of variables`, {
      source: `${file}:1:1`,
    });
  }
}

function filesBelow(folder: string): string[] {
  return list(folder)
    .filter((name) => !name.startsWith('.') && !name.endsWith('~'))
    .flatMap((name) => {
      const path = join(folder, name);
      const extension = extname(name);
      if (isFolder(path)) return extension === '' ? filesBelow(path) : [];
      return extension === '' || EXTENSIONS.includes(extension) ? [path] : [];
    });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort(byCodePoint);
  } catch {
    return []; // no such folder, or a file in its place, which Ansible skips too
  }
}

function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Order of Python's `sorted`: by code point, not by UTF-16 unit and not by locale. */
export function byCodePoint(a: string, b: string): number {
  if (a === b) return 0;
  if (!/[\ud800-\udfff]/.test(a + b)) return a < b ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
