import { dirname, resolve } from 'node:path';
import { holdsTemplate } from './check-args.js';
import { loadLoop } from './load-loop.js';
import { loadPlay } from './load-play.js';
import { loadRole } from './load-role.js';
import {
  listOf,
  readFileText,
  shownPath,
  yamlOf,
  type LoadOptions,
  type Loading,
} from './loading.js';
import type { ImportPlaybook, Play, Playbook } from './model.js';
import { YamlFields, yamlType } from './yaml-fields.js';
import { isSeq } from 'yaml';

const IMPORT_KEYS = ['name', 'import_playbook', 'vars', 'when', 'tags', 'loop', 'loop_control'];

async function loadImport(fields: YamlFields, loading: Loading): Promise<ImportPlaybook> {
  fields.allow(IMPORT_KEYS);
  const name = fields.string('import_playbook') ?? '';
  const node = fields.child('import_playbook');
  if (holdsTemplate(name))
    throw fields.yaml.fail(node, `import_playbook: '${name}': the file must be named plainly`);
  const file = resolve(dirname(loading.chain.at(-1) as string), name);
  if (loading.chain.includes(file))
    throw fields.yaml.fail(node, `import_playbook: '${name}' imports itself`);
  const loop = loadLoop(fields);
  return {
    kind: 'import',
    name: fields.string('name') ?? name,
    source: fields.yaml.at(fields.node),
    playbook: await loadFile(file, loading, fields.yaml.at(node)),
    when: fields.conditions('when'),
    vars: fields.vars('vars'),
    tags: fields.strings('tags', true).map(({ value }) => value),
    ...(loop === undefined ? {} : { loop }),
  };
}

async function loadFile(file: string, loading: Loading, source?: string): Promise<Playbook> {
  const shown = shownPath(file, loading);
  const yaml = yamlOf(shown, await readFileText('playbook', file, loading, source), loading);
  const list = yaml.deref(yaml.document.contents);
  if (!isSeq(list))
    throw yaml.fail(
      yaml.document.contents,
      `a playbook is a list of plays; found ${yamlType(yaml.value(list))}`,
    );
  const inner = { ...loading, chain: [...loading.chain, file] };
  const entries: (Play | ImportPlaybook)[] = [];
  for (const [index, item] of listOf(yaml, list, 'a playbook').entries()) {
    const fields = new YamlFields(yaml, item, `play ${index + 1}`);
    const name = fields.string('name');
    const named = name === undefined ? fields : new YamlFields(yaml, item, `play '${name}'`);
    entries.push(
      named.has('import_playbook') ? await loadImport(named, inner) : await loadPlay(named, inner),
    );
  }
  return { file: shown, entries };
}

/**
 * Loads a playbook and all that it imports, and validates every key, module name and plain value.
 * @throws CaravanError input with `file:line:column` of the first mistake and the nearest valid name.
 */
export async function loadPlaybook(file: string, options: LoadOptions): Promise<Playbook> {
  const table = new Map(options.modules.map((module) => [module.name, module]));
  const path = resolve(options.workingFolder ?? '.', file);
  return loadFile(path, { ...options, table, chain: [], home: dirname(path), loadRole });
}
