import { join, resolve } from 'node:path';
import { CaravanError } from '../values/error.js';
import { inherit, loadTaskFile, loadTasks } from './load-task.js';
import {
  listOf,
  readOptional,
  varsOf,
  type Inherited,
  type Loading,
  type RoleUse,
  yamlOf,
} from './loading.js';
import type { Role, Task, TaskNode, Vars } from './model.js';
import { YamlFields } from './yaml-fields.js';
import type { YamlSource } from './yaml-source.js';

interface Part {
  readonly file: string;
  readonly text: string;
}

async function readPart(
  path: string,
  part: string,
  main: string | undefined,
  loading: Loading,
): Promise<Part | undefined> {
  const name = main ?? 'main';
  const files = /\.ya?ml$/.test(name) ? [name] : [`${name}.yml`, `${name}.yaml`];
  for (const file of files.map((one) => join(path, part, one))) {
    const text = await readOptional(file, loading);
    if (text !== undefined) return { file, text };
  }
  return undefined;
}

const PARTS = ['tasks', 'handlers', 'vars', 'defaults', 'meta'];

/** The folder of a role: `roles/` of the playbook, beside the playbook, or a path. */
async function findRole({ name, source, from = {} }: RoleUse, loading: Loading) {
  const places = [join(loading.home, 'roles', name), resolve(loading.home, name)];
  for (const path of places) {
    const parts = await Promise.all(
      PARTS.map(async (part) => [part, await readPart(path, part, from[part], loading)] as const),
    );
    if (parts.some(([, found]) => found !== undefined))
      return { path, parts: Object.fromEntries(parts) };
  }
  throw new CaravanError('input', `no role '${name}'`, {
    source,
    hint: `looked for ${places.join(' and ')}, each with one of: ${PARTS.join(', ')}`,
  });
}

/** What a role says of itself: the roles that it depends on, and whether it may run again. */
function readMeta(part: Part | undefined, loading: Loading) {
  if (part === undefined) return { mayRepeat: false };
  const yaml = yamlOf(part.file, part.text, loading);
  const fields = new YamlFields(yaml, yaml.document.contents, part.file);
  const mayRepeat = fields.boolean('allow_duplicates') === true;
  if (!fields.has('dependencies')) return { mayRepeat };
  return { mayRepeat, dependencies: { yaml, node: fields.child('dependencies') } };
}

/** One of several roles that stand in lists: its key is what makes two of them alike. */
interface Listed {
  readonly key: string;
  /** Keys of those before it, to which it adds its own. */
  readonly seen: Set<string>;
}

/**
 * The tasks of a role and of those it depends on; its handlers join those of the play. None where
 * it is listed again alike, and does not say `allow_duplicates`.
 * @throws CaravanError input where there is no such role, or a mistake in it.
 */
export async function loadRole(
  use: RoleUse,
  outer: Inherited,
  loading: Loading,
  { key, seen }: Listed = { key: '', seen: new Set() },
): Promise<TaskNode[]> {
  const { path, parts } = await findRole(use, loading);
  if (outer.role?.path === path && loading.chain.some((file) => file.startsWith(`${path}/meta`)))
    throw new CaravanError('input', `role '${use.name}' depends on itself`, { source: use.source });
  const { mayRepeat, dependencies } = readMeta(parts['meta'], loading);
  if (seen.has(key) && !mayRepeat) return [];
  seen.add(key);
  const vars = (part: string): Vars => {
    const found = parts[part];
    return found === undefined ? {} : varsOf(found.file, found.text, loading);
  };
  const role: Role = { name: use.name, path, vars: vars('vars'), defaults: vars('defaults') };
  const own: Inherited = { ...outer, role };
  const meta = { ...loading, chain: [...loading.chain, join(path, 'meta')] };
  const before =
    dependencies === undefined
      ? []
      : await loadRoleList(dependencies.yaml, dependencies.node, own, meta, seen);
  const tasks =
    parts['tasks'] === undefined
      ? []
      : await loadTaskFile(parts['tasks'].file, own, loading, { source: use.source });
  await addHandlers(parts['handlers'], own, loading);
  return [...before, ...tasks];
}

async function addHandlers(
  part: Part | undefined,
  own: Inherited,
  loading: Loading,
): Promise<void> {
  if (part === undefined) return;
  const yaml = yamlOf(part.file, part.text, loading);
  const inner = { ...loading, chain: [...loading.chain, part.file] };
  const nodes = await loadTasks(yaml, yaml.document.contents, own, inner, { what: 'handlers' });
  own.handlers.push(...handlersOf(nodes, yaml));
}

/** Handlers must be tasks. @throws CaravanError input for a block or an include. */
export function handlersOf(nodes: readonly TaskNode[], yaml: YamlSource): Task[] {
  return nodes.flatMap((node): Task[] => {
    if (node.kind === 'task') return [node];
    if (node.kind === 'block' && node.rescue.length + node.always.length === 0)
      return handlersOf(node.block, yaml);
    throw new CaravanError('input', 'a handler is a task: no rescue, no always, no include', {
      source: node.kind === 'block' ? node.source : node.task.source,
    });
  });
}

const ROLE_KEYS = [
  'role',
  'name',
  'vars',
  'tags',
  'when',
  'become',
  'become_user',
  'become_method',
  'environment',
];
const ROLE_MORE = ['delegate_to', 'no_log', 'ignore_errors', 'any_errors_fatal', 'check_mode'];

/**
 * `roles` of a play, or `dependencies` of a role, in order; of those that are alike, in all lists
 * that share `seen`, the first runs.
 */
export async function loadRoleList(
  yaml: YamlSource,
  node: unknown,
  outer: Inherited,
  loading: Loading,
  seen = new Set<string>(),
): Promise<TaskNode[]> {
  const nodes: TaskNode[] = [];
  for (const item of listOf(yaml, node, "'roles'")) {
    const value = yaml.value(item);
    const { name, own } =
      typeof value === 'string' ? { name: value, own: outer } : readUse(yaml, item, outer);
    // However it is written, its name is told once.
    const given = { ...(typeof value === 'string' ? {} : (value as object)), role: '', name: '' };
    // Conditions and tags from around it may leave it out where another is not.
    const around = [own.when.map((condition) => condition.value), own.tags];
    const key = JSON.stringify([name, given, around]);
    nodes.push(...(await loadRole({ name, source: yaml.at(item) }, own, loading, { key, seen })));
  }
  return nodes;
}

/** A role that is written as a mapping, with what it is given. */
function readUse(
  yaml: YamlSource,
  item: unknown,
  outer: Inherited,
): { name: string; own: Inherited } {
  const fields = new YamlFields(yaml, item, 'a role');
  const name = fields.string('role') ?? fields.string('name');
  if (name === undefined) throw yaml.fail(item, "a role needs its name, as 'role'");
  // Any other key is a variable of the role, as Ansible has it.
  const params = fields.keys().filter((one) => ![...ROLE_KEYS, ...ROLE_MORE].includes(one));
  const own = inherit(fields, outer);
  const vars = Object.fromEntries(
    params.map((one) => [one, { value: fields.raw(one), source: yaml.at(fields.child(one)) }]),
  );
  return { name, own: { ...own, vars: { ...own.vars, ...vars } } };
}

/** Variables that the roles among these tasks give to the whole play. */
export function roleVars(nodes: readonly TaskNode[]): { vars: Vars; defaults: Vars } {
  const roles = rolesOf(nodes);
  return {
    vars: Object.assign({}, ...roles.map(({ vars }) => vars)) as Vars,
    defaults: Object.assign({}, ...roles.map(({ defaults }) => defaults)) as Vars,
  };
}

function rolesOf(nodes: readonly TaskNode[]): Role[] {
  return nodes.flatMap((node): Role[] => {
    if (node.kind === 'block') return [node.block, node.rescue, node.always].flatMap(rolesOf);
    return node.kind === 'task' && node.role !== undefined ? [node.role] : [];
  });
}
