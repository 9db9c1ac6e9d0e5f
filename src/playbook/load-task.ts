import { isSeq } from 'yaml';
import type { AnyModule } from '../modules/module.js';
import { didYouMean } from './nearest.js';
import type { Args, Block, Condition, Loop, Task, TaskNode, Vars } from './model.js';
import { checkArgs } from './check-args.js';
import type { YamlSource } from './yaml-source.js';
import { YamlFields, yamlType } from './yaml-fields.js';

const INHERITED = ['name', 'when', 'tags', 'vars', 'become', 'no_log', 'ignore_errors'];
const SHARED = [...INHERITED, 'run_once', 'delegate_to', 'check_mode', 'any_errors_fatal'];
const BLOCK_KEYS = [...SHARED, 'block', 'rescue', 'always'];

/** Every key that a task knows besides its module. */
export const TASK_KEYS: readonly string[] = [
  ...SHARED.filter((key) => key !== 'any_errors_fatal'),
  ...['register', 'loop', 'with_items', 'loop_control', 'notify', 'listen', 'changed_when'],
  ...['failed_when', 'until', 'retries', 'delay', 'timeout', 'throttle', 'args'],
];

/** What a task takes from the blocks and the play around it. */
export interface Inherited {
  readonly when: readonly Condition[];
  readonly tags: readonly string[];
  readonly vars: Vars;
  readonly become?: boolean;
  readonly noLog?: boolean;
  readonly ignoreErrors?: boolean;
  readonly runOnce?: boolean;
  readonly checkMode?: boolean;
}

/** The modules that a playbook may name. */
export type ModuleTable = ReadonlyMap<string, AnyModule>;

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
}

function inherit(fields: YamlFields, outer: Inherited): Inherited {
  return {
    when: [...outer.when, ...fields.conditions('when')],
    tags: [...new Set([...outer.tags, ...fields.strings('tags', true).map(({ value }) => value)])],
    vars: { ...outer.vars, ...fields.vars('vars') },
    ...optional('become', fields.boolean('become') ?? outer.become),
    ...optional('noLog', fields.boolean('no_log') ?? outer.noLog),
    ...optional('ignoreErrors', fields.boolean('ignore_errors') ?? outer.ignoreErrors),
    ...optional('runOnce', fields.boolean('run_once') ?? outer.runOnce),
    ...optional('checkMode', fields.boolean('check_mode') ?? outer.checkMode),
  };
}

/** The loop of a task or an import. `with_items` is `loop` under its old name. */
export function loadLoop(fields: YamlFields): Loop | undefined {
  const items = fields.located('loop') ?? fields.located('with_items');
  if (items === undefined) {
    if (fields.has('loop_control'))
      throw fields.yaml.fail(
        fields.keyNode('loop_control'),
        `${fields.what}: 'loop_control' needs a 'loop'`,
      );
    return undefined;
  }
  if (typeof items.value !== 'string' && !Array.isArray(items.value))
    throw fields.yaml.fail(
      fields.child('loop'),
      `${fields.what}: 'loop' must be a list or an expression; found ${yamlType(items.value)}`,
    );
  if (!fields.has('loop_control')) return { items, loopVar: 'item' };
  const control = new YamlFields(fields.yaml, fields.child('loop_control'), `loop_control`);
  control.allow(['loop_var', 'label', 'index_var']);
  return {
    items,
    loopVar: control.string('loop_var') ?? 'item',
    ...optional('indexVar', control.string('index_var')),
    ...optional('label', control.located('label')),
  };
}

function moduleKey(fields: YamlFields, modules: ModuleTable): string {
  const others = fields.keys().filter((key) => !TASK_KEYS.includes(key));
  const named = others.filter((key) => modules.has(shortName(key)));
  const unknown = others.find((key) => !named.includes(key));
  if (unknown !== undefined) {
    const valid = named.length > 0 ? TASK_KEYS : [...TASK_KEYS, ...modules.keys()];
    throw fields.yaml.fail(
      fields.keyNode(unknown),
      `${fields.what}: '${unknown}' is neither a module nor a key of a task`,
      didYouMean(unknown, valid),
    );
  }
  if (named.length === 1) return named[0] as string;
  throw fields.yaml.fail(
    named.length === 0 ? fields.node : fields.keyNode(named[1] as string),
    named.length === 0
      ? `${fields.what} names no module`
      : `${fields.what} names ${named.length} modules: ${named.join(', ')}; a task has one`,
  );
}

/** `ansible.builtin.copy` is `copy`. */
function shortName(key: string): string {
  return key.replace(/^ansible\.(builtin|legacy)\./, '');
}

function loadArgs(fields: YamlFields, key: string, module: AnyModule): Args {
  const { yaml } = fields;
  const node = fields.child(key);
  const value = yaml.value(node);
  const sources = yaml.sources(node);
  sources.set('', yaml.at(fields.keyNode(key)));
  const extra = fields.raw('args') as Record<string, unknown> | undefined;
  const args: Record<string, unknown> = {};
  if (typeof value === 'string' || typeof value === 'number' || Array.isArray(value)) {
    if (module.freeForm === undefined)
      throw yaml.fail(
        node,
        `${fields.what}: module '${module.name}' needs a mapping; found ${yamlType(value)}`,
      );
    args[module.freeForm] = value;
    sources.set(module.freeForm, yaml.at(node));
  } else if (value !== null && typeof value === 'object') Object.assign(args, value);
  if (extra !== undefined) {
    Object.assign(args, extra);
    for (const [path, source] of yaml.sources(fields.child('args')))
      if (path !== '') sources.set(path, source);
  }
  return { value: args, sources };
}

function loadTask(fields: YamlFields, modules: ModuleTable, outer: Inherited): Task {
  const key = moduleKey(fields, modules);
  const module = modules.get(shortName(key)) as AnyModule;
  const args = loadArgs(fields, key, module);
  checkArgs(module, args, fields.what);
  const own = inherit(fields, outer);
  const delegate = fields.string('delegate_to');
  return {
    kind: 'task',
    name: fields.string('name') ?? module.name,
    source: fields.yaml.at(fields.node),
    module: module.name,
    args,
    when: own.when,
    tags: own.tags,
    vars: own.vars,
    notify: fields.strings('notify'),
    listen: fields.strings('listen').map(({ value }) => value),
    ...optional('loop', loadLoop(fields)),
    ...optional('register', fields.string('register')),
    runOnce: own.runOnce ?? false,
    ...(delegate === undefined
      ? {}
      : { delegateTo: { value: delegate, source: fields.yaml.at(fields.child('delegate_to')) } }),
    ...optional('become', own.become),
    noLog: own.noLog ?? false,
    ignoreErrors: own.ignoreErrors ?? false,
    changedWhen: fields.conditions('changed_when'),
    failedWhen: fields.conditions('failed_when'),
    until: fields.conditions('until'),
    retries: fields.number('retries') ?? 3,
    delaySeconds: fields.number('delay') ?? 5,
    ...optional('timeoutSeconds', fields.number('timeout')),
    ...optional('checkMode', own.checkMode),
    ...optional('throttle', fields.number('throttle')),
  };
}

function loadBlock(fields: YamlFields, modules: ModuleTable, outer: Inherited): Block {
  fields.allow(BLOCK_KEYS);
  const own = inherit(fields, outer);
  const list = (key: string): TaskNode[] =>
    fields.has(key) ? loadTasks(fields.yaml, fields.child(key), modules, own, key) : [];
  return {
    kind: 'block',
    name: fields.string('name') ?? 'block',
    source: fields.yaml.at(fields.node),
    block: list('block'),
    rescue: list('rescue'),
    always: list('always'),
  };
}

/**
 * A list of tasks and blocks, validated.
 * @throws CaravanError input with the place of the first mistake.
 */
export function loadTasks(
  yaml: YamlSource,
  node: unknown,
  modules: ModuleTable,
  outer: Inherited,
  what = 'tasks',
): TaskNode[] {
  const list = yaml.deref(node);
  if (yaml.value(node) === null) return [];
  if (!isSeq(list))
    throw yaml.fail(node, `'${what}' must be a list; found ${yamlType(yaml.value(node))}`);
  return list.items.map((item, index) => {
    const bare = new YamlFields(yaml, item, `task ${index + 1} of '${what}'`);
    const name = bare.string('name');
    const fields = name === undefined ? bare : new YamlFields(yaml, item, `task '${name}'`);
    return fields.has('block')
      ? loadBlock(fields, modules, outer)
      : loadTask(fields, modules, outer);
  });
}
