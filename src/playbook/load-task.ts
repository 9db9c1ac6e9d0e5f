import { dirname, resolve } from 'node:path';
import { checkArgs, holdsTemplate } from './check-args.js';
import { withoutAction } from './load-action.js';
import { KEYWORD_KEYS, readKeywords, splitKeywords } from './keywords.js';
import { loadArgs, moduleKey, shortName } from './load-args.js';
import { loadLoop, LOOP_KEYS } from './load-loop.js';
import {
  listOf,
  readFileText,
  searchFolders,
  shownPath,
  yamlOf,
  type Inherited,
  type Loading,
} from './loading.js';
import type { AnyModule } from '../modules/module.js';
import type { Args, Block, Include, Located, Task, TaskNode } from './model.js';
import { YamlFields } from './yaml-fields.js';
import type { YamlSource } from './yaml-source.js';

const SHARED = ['name', 'when', 'tags', 'vars', 'environment', ...KEYWORD_KEYS];
const BLOCK_KEYS = [...SHARED, 'block', 'rescue', 'always', 'delegate_to', 'delegate_facts'];
const IMPORTS = ['import_tasks', 'import_role'];
const INCLUDES = ['include_tasks', 'include_role'];

/** Every key that a task knows besides its module. */
export const TASK_KEYS: readonly string[] = [
  ...SHARED,
  ...LOOP_KEYS,
  ...['delegate_to', 'delegate_facts', 'register', 'notify', 'listen', 'changed_when'],
  ...['failed_when', 'until', 'retries', 'delay', 'args'],
];

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

/** What is around a task, with what a block or task says itself. */
export function inherit(fields: YamlFields, outer: Inherited): Inherited {
  const tags = fields.strings('tags', true).map(({ value }) => value);
  const environment = fields.located('environment');
  return {
    ...outer,
    when: [...outer.when, ...fields.conditions('when')],
    tags: [...new Set([...outer.tags, ...tags])],
    vars: { ...outer.vars, ...fields.vars('vars') },
    keywords: readKeywords(fields, outer.keywords),
    environment: [...outer.environment, ...(environment === undefined ? [] : [environment])],
  };
}

/** A delegate is inherited from a block, unlike in the other keywords never from a play. */
interface Delegation {
  readonly delegateTo?: Located<string>;
  readonly delegateFacts?: boolean;
}

function delegation(fields: YamlFields, outer: Delegation): Delegation {
  const to = fields.string('delegate_to');
  const facts = fields.boolean('delegate_facts');
  return {
    ...outer,
    ...(to === undefined
      ? {}
      : { delegateTo: { value: to, source: fields.yaml.at(fields.child('delegate_to')) } }),
    ...(facts === undefined ? {} : { delegateFacts: facts }),
  };
}

/** A task's name; one of a role is shown, and found by `--start-at-task`, with the role's. */
function taskName(fields: YamlFields, key: string, { role }: Inherited): string {
  const own = fields.string('name') ?? key;
  return role === undefined ? own : `${role.name} : ${own}`;
}

interface Place {
  readonly loading: Loading;
  readonly outer: Inherited;
  readonly delegated: Delegation;
}

/** The variable of `register`. @throws CaravanError input where a template could not name it. */
function registerName(fields: YamlFields): string | undefined {
  const name = fields.string('register');
  const words = ['none', 'true', 'false', 'not', 'and', 'or', 'in', 'is', 'if', 'else'];
  if (name === undefined || (/^[A-Za-z_]\w*$/.test(name) && !words.includes(name.toLowerCase())))
    return name;
  throw fields.yaml.fail(fields.child('register'), `${fields.what}: '${name}' is no variable name`);
}

/** A number, or a template that gives one. */
function numeric(fields: YamlFields, key: string): Located | undefined {
  const located = fields.located(key);
  if (located !== undefined && !holdsTemplate(located.value)) fields.number(key);
  return located;
}

function taskOf(fields: YamlFields, key: string, args: Args, place: Place): Task {
  const own = inherit(fields, place.outer);
  const { known, templated } = splitKeywords(own.keywords);
  const file = place.loading.chain.at(-1) ?? '';
  return {
    kind: 'task',
    name: taskName(fields, key, own),
    source: fields.yaml.at(fields.node),
    module: shortName(key),
    args,
    ...known,
    templated,
    when: own.when,
    tags: own.tags,
    vars: own.vars,
    ...optional('role', own.role),
    folders: searchFolders(file, own, place.loading),
    environment: own.environment,
    notify: fields.strings('notify'),
    listen: fields.strings('listen').map(({ value }) => value),
    ...optional('loop', loadLoop(fields, key)),
    ...optional('register', registerName(fields)),
    delegateFacts: false,
    ...delegation(fields, place.delegated),
    changedWhen: fields.conditions('changed_when'),
    failedWhen: fields.conditions('failed_when'),
    until: fields.conditions('until'),
    ...optional('retries', numeric(fields, 'retries')),
    ...optional('delaySeconds', numeric(fields, 'delay')),
  };
}

function loadTask(fields: YamlFields, key: string, place: Place): Task {
  const module = place.loading.table.get(shortName(key)) as AnyModule;
  const args = loadArgs(fields, key, module);
  checkArgs(module, args, fields.what);
  return taskOf(fields, key, args, place);
}

/** What an import or include is given: a file or a role, and what `apply` adds to its tasks. */
function readInclude(fields: YamlFields, key: string) {
  const { yaml } = fields;
  const isRole = shortName(key).endsWith('_role');
  const wanted = isRole ? 'name' : 'file';
  const node = fields.child(key);
  const given = yaml.value(node);
  if (typeof given === 'string') {
    const plain = given.replace(/^(file|name)=/, '');
    return { isRole, file: { value: plain, source: yaml.at(node) }, apply: undefined, from: {} };
  }
  const inner = new YamlFields(yaml, node, `${fields.what}: ${key}`);
  const parts = ['tasks_from', 'vars_from', 'defaults_from', 'handlers_from'];
  inner.allow([wanted, 'apply', ...(isRole ? ['role', ...parts, 'public'] : [])]);
  const name = inner.string(wanted) ?? (isRole ? inner.string('role') : undefined);
  if (name === undefined) throw yaml.fail(node, `${fields.what}: ${key} needs '${wanted}'`);
  const apply = inner.has('apply')
    ? new YamlFields(yaml, inner.child('apply'), `${fields.what}: 'apply'`)
    : undefined;
  apply?.allow(SHARED);
  const source = yaml.at(inner.child(wanted));
  const from = Object.fromEntries(
    parts.flatMap((part) => {
      const file = inner.string(part);
      return file === undefined ? [] : [[part.replace('_from', ''), file]];
    }),
  );
  return { isRole, file: { value: name, source }, apply, from };
}

async function loadImport(fields: YamlFields, key: string, place: Place): Promise<Block> {
  const { isRole, file, from } = readInclude(fields, key);
  const { loading, outer } = place;
  fields.allow([...SHARED, 'delegate_to', 'delegate_facts', key]);
  if (holdsTemplate(file.value))
    throw fields.yaml.fail(
      fields.child(key),
      `${key}: '${file.value}': the file must be named plainly`,
      `${shortName(key).replace('import', 'include')} takes a template`,
    );
  const own = inherit(fields, outer);
  const block = isRole
    ? await loading.loadRole({ name: file.value, source: file.source, from }, own, loading)
    : await loadTaskFile(resolveTaskFile(file.value, loading), own, loading, {
        delegated: delegation(fields, place.delegated),
        source: file.source,
      });
  const source = fields.yaml.at(fields.node);
  return { kind: 'block', name: file.value, source, block, rescue: [], always: [] };
}

function resolveTaskFile(file: string, { chain }: Loading): string {
  return resolve(dirname(chain.at(-1) as string), file);
}

async function loadInclude(fields: YamlFields, key: string, place: Place): Promise<Include> {
  const { isRole, file, apply, from } = readInclude(fields, key);
  const { loading, outer } = place;
  const sources = new Map([['', file.source]]);
  const shown = isRole && !fields.has('name') ? `${key} : ${file.value}` : key;
  const task = taskOf(fields, shown, { value: {}, sources }, place);
  // Conditions and tags of the include are its own; its variables are those of its tasks too.
  const around = { ...outer, vars: { ...outer.vars, ...fields.vars('vars') } };
  const inner = apply === undefined ? around : inherit(apply, around);
  const { source } = file;
  const load = (name: string): Promise<TaskNode[]> =>
    isRole
      ? loading.loadRole({ name, source, from }, inner, loading)
      : loadTaskFile(resolveTaskFile(name, loading), inner, loading, { source, delegated: {} });
  // A file that is named plainly is checked before anything runs, unless it includes itself.
  if (!holdsTemplate(file.value)) {
    const path = resolveTaskFile(file.value, loading);
    if (isRole || !loading.chain.includes(path)) {
      const nodes = await load(file.value);
      const known = (name: string): Promise<readonly TaskNode[]> =>
        name === file.value ? Promise.resolve(nodes) : load(name);
      return { kind: 'include', task, file, load: known };
    }
  }
  return { kind: 'include', task, file, load };
}

async function loadBlock(fields: YamlFields, place: Place): Promise<Block> {
  fields.allow(BLOCK_KEYS);
  const inner = { ...place, outer: inherit(fields, place.outer) };
  const delegated = delegation(fields, place.delegated);
  const list = (key: string): Promise<TaskNode[]> =>
    fields.has(key)
      ? loadTasks(fields.yaml, fields.child(key), inner.outer, place.loading, {
          what: key,
          delegated,
        })
      : Promise.resolve([]);
  return {
    kind: 'block',
    name: fields.string('name') ?? 'block',
    source: fields.yaml.at(fields.node),
    block: await list('block'),
    rescue: await list('rescue'),
    always: await list('always'),
  };
}

function loadNode(fields: YamlFields, place: Place): Promise<TaskNode> {
  if (fields.has('block')) return loadBlock(fields, place);
  const key = moduleKey(
    fields,
    [...place.loading.table.keys(), ...IMPORTS, ...INCLUDES],
    TASK_KEYS,
  );
  if (IMPORTS.includes(shortName(key))) return loadImport(fields, key, place);
  if (INCLUDES.includes(shortName(key))) return loadInclude(fields, key, place);
  return Promise.resolve().then(() => loadTask(fields, key, place));
}

/**
 * A list of tasks and blocks, validated.
 * @throws CaravanError input with the place of the first mistake.
 */
export async function loadTasks(
  yaml: YamlSource,
  node: unknown,
  outer: Inherited,
  loading: Loading,
  { what = 'tasks', delegated = {} }: { what?: string; delegated?: Delegation } = {},
): Promise<TaskNode[]> {
  const nodes: TaskNode[] = [];
  for (const [index, written] of listOf(yaml, node, `'${what}'`).entries()) {
    const number = `task ${index + 1} of '${what}'`;
    const item = withoutAction(new YamlFields(yaml, written, number));
    const bare = new YamlFields(yaml, item, number);
    const name = bare.string('name');
    const fields = name === undefined ? bare : new YamlFields(yaml, item, `task '${name}'`);
    nodes.push(await loadNode(fields, { loading, outer, delegated }));
  }
  return nodes;
}

/**
 * The tasks of a file.
 * @throws CaravanError input where it cannot be read, imports itself or holds a mistake.
 */
export async function loadTaskFile(
  file: string,
  outer: Inherited,
  loading: Loading,
  { source, delegated = {} }: { source?: string; delegated?: Delegation },
): Promise<TaskNode[]> {
  const shown = shownPath(file, loading);
  const text = await readFileText('tasks', file, loading, source);
  const yaml = yamlOf(shown, text, loading);
  const inner = { ...loading, chain: [...loading.chain, file] };
  return loadTasks(yaml, yaml.document.contents, outer, inner, { what: shown, delegated });
}
