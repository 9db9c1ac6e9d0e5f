import type { AnyModule } from '../modules/module.js';
import type { Task } from '../playbook/model.js';
import { tagsSelect } from '../playbook/select.js';
import { holds, withBound, type Scope } from '../playbook/template.js';
import type { Spot } from './ahead.js';
import type { HostTask } from './attempt.js';
import type { BatchRun } from './batch-run.js';
import { boundNames, loopItems } from './loop-items.js';
import { NotYet } from './not-yet.js';
import { bindItem, prepare } from './prepare-task.js';

/** Names whose value may be another when a task's turn comes. */
const CHANGING = [
  'hostvars',
  'play_hosts',
  'ansible_play_hosts',
  'ansible_play_batch',
  'ansible_facts',
];

/** Names that tasks in front may set, `*` at the end for all that begin so. */
type Unknown = Set<string>;

function isUnknown(name: string, unknown: Unknown): boolean {
  return unknown.has(name) || (unknown.has('ansible_*') && name.startsWith('ansible_'));
}

/** A scope in which names whose value is not known yet throw {@link NotYet}. */
function onlyKnown(scope: Scope, unknown: Unknown): Scope {
  const refuse = (name: string): never => {
    throw new NotYet(name);
  };
  return {
    lookup: (name) => (isUnknown(name, unknown) ? refuse(name) : scope.lookup(name)),
    names: () => scope.names(),
    hostScope: () => refuse('hostvars'),
    group: (name) => scope.group(name),
    // What a program prints is asked for when it is needed.
    plugin: (call) => (call.name === 'pipe' ? refuse('lookup') : (scope.plugin?.(call) ?? [])),
  };
}

/** Whether a task makes one attempt on each host, when its turn comes there. */
function isSingle(task: Task): boolean {
  return (
    task.runOnce !== true &&
    task.delegateTo === undefined &&
    task.throttle === undefined &&
    task.until.length === 0 &&
    task.retries === undefined
  );
}

/** What {@link isPlain} found: every host asks. */
const PLAIN = new WeakMap<Task, boolean>();

/** Whether a task as it is written may be made ready before its turn. */
function isPlain(task: Task, module: AnyModule | undefined): boolean {
  const { loop } = task;
  const isKnown = PLAIN.get(task);
  if (isKnown !== undefined) return isKnown;
  const is =
    module?.touches !== undefined &&
    module.touches !== 'anything' &&
    module.runsOnce !== true &&
    isSingle(task) &&
    Object.keys(task.templated).length === 0 &&
    (loop === undefined ||
      (loop.pauseSeconds === 0 && loop.breakWhen.length === 0 && !loop.extended));
  PLAIN.set(task, is);
  return is;
}

/** Whether two tasks reach a host in the same way. */
function isSameWay(one: Task, other: Task): boolean {
  return (
    one.become === other.become &&
    one.becomeUser === other.becomeUser &&
    one.becomeMethod === other.becomeMethod &&
    one.connection === other.connection &&
    one.remoteUser === other.remoteUser
  );
}

/** Each item of a task that will run; none where its conditions do not hold. */
function* runsOf(on: HostTask): Generator<HostTask> {
  const { loop, when } = on.task;
  const isMeant = (scope: Scope): boolean => when.every((condition) => holds(condition, scope));
  if (loop === undefined) {
    if (isMeant(on.scope)) yield bindItem(on);
    return;
  }
  const items = loopItems(loop, on.scope);
  for (const index of items.keys()) {
    const scope = withBound(on.scope, boundNames(loop, items, index));
    if (isMeant(scope)) yield bindItem({ ...on, scope, item: index });
  }
}

/**
 * What follows `first` on a host, as far as it can be told before `first` is done: up to a task
 * that rests on what one in front of it finds, or that is of another kind. Throws there, or ends.
 */
export function* upcomingTasks(
  run: BatchRun,
  { task: first, host, item }: HostTask,
  { ahead, nodes, index: from }: Spot,
): Generator<HostTask> {
  const { modules, tags, skipTags, gate } = run.state.parts;
  if (gate.asks || run.frame.conditions.length > 0) return;
  if (
    !isSingle(first) ||
    (first.loop !== undefined && modules.get(first.module)?.touches === 'anything')
  )
    return;
  const unknown: Unknown = new Set(CHANGING);
  if (item !== undefined && nodes[from]?.kind === 'task') {
    const on = prepare(run, nodes[from], host);
    for (const one of runsOf({ ...on, scope: onlyKnown(on.scope, unknown) }))
      if ((one.item ?? 0) > item) yield { ...one, spot: { ahead, nodes, index: from } };
  }
  let isBehindDecision = false;
  let mayNotify = [...run.notified.values()].some((hosts) => hosts.has(host.name));
  let before = first;
  for (const [index, node] of nodes.entries()) {
    if (index <= from) continue;
    if (before.register !== undefined) unknown.add(before.register);
    if (modules.get(before.module)?.gathers === true) {
      // Which files of variables there are may rest on facts.
      if (run.play.varsFiles.length > 0) return;
      unknown.add('ansible_*');
    }
    mayNotify ||= before.notify.length > 0;
    if (node.kind !== 'task') return;
    before = node;
    // Handlers that nobody has notified do not run.
    if (node.args.value['action'] === 'flush_handlers' && node.module === 'meta' && !mayNotify)
      continue;
    if (!tagsSelect([...node.tags, ...run.frame.tags], { tags, skipTags })) continue;
    const module = modules.get(node.module);
    if (!isPlain(node, module) || !isSameWay(node, first)) return;
    const on = prepare(run, node, host);
    const scope = onlyKnown(on.scope, unknown);
    try {
      for (const one of runsOf({ ...on, scope }))
        yield { ...one, spot: { ahead, nodes, index }, isBehindDecision };
    } catch (thrown) {
      // What touches nothing can be passed over; but it may fail, as `assert` does.
      if (!(thrown instanceof NotYet) || module?.touches !== 'nothing') throw thrown;
      isBehindDecision = true;
    }
  }
}
