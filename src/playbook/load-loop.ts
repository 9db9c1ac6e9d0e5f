import type { LookupLoop, Loop, LoopKind } from './model.js';
import { didYouMean } from './nearest.js';
import { YamlFields, yamlType } from './yaml-fields.js';

/** See {@link LookupLoop}. */
export const LOOKUP_LOOPS: readonly LookupLoop[] = [
  ...(['first_found', 'file', 'fileglob', 'subelements'] as const),
];

const KINDS: readonly LoopKind[] = [
  ...([
    'items',
    'list',
    'flattened',
    'dict',
    'indexed_items',
    'nested',
    'together',
    ...LOOKUP_LOOPS,
  ] as const),
];
const CONTROL = ['loop_var', 'label', 'index_var', 'extended', 'pause', 'break_when'];

/** The keys that make a loop. */
export const LOOP_KEYS: readonly string[] = [
  ...['loop', 'loop_control'],
  ...KINDS.map((kind) => `with_${kind}`),
];

/** The loop of a task with that module, or of an import, under any of its names. */
export function loadLoop(fields: YamlFields, action = ''): Loop | undefined {
  const keys = LOOP_KEYS.filter((key) => key !== 'loop_control' && fields.has(key));
  const [key, second] = keys;
  if (second !== undefined)
    throw fields.yaml.fail(
      fields.keyNode(second),
      `${fields.what} has two loops: ${keys.join(', ')}`,
    );
  if (key === undefined) {
    if (fields.has('loop_control'))
      throw fields.yaml.fail(
        fields.keyNode('loop_control'),
        `${fields.what}: 'loop_control' needs a 'loop'`,
      );
    return undefined;
  }
  const items = { value: fields.raw(key), source: fields.yaml.at(fields.child(key)) };
  const isMapping =
    typeof items.value === 'object' &&
    items.value !== null &&
    ['with_dict', 'with_first_found'].includes(key);
  if (typeof items.value !== 'string' && !Array.isArray(items.value) && !isMapping)
    throw fields.yaml.fail(
      fields.child(key),
      `${fields.what}: '${key}' must be a list or an expression; found ${yamlType(items.value)}`,
    );
  const kind = key === 'loop' ? 'loop' : (key.slice('with_'.length) as LoopKind);
  const folder = ['template', 'var'].find((one) => action.includes(one)) ?? 'file';
  return { kind, folder: `${folder}s`, items, ...loadControl(fields) };
}

function loadControl(fields: YamlFields): Omit<Loop, 'kind' | 'items'> {
  const none = { loopVar: 'item', extended: false, pauseSeconds: 0, breakWhen: [] };
  if (!fields.has('loop_control')) return none;
  const control = new YamlFields(fields.yaml, fields.child('loop_control'), `loop_control`);
  control.allow(CONTROL);
  const loopVar = control.string('loop_var') ?? 'item';
  if (!/^[A-Za-z_]\w*$/.test(loopVar))
    throw fields.yaml.fail(
      control.child('loop_var'),
      `loop_control: '${loopVar}' is no variable name`,
      didYouMean(loopVar, ['item']),
    );
  const indexVar = control.string('index_var');
  const label = control.located('label');
  return {
    loopVar,
    extended: control.boolean('extended') ?? false,
    pauseSeconds: control.number('pause') ?? 0,
    breakWhen: control.conditions('break_when'),
    ...(indexVar === undefined ? {} : { indexVar }),
    ...(label === undefined ? {} : { label }),
  };
}
