import type { InventoryHost } from '../inventory/inventory.js';
import type { Task } from '../playbook/model.js';
import { withBound } from '../playbook/scope.js';
import { holds, render } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import { layersOf, type BatchRun } from './batch-run.js';
import { connectionNames, environmentOf, reachOf, resolveKeywords } from './resolve-task.js';
import type { HostTask } from './task-on-host.js';
import type { Layers } from './variables.js';

function delegate(task: Task, on: HostTask): string {
  if (task.delegateTo === undefined) return on.host.name;
  const name = String(render(task.delegateTo, on.scope));
  if (on.state.parts.variables.host(name) !== undefined) return name;
  throw new CaravanError('input', `delegate_to: the inventory has no host '${name}'`, {
    source: task.delegateTo.source,
  });
}

/** What {@link boundHere} found: most hosts of a task have the same layers. */
const BOUND = new WeakMap<Layers, readonly string[]>();

/** Connection variables that play, task and imports bind. */
function boundHere(layers: Layers): readonly string[] {
  const known = BOUND.get(layers);
  if (known !== undefined) return known;
  const { play = {}, task = {}, imports = [] } = layers;
  const names = [play, task, ...imports.map(({ vars }) => vars)].flatMap(connectionNames);
  BOUND.set(layers, names);
  return names;
}

/**
 * A task made ready for a host: its names bound, its keywords resolved, its way to the host known.
 * @throws CaravanError input where one of them cannot be resolved.
 */
export function prepare(run: BatchRun, task: Task, host: InventoryHost): HostTask {
  const { state, play, frame } = run;
  const layers = layersOf(run, task, host);
  const scope = state.parts.variables.scope(host, layers);
  const on: HostTask = { task, play: play.name, host, target: host.name, scope, state };
  // The conditions of imports see the names that those imports bind.
  const refused = frame.conditions.find(
    ({ condition, bound }) => !holds(condition, withBound(scope, bound)),
  );
  if (refused !== undefined)
    return { ...on, task: { ...task, when: [{ ...refused.condition, value: false }] } };
  const resolved = resolveKeywords(task, scope);
  const reach = reachOf(resolved, boundHere(layers), scope);
  if (reach === undefined) return resolved === task ? on : { ...on, task: resolved };
  return { ...on, task: resolved, reach };
}

/** What a loop's item may change: where the task runs, and its environment. */
export function bindItem(on: HostTask): HostTask {
  const environment = environmentOf(on.task, on.scope);
  const target = delegate(on.task, on);
  if (environment === undefined) return target === on.target ? on : { ...on, target };
  return { ...on, target, environment };
}
