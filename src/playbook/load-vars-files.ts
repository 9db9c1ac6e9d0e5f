import { isAbsolute, join } from 'node:path';
import { isSeq } from 'yaml';
import { asCaravanError, CaravanError } from '../values/error.js';
import { expandHome } from '../values/home-path.js';
import { holdsTemplate } from './check-args.js';
import { readOptional, shownPath, varsOf, type Loading } from './loading.js';
import type { Located, VarsFile, Vars } from './model.js';
import { yamlType, type YamlFields } from './yaml-fields.js';

/** What the `vars_files` of a play give: before the run, and to each host when it runs. */
export interface VarsFiles {
  readonly vars: Vars;
  readonly perHost: readonly VarsFile[];
}

/**
 * Files of variables. Those that are named plainly are read now, up to the first whose name a host
 * decides: it may be overridden by those behind it, which are read now only to be checked.
 * @throws CaravanError input where one is not there, or holds a mistake.
 */
export async function loadVarsFiles(fields: YamlFields, loading: Loading): Promise<VarsFiles> {
  if (!fields.has('vars_files')) return { vars: {}, perHost: [] };
  const node = fields.yaml.deref(fields.child('vars_files'));
  const perHost: VarsFile[] = [];
  let vars: Vars = {};
  for (const item of isSeq(node) ? node.items : [node]) {
    const file = varsFile(fields, item, loading);
    const isTemplate = file.names.some(({ value }) => holdsTemplate(value));
    const found = isTemplate ? {} : await firstFound(file, file.names);
    if (isTemplate || perHost.length > 0) perHost.push(file);
    else vars = { ...vars, ...found };
  }
  return { vars, perHost };
}

/**
 * The variables of the first file that is there. Names are taken one after the other, so that one
 * behind a file that is there is not even resolved.
 * @throws CaravanError input where none is there, with the places where it was looked for.
 */
export async function firstFound(file: VarsFile, names: Iterable<Located<string>>): Promise<Vars> {
  const missing: string[] = [];
  for (const { value } of names) {
    const vars = await file.load(value).catch((thrown: unknown) => {
      throw asCaravanError(thrown).at({ source: file.source });
    });
    if (vars !== undefined) return vars;
    missing.push(value);
  }
  throw new CaravanError('input', `vars_files: there is no file ${missing.join(', nor ')}`, {
    source: file.source,
    hint: `looked for ${missing.flatMap((name) => file.places(name)).join(', ')}`,
  });
}

function varsFile(fields: YamlFields, item: unknown, loading: Loading): VarsFile {
  const list = fields.yaml.deref(item);
  const known = new Map<string, Vars>();
  const places = (name: string): string[] => placesOf(name, loading);
  return {
    source: fields.yaml.at(item),
    names: (isSeq(list) ? list.items : [list]).map((one) => fileName(fields, one)),
    places: (name) => places(name).map((path) => shownPath(path, loading)),
    load: async (name) => {
      for (const path of places(name)) {
        const vars = known.get(path) ?? (await varsAt(path, loading));
        if (vars === undefined) continue;
        known.set(path, vars);
        return vars;
      }
      return undefined;
    },
  };
}

async function varsAt(path: string, loading: Loading): Promise<Vars | undefined> {
  const text = await readOptional(path, loading);
  return text === undefined ? undefined : varsOf(path, text, loading);
}

/** As Ansible: in the folder `vars` beside the playbook, then beside it. */
function placesOf(given: string, { home }: Loading): string[] {
  const name = expandHome(given);
  if (isAbsolute(name)) return [name];
  const beside = join(home, name);
  return name.startsWith('vars/') ? [beside] : [join(home, 'vars', name), beside];
}

function fileName(fields: YamlFields, node: unknown): Located<string> {
  const value = fields.yaml.value(node);
  if (typeof value === 'string') return { value, source: fields.yaml.at(node) };
  throw fields.yaml.fail(node, `vars_files: a file's name is needed; found ${yamlType(value)}`);
}
