import type { InventoryHost } from '../inventory/inventory.js';
import type { AnyModule } from '../modules/module.js';
import type { Task, TaskNode } from '../playbook/model.js';
import { tagsSelect } from '../playbook/select.js';
import { withBound, type LookupCall, type Scope, type Variable } from '../playbook/scope.js';
import { holds, variableOf } from '../playbook/template.js';
import type { BatchRun } from './batch-run.js';
import { boundNames, loopItems } from './loop-items.js';
import { NotYet } from './not-yet.js';
import { bindItem, prepare } from './prepare-task.js';
import type { HostTask, Spot, Upcoming } from './task-on-host.js';

/** Names that tasks in front may set, `*` at the end for all that begin so. */
type Unknown = ReadonlySet<string>;

/** Names whose value may be another when a task's turn comes. */
const CHANGING: Unknown = new Set([
  'hostvars',
  'play_hosts',
  'ansible_play_hosts',
  'ansible_play_batch',
  'ansible_facts',
]);

function isUnknown(name: string, unknown: Unknown): boolean {
  return unknown.has(name) || (unknown.has('ansible_*') && name.startsWith('ansible_'));
}

/**
 * A scope in which names whose value is not known yet throw {@link NotYet}. Each task has one on
 * each host while it waits, so it is a class.
 */
class OnlyKnown implements Scope {
  constructor(
    private readonly scope: Scope,
    private readonly unknown: Unknown,
  ) {}

  lookup(name: string): Variable | undefined {
    if (isUnknown(name, this.unknown)) throw new NotYet(name);
    return this.scope.lookup(name);
  }

  names(): Iterable<string> {
    return this.scope.names();
  }

  hostScope(): never {
    throw new NotYet('hostvars');
  }

  group(name: string): readonly string[] | undefined {
    return this.scope.group(name);
  }

  plugin(call: LookupCall): unknown[] {
    // What a program prints is asked for when it is needed.
    if (call.name === 'pipe') throw new NotYet('lookup');
    return this.scope.plugin?.(call) ?? [];
  }
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

/** Whether a task as it is written may be made ready before its turn. */
function isPlain(task: Task, module: AnyModule): boolean {
  const { loop } = task;
  return (
    module.touches !== undefined &&
    module.touches !== 'anything' &&
    module.runsOnce !== true &&
    isSingle(task) &&
    Object.keys(task.templated).length === 0 &&
    (loop === undefined ||
      (loop.pauseSeconds === 0 && loop.breakWhen.length === 0 && !loop.extended))
  );
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

/** What a task will do first on a host whose turn is still to come; undefined where that is nothing. */
export function firstRun(run: BatchRun, task: Task, host: InventoryHost): HostTask | undefined {
  const on = prepare(run, task, host);
  const [first] = runsOf({ ...on, scope: new OnlyKnown(on.scope, CHANGING) });
  return first;
}

/** A task behind another, as all hosts have it. */
interface Later {
  readonly task: Task;
  readonly index: number;
  /** What is not known when the task in front of all begins. */
  readonly unknown: Unknown;
  /** It runs handlers: nothing behind it is known where there are some to run. */
  readonly isFlush: boolean;
  readonly touchesNothing: boolean;
}

/** Whether what follows a task can be told at all before it is done. */
function isTelling({ state, frame }: BatchRun, first: Task): boolean {
  const { gate, modules } = state.parts;
  const isAnyLoop = first.loop !== undefined && modules.get(first.module)?.touches === 'anything';
  return !gate.asks && frame.conditions.length === 0 && isSingle(first) && !isAnyLoop;
}

/** What follows a task in its list, up to one of another kind, whatever the host. */
function tasksBehind(
  { play, frame, state }: BatchRun,
  first: Task,
  nodes: readonly TaskNode[],
  from: number,
): Later[] {
  const { modules, tags, skipTags } = state.parts;
  const found: Later[] = [];
  let unknown = CHANGING;
  let mayNotify = false;
  let before = first;
  for (let index = from + 1; ; index += 1) {
    const task = nodes[index];
    if (before.register !== undefined) unknown = new Set([...unknown, before.register]);
    if (modules.get(before.module)?.gathers === true) {
      // Which files of variables there are may rest on facts.
      if (play.varsFiles.length > 0) return found;
      unknown = new Set([...unknown, 'ansible_*']);
    }
    mayNotify ||= before.notify.length > 0;
    if (task?.kind !== 'task') return found;
    before = task;
    if (!tagsSelect([...task.tags, ...frame.tags], { tags, skipTags })) continue;
    const isFlush = task.args.value['action'] === 'flush_handlers' && task.module === 'meta';
    const module = modules.get(task.module) as AnyModule;
    if (isFlush ? mayNotify : !isPlain(task, module) || !isSameWay(task, first)) return found;
    found.push({ task, index, unknown, isFlush, touchesNothing: module.touches === 'nothing' });
  }
}

/** Whether a variable says that a host is the controller. */
function isLocal(connection: unknown): boolean {
  return typeof connection === 'string' && connection.endsWith('local');
}

/** Whether a task runs on the controller itself. */
function isHome({ task, scope }: HostTask): boolean {
  return isLocal(variableOf('ansible_connection', scope) ?? task.connection);
}

/**
 * Tells what follows a task on a host, as far as it can be told before that task is done: up to one
 * that rests on what one in front of it finds, or that is of another kind. Throws there, or ends.
 */
export function upcomingIn(run: BatchRun): Upcoming {
  /** By place in the list, with the task that it was made for: keywords may differ by host. */
  const plans = new Map<number, { readonly first: Task; readonly behind: readonly Later[] }>();
  const behindOf = (first: Task, { list, index }: Spot): readonly Later[] => {
    const known = plans.get(index);
    if (known?.first === first) return known.behind;
    const behind = tasksBehind(run, first, list.nodes, index);
    plans.set(index, { first, behind });
    return behind;
  };
  // What is written on the controller may be read there by a task behind, as a source or by a
  // lookup; nothing tells when.
  let hasHome: boolean | undefined;
  return function* upcoming(on, spot) {
    const { task: first, host, item } = on;
    hasHome ??= run.hosts.some(({ vars }) => isLocal(vars['ansible_connection']));
    if (hasHome || !isTelling(run, first) || isHome(on)) return;
    const node = spot.list.nodes[spot.index];
    if (item !== undefined && node?.kind === 'task') {
      const next = prepare(run, node, host);
      for (const one of runsOf({ ...next, scope: new OnlyKnown(next.scope, CHANGING) }))
        if ((one.item ?? 0) > item) yield { ...one, spot };
    }
    let isBehindDecision = false;
    for (const { task, index, unknown, isFlush, touchesNothing } of behindOf(first, spot)) {
      if (isFlush) {
        if ([...run.notified.values()].some((hosts) => hosts.has(host.name))) return;
        continue; // handlers that nobody has notified do not run
      }
      const next = prepare(run, task, host);
      const scope = new OnlyKnown(next.scope, unknown);
      try {
        yield* runsOf({ ...next, scope, spot: { ...spot, index }, isBehindDecision });
      } catch (thrown) {
        // What touches nothing can be passed over; but it may fail, as `assert` does.
        if (!(thrown instanceof NotYet) || !touchesNothing) throw thrown;
        isBehindDecision = true;
      }
    }
  };
}
