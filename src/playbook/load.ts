import { dirname, relative, resolve } from 'node:path';
import { isSeq } from 'yaml';
import type { AnyModule } from '../modules/module.js';
import { CaravanError } from '../values/error.js';
import { didYouMean } from './nearest.js';
import { loadLoop, loadTasks, type Inherited, type ModuleTable } from './load-task.js';
import type {
  HostOrder,
  ImportPlaybook,
  Play,
  Playbook,
  SerialSpec,
  SerialStep,
  Task,
} from './model.js';
import { holdsTemplate } from './check-args.js';
import { YamlSource } from './yaml-source.js';
import { YamlFields, yamlType } from './yaml-fields.js';

const PLAY_KEYS = [
  ...['name', 'hosts', 'serial', 'vars', 'tasks', 'handlers', 'become', 'gather_facts', 'tags'],
  ...['any_errors_fatal', 'max_fail_percentage', 'order', 'no_log', 'ignore_errors', 'check_mode'],
];
const IMPORT_KEYS = ['name', 'import_playbook', 'vars', 'when', 'tags', 'loop', 'loop_control'];
const ORDERS = ['inventory', 'reverse_inventory', 'sorted', 'reverse_sorted', 'shuffle'];

/** What loading needs. */
export interface LoadOptions {
  readonly modules: readonly AnyModule[];
  /** Reads a file as text (default: of this machine). Passed in, so that loading is pure. */
  readonly readText: (file: string) => Promise<string>;
  /** Folder that shown paths are relative to (default: paths are shown as given). */
  readonly workingFolder?: string;
}

interface Loading extends LoadOptions {
  readonly table: ModuleTable;
  /** Files being loaded, outermost first: an import of one of them never ends. */
  readonly chain: readonly string[];
}

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

function loadHandlers(fields: YamlFields, loading: Loading, outer: Inherited): Task[] {
  if (!fields.has('handlers')) return [];
  const nodes = loadTasks(fields.yaml, fields.child('handlers'), loading.table, outer, 'handlers');
  return nodes.map((node) => {
    if (node.kind === 'task') return node;
    throw fields.yaml.fail(fields.child('handlers'), 'a handler is a task, not a block');
  });
}

function hostsPattern(fields: YamlFields): string {
  if (!fields.has('hosts'))
    throw fields.yaml.fail(
      fields.node,
      `${fields.what} has no 'hosts'`,
      "for example 'hosts: all'",
    );
  return fields
    .strings('hosts')
    .map(({ value }) => value)
    .join(':');
}

function loadPlay(fields: YamlFields, loading: Loading): Play {
  fields.allow(PLAY_KEYS);
  const hosts = hostsPattern(fields);
  const tags = fields.strings('tags', true).map(({ value }) => value);
  const become = fields.boolean('become');
  const outer: Inherited = {
    when: [],
    tags,
    vars: {},
    ...(become === undefined ? {} : { become }),
    noLog: fields.boolean('no_log') ?? false,
    ignoreErrors: fields.boolean('ignore_errors') ?? false,
    ...(fields.has('check_mode') ? { checkMode: fields.boolean('check_mode') === true } : {}),
  };
  const maxFail = fields.number('max_fail_percentage');
  const play: Play = {
    kind: 'play',
    name: fields.string('name') ?? hosts,
    source: fields.yaml.at(fields.node),
    hosts: { value: hosts, source: fields.yaml.at(fields.child('hosts')) },
    serial: {
      value: loadSerial(fields),
      source: fields.yaml.at(fields.child('serial') ?? fields.node),
    },
    vars: fields.vars('vars'),
    tags,
    tasks: fields.has('tasks')
      ? loadTasks(fields.yaml, fields.child('tasks'), loading.table, outer)
      : [],
    handlers: loadHandlers(fields, loading, outer),
    anyErrorsFatal: fields.boolean('any_errors_fatal') ?? false,
    ...(maxFail === undefined ? {} : { maxFailPercentage: maxFail }),
    order: loadOrder(fields),
  };
  checkNotify(play);
  return play;
}

function checkNotify(play: Play): void {
  const names = play.handlers.flatMap(({ name, listen }) => [name, ...listen]);
  const visit = (nodes: Play['tasks']): void => {
    for (const node of nodes) {
      if (node.kind === 'block') [node.block, node.rescue, node.always].forEach(visit);
      else
        for (const { value, source } of node.notify)
          if (!holdsTemplate(value) && !names.includes(value))
            throw new CaravanError('input', `task '${node.name}': no handler '${value}'`, {
              source,
              hint: didYouMean(value, names),
            });
    }
  };
  visit(play.tasks);
  visit(play.handlers);
}

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
  const shown = loading.workingFolder === undefined ? file : relative(loading.workingFolder, file);
  let text: string;
  try {
    text = await loading.readText(file);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `read playbook ${shown}: ${why}`, {
      cause,
      ...(source === undefined ? {} : { source }),
    });
  }
  const yaml = new YamlSource(shown, text);
  const list = yaml.deref(yaml.document.contents);
  if (!isSeq(list))
    throw yaml.fail(
      yaml.document.contents,
      `a playbook is a list of plays; found ${yamlType(yaml.value(list))}`,
    );
  const inner = { ...loading, chain: [...loading.chain, file] };
  const entries: (Play | ImportPlaybook)[] = [];
  for (const [index, item] of list.items.entries()) {
    const fields = new YamlFields(yaml, item, `play ${index + 1}`);
    const name = fields.string('name');
    const named = name === undefined ? fields : new YamlFields(yaml, item, `play '${name}'`);
    entries.push(
      named.has('import_playbook') ? await loadImport(named, inner) : loadPlay(named, inner),
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
  return loadFile(resolve(options.workingFolder ?? '.', file), { ...options, table, chain: [] });
}
