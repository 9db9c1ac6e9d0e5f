import { isMap, isScalar, Pair, Scalar, YAMLMap, type Node } from 'yaml';
import type { YamlFields } from './yaml-fields.js';

/** Older ways to name a task's module; the second runs it on the controller. */
export const ACTIONS = ['action', 'local_action'];

function at<T extends Node>(node: T, place: unknown): T {
  const { range } = place as Node;
  if (range) node.range = range;
  return node;
}

interface Named {
  readonly module: string;
  readonly args: unknown;
}

/** @throws CaravanError input where no module is named. */
function named(fields: YamlFields, key: string): Named {
  const node = fields.yaml.deref(fields.child(key));
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === 'string') {
    const [, module = '', rest = ''] = /^\s*(\S+)\s*(.*)$/s.exec(value) ?? [];
    return { module, args: at(new Scalar(rest === '' ? null : rest), node) };
  }
  const isModule = (pair: Pair): boolean => isScalar(pair.key) && pair.key.value === 'module';
  const module = isMap(node) ? node.items.find(isModule)?.value : undefined;
  if (!isMap(node) || !isScalar(module) || typeof module.value !== 'string')
    throw fields.yaml.fail(
      fields.child(key) ?? fields.node,
      `${fields.what}: '${key}' names no module`,
      `for example '${key}: command uptime', or a mapping with 'module'`,
    );
  const args = at(new YAMLMap(), node);
  args.items = node.items.filter((pair) => !isModule(pair));
  return { module: module.value, args };
}

/** A task that is written with `action` or `local_action`, as one that names its module by a key. */
export function withoutAction(fields: YamlFields): unknown {
  const key = ACTIONS.find((one) => fields.has(one));
  const map = fields.yaml.deref(fields.node);
  if (key === undefined || !isMap(map)) return fields.node;
  const { module, args } = named(fields, key);
  const task = at(new YAMLMap(), map);
  for (const pair of map.items)
    if (isScalar(pair.key) && pair.key.value === key)
      task.items.push(new Pair(at(new Scalar(module), pair.key), args));
    else task.items.push(pair);
  if (key === 'local_action')
    task.items.push(
      new Pair(new Scalar('delegate_to'), at(new Scalar('localhost'), fields.child(key))),
    );
  return task;
}
