import { dirname } from 'node:path';
import { CaravanError } from '../values/error.js';
import { holdsTemplate } from './check-args.js';
import { KEYWORD_KEYS, readKeywords } from './keywords.js';
import { loadPrompts } from './load-prompts.js';
import { handlersOf, loadRoleList, roleVars } from './load-role.js';
import { loadTasks } from './load-task.js';
import { loadVarsFiles } from './load-vars-files.js';
import type { Inherited, Loading } from './loading.js';
import type { HostOrder, Play, SerialSpec, SerialStep, Task, TaskNode } from './model.js';
import { didYouMean } from './nearest.js';
import { yamlType, type YamlFields } from './yaml-fields.js';

const PLAY_KEYS = [
  ...[
    'name',
    'hosts',
    'serial',
    'vars',
    'vars_files',
    'vars_prompt',
    'pre_tasks',
    'roles',
    'tasks',
    'post_tasks',
  ],
  ...[
    'handlers',
    'force_handlers',
    'gather_facts',
    'gather_subset',
    'gather_timeout',
    'tags',
    'max_fail_percentage',
    'order',
    'strategy',
    'environment',
  ],
  ...KEYWORD_KEYS.filter((key) => key !== 'run_once'),
];
const ORDERS = ['inventory', 'reverse_inventory', 'sorted', 'reverse_sorted', 'shuffle'];
const STRATEGIES = ['linear', 'free', 'host_pinned'];

function serialStep(fields: YamlFields, value: unknown): SerialStep {
  const text = String(value).trim();
  const percent = /^(\d+)%$/.exec(text);
  if (percent?.[1] !== undefined) return { percent: Number(percent[1]) };
  if (/^\d+$/.test(text)) return { count: Number(text) };
  throw fields.yaml.fail(
    fields.child('serial'),
    `${fields.what}: 'serial' must be a number, a percentage or a list of them; found ${yamlType(value)}`,
  );
}

function loadSerial(fields: YamlFields): SerialSpec {
  const value = fields.raw('serial');
  if (value === undefined || value === null) return [];
  if (typeof value === 'string' && holdsTemplate(value)) return value;
  return (Array.isArray(value) ? value : [value]).map((step: unknown) => serialStep(fields, step));
}

function loadOrder(fields: YamlFields): HostOrder {
  const order = fields.string('order') ?? 'inventory';
  if (ORDERS.includes(order)) return order as HostOrder;
  throw fields.yaml.fail(
    fields.child('order'),
    `${fields.what}: 'order' cannot be '${order}'`,
    didYouMean(order, ORDERS),
  );
}

function hostsPattern(fields: YamlFields): string {
  if (!fields.has('hosts'))
    throw fields.yaml.fail(
      fields.node,
      `${fields.what} has no 'hosts'`,
      "for example 'hosts: all'",
    );
  return joined(fields, ':');
}

/** The hosts that a play names: one pattern, or a list of them. */
function joined(fields: YamlFields, by: string): string {
  return fields
    .strings('hosts')
    .map(({ value }) => value)
    .join(by);
}

function loadStrategy(fields: YamlFields): Play['strategy'] {
  const given = fields.string('strategy') ?? 'linear';
  const strategy = given.replace(/^ansible\.builtin\./, '');
  if (!STRATEGIES.includes(strategy))
    throw fields.yaml.fail(
      fields.child('strategy'),
      `${fields.what}: 'strategy' cannot be '${given}'`,
      didYouMean(given, STRATEGIES),
    );
  // Hosts of a batch are all in work here, so to pin one to a fork changes nothing.
  return strategy === 'linear' ? 'linear' : 'free';
}

/** A task that is written in no playbook. */
function implicit(fields: YamlFields, module: string, args: Record<string, unknown>): Task {
  const source = fields.yaml.at(fields.node);
  return {
    ...{ kind: 'task', name: module, source, module, args: { value: args, sources: new Map() } },
    ...{ templated: {}, when: [], tags: ['always'], vars: {}, folders: [], environment: [] },
    ...{ notify: [], listen: [], delegateFacts: false, changedWhen: [], failedWhen: [], until: [] },
  };
}

async function loadSections(
  fields: YamlFields,
  outer: Inherited,
  loading: Loading,
): Promise<{ tasks: TaskNode[]; roles: Play['roles'] }> {
  const { yaml } = fields;
  const section = (key: string): Promise<TaskNode[]> =>
    fields.has(key)
      ? loadTasks(yaml, fields.child(key), outer, loading, { what: key })
      : Promise.resolve([]);
  const before = await section('pre_tasks');
  const roles = fields.has('roles')
    ? await loadRoleList(yaml, fields.child('roles'), outer, loading)
    : [];
  const tasks = await section('tasks');
  const after = await section('post_tasks');
  const facts = fields.boolean('gather_facts') === true ? [gatherFacts(fields, outer)] : [];
  const flush = implicit(fields, 'meta', { action: 'flush_handlers' });
  const sections = [[...facts, ...before], [...roles, ...tasks], after];
  return {
    tasks: sections.flatMap((nodes) => (nodes.length === 0 ? [] : [...nodes, flush])),
    roles: roleVars(roles),
  };
}

function gatherFacts(fields: YamlFields, outer: Inherited): Task {
  // What a play says of how facts are gathered is what `setup` takes.
  const given = ['gather_subset', 'gather_timeout'].filter((key) => fields.has(key));
  const args = Object.fromEntries(given.map((key) => [key, fields.raw(key)]));
  const task = { ...implicit(fields, 'setup', args), name: 'Gathering Facts' };
  const known = Object.entries(outer.keywords).filter(([, { value }]) => !holdsTemplate(value));
  return {
    ...task,
    ...Object.fromEntries(known.map(([field, { value }]) => [field, value])),
    environment: outer.environment,
  };
}

/**
 * One play, with all tasks and roles that it names, validated.
 * @throws CaravanError input with the place of the first mistake.
 */
export async function loadPlay(fields: YamlFields, inFile: Loading): Promise<Play> {
  fields.allow(PLAY_KEYS);
  const loading = { ...inFile, home: dirname(inFile.chain.at(-1) as string) };
  const hosts = hostsPattern(fields);
  const tags = fields.strings('tags', true).map(({ value }) => value);
  const environment = fields.located('environment');
  const handlers: Task[] = [];
  const outer: Inherited = {
    ...{ when: [], tags, vars: {}, keywords: readKeywords(fields, {}), handlers },
    environment: environment === undefined ? [] : [environment],
  };
  const maxFail = fields.number('max_fail_percentage');
  const varsFiles = await loadVarsFiles(fields, loading);
  const sections = await loadSections(fields, outer, loading);
  if (fields.has('handlers')) {
    const nodes = await loadTasks(fields.yaml, fields.child('handlers'), outer, loading, {
      what: 'handlers',
    });
    handlers.push(...handlersOf(nodes, fields.yaml));
  }
  const play: Play = {
    kind: 'play',
    name: fields.string('name') ?? joined(fields, ','),
    source: fields.yaml.at(fields.node),
    hosts: { value: hosts, source: fields.yaml.at(fields.child('hosts')) },
    serial: {
      value: loadSerial(fields),
      source: fields.yaml.at(fields.child('serial') ?? fields.node),
    },
    strategy: loadStrategy(fields),
    vars: { ...fields.vars('vars'), ...varsFiles.vars },
    varsFiles: varsFiles.perHost,
    prompts: loadPrompts(fields),
    tags,
    ...sections,
    handlers,
    forceHandlers: fields.boolean('force_handlers') === true,
    ...(maxFail === undefined ? {} : { maxFailPercentage: maxFail }),
    order: loadOrder(fields),
  };
  checkNotify(play);
  return play;
}

function checkNotify(play: Play): void {
  const names = new Set(play.handlers.flatMap(handlerNames));
  const visit = (nodes: Play['tasks']): void => {
    for (const node of nodes) {
      if (node.kind === 'block') [node.block, node.rescue, node.always].forEach(visit);
      else if (node.kind === 'task')
        for (const { value, source } of node.notify)
          if (!holdsTemplate(value) && !names.has(value) && ![...names].some(holdsTemplate))
            throw new CaravanError('input', `task '${node.name}': no handler '${value}'`, {
              source,
              hint: didYouMean(value, names),
            });
    }
  };
  visit(play.tasks);
  visit(play.handlers);
}

/** The names that a handler answers to: its own, with and without its role's, and `listen`. */
export function handlerNames({ name, role, listen }: Task): string[] {
  const bare = role === undefined ? [] : [name.slice(`${role.name} : `.length)];
  return [name, ...bare, ...listen];
}
