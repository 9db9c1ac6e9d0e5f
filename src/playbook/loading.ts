import { dirname, relative } from 'node:path';
import { isSeq } from 'yaml';
import { CaravanError } from '../values/error.js';
import type { AnyModule } from '../modules/module.js';
import type { GivenKeywords } from './keywords.js';
import type { ModuleTable } from './load-args.js';
import type { Condition, Located, Role, Source, Task, TaskNode, Vars } from './model.js';
import { YamlFields, yamlType } from './yaml-fields.js';
import { YamlSource } from './yaml-source.js';

/** What loading needs. */
export interface LoadOptions {
  readonly modules: readonly AnyModule[];
  /** Reads a file as text (default: of this machine). Passed in, so that loading is pure. */
  readonly readText: (file: string) => Promise<string>;
  /** A file's text as variables, opened where `ansible-vault` sealed it (default: plain YAML). */
  readonly parseVars?: (text: string, file: string) => unknown;
  /** Folder that shown paths are relative to (default: paths are shown as given). */
  readonly workingFolder?: string;
}

/** A role as it is asked for. */
export interface RoleUse {
  readonly name: string;
  readonly source: Source;
  /** Files to read instead of `main`, by part: `tasks`, `vars`, `defaults`, `handlers`. */
  readonly from?: Readonly<Record<string, string>>;
}

/** What loading a file knows of those around it. */
export interface Loading extends LoadOptions {
  readonly table: ModuleTable;
  /** Files being loaded, outermost first: an import of one of them never ends. */
  readonly chain: readonly string[];
  /** Folder of the playbook. */
  readonly home: string;
  /** Loads a role, whose tasks may name roles again. */
  readonly loadRole: (use: RoleUse, outer: Inherited, loading: Loading) => Promise<TaskNode[]>;
}

/** What a task takes from the blocks, the role and the play around it. */
export interface Inherited {
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  readonly vars: Vars;
  readonly keywords: GivenKeywords;
  readonly environment: readonly Located[];
  readonly role?: Role;
  /** Handlers of the play, to which roles add theirs while they are loaded. */
  readonly handlers: Task[];
}

/** `file` as messages show it. */
export function shownPath(file: string, { workingFolder }: LoadOptions): string {
  return workingFolder === undefined ? file : relative(workingFolder, file);
}

/** @throws CaravanError input, at `source`, where the file cannot be read. */
export async function readFileText(
  what: string,
  file: string,
  loading: LoadOptions,
  source?: Source,
): Promise<string> {
  try {
    return await loading.readText(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `read ${what} ${shownPath(file, loading)}: ${why}`, {
      cause,
      ...(source === undefined ? {} : { source }),
    });
  }
}

/** A file that need not be there: undefined where it is not. */
export async function readOptional(
  file: string,
  loading: LoadOptions,
): Promise<string | undefined> {
  try {
    return await loading.readText(file);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `read ${shownPath(file, loading)}: ${why}`, { cause });
  }
}

/** A YAML file, with what is sealed in it opened. @throws CaravanError input at a mistake. */
export function yamlOf(file: string, text: string, { parseVars }: LoadOptions): YamlSource {
  if (parseVars === undefined) return new YamlSource(file, text);
  return new YamlSource(file, text, ({ ciphertext }, from) => {
    const lines = ciphertext.trimEnd().replaceAll('\n', '\n  ');
    return (parseVars(`sealed: !vault |\n  ${lines}\n`, from) as { sealed: unknown }).sealed;
  });
}

/** The items of a file that is a list. @throws CaravanError input for anything else. */
export function listOf(yaml: YamlSource, node: unknown, what: string): readonly unknown[] {
  const list = yaml.deref(node);
  if (yaml.value(node) === null) return [];
  if (isSeq(list)) return list.items;
  throw yaml.fail(node, `${what} must be a list; found ${yamlType(yaml.value(list))}`);
}

/** Variables of a file. @throws CaravanError input where it holds no mapping. */
export function varsOf(file: string, text: string, loading: LoadOptions): Vars {
  const shown = shownPath(file, loading);
  // An encrypted file, or one with `!vault` in it, is not for the YAML reader of playbooks.
  if (loading.parseVars !== undefined && /^\$ANSIBLE_VAULT|!vault/m.test(text)) {
    const value = loading.parseVars(text, shown) ?? {};
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [
        name,
        { value: inner as unknown, source: shown },
      ]),
    );
  }
  const yaml = yamlOf(shown, text, loading);
  if (yaml.value(yaml.document.contents) === null) return {};
  return new YamlFields(yaml, yaml.document.contents, shown).ownVars();
}

/** Where a file of the controller is looked for: its role, the folder of the tasks, the playbook. */
export function searchFolders(file: string, { role }: Inherited, { home }: Loading): string[] {
  return [...new Set([...(role === undefined ? [] : [role.path]), dirname(file), home])];
}
