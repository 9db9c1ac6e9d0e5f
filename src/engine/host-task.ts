import { pythonText } from '../inventory/python-text.js';
import { CaravanError, asCaravanError } from '../values/error.js';
import type { JsonObject } from '../values/json.js';
import { wholeExpression } from '../playbook/expression.js';
import type { Located, Loop } from '../playbook/model.js';
import { withBound, type Scope } from '../playbook/scope.js';
import { render } from '../playbook/template.js';
import type { HostStatus } from './events.js';
import { emit, failureStatus, keepFacts, type HostOutcome } from './host-report.js';
import { attemptUntil, firstFalse } from './judged-attempt.js';
import { boundNames, loopItems } from './loop-items.js';
import { bindItem } from './prepare-task.js';
import type { HostTask } from './task-on-host.js';

async function runOnce(on: HostTask, item?: string): Promise<HostOutcome> {
  const { task, host, state } = on;
  const startedAt = state.parts.clock.now().getTime();
  const base = { startedAt, ...(item === undefined ? {} : { item }) };
  const place = { host: host.name, play: on.play, task: task.name, source: task.source };
  let bound = on;
  try {
    const missing = firstFalse(task.when, on.scope);
    if (missing !== undefined)
      return emit(on, { ...base, status: 'skipped', reason: `${missing} is false` });
    bound = bindItem(on);
    const judged = await attemptUntil(bound);
    if (judged.done.skipped === true && judged.failure === undefined)
      return emit(bound, { ...base, judged, status: 'skipped' });
    if (judged.failure === undefined)
      return emit(bound, { ...base, judged, status: judged.changed ? 'changed' : 'ok' });
    const { kind, message, hint, error: thrown } = judged.failure;
    const detail = { ...place, ...(hint === undefined ? {} : { hint }) };
    const error = thrown?.at(place) ?? new CaravanError(kind, message, detail);
    return emit(bound, { ...base, judged, error, status: 'failed' });
  } catch (thrown) {
    const error = asCaravanError(thrown).at(place);
    return emit(bound, { ...base, error, status: failureStatus(error, bound) });
  }
}

/** What is shown for an item; the item itself where its label cannot be rendered. */
function label(loop: Loop, item: unknown, scope: Scope): string {
  if (loop.label === undefined) return pythonText(item);
  try {
    return pythonText(render(labelTemplate(loop), scope));
  } catch {
    return pythonText(item);
  }
}

/** `label: item.name` is written without braces too. */
function labelTemplate({ label: located, loopVar }: Loop): Located {
  const { value = '', source = '' } = located ?? {};
  if (typeof value !== 'string' || wholeExpression(value) !== undefined) return { value, source };
  const isPath = /^[A-Za-z_][\w.]*$/.test(value) && value.split('.')[0] === loopVar;
  return { value: isPath ? `{{ ${value} }}` : value, source };
}

function merge(outcomes: readonly HostOutcome[]): HostOutcome {
  const by = (status: HostStatus): HostOutcome | undefined =>
    outcomes.find((outcome) => outcome.status === status);
  const worst = by('unreachable') ?? by('failed') ?? by('changed') ?? by('ok') ?? by('skipped');
  const status = worst?.status ?? 'skipped';
  // What an item gave to a delegate is there.
  const own = outcomes.filter(({ factsOf }) => factsOf === undefined);
  // A failure that is not ignored outweighs those that are.
  return {
    status,
    ignored: worst?.ignored ?? false,
    registered: {
      results: outcomes.map(({ registered }) => registered),
      changed: outcomes.some(({ registered }) => registered['changed'] === true),
      failed: status === 'failed',
      skipped: status === 'skipped',
      msg:
        status === 'failed'
          ? 'One or more items failed'
          : status === 'skipped'
            ? 'All items skipped'
            : 'All items completed',
    },
    facts: Object.assign({}, ...own.map(({ facts }) => facts)) as JsonObject,
    hostFacts: Object.assign({}, ...own.map(({ hostFacts }) => hostFacts)) as JsonObject,
    ...(worst?.error === undefined ? {} : { error: worst.error }),
  };
}

async function runLoop(on: HostTask, loop: Loop): Promise<HostOutcome> {
  const startedAt = on.state.parts.clock.now().getTime();
  let items: readonly unknown[];
  try {
    items = loopItems(loop, on.scope);
  } catch (thrown) {
    // A condition that needs no item may say that the loop is not for this host.
    const error = asCaravanError(thrown).at({ host: on.host.name, source: on.task.source });
    try {
      const missing = firstFalse(on.task.when, on.scope);
      if (missing !== undefined)
        return emit(on, { startedAt, status: 'skipped', reason: `${missing} is false` });
    } catch {
      // The loop's own error says more.
    }
    return emit(on, { startedAt, status: 'failed', error });
  }
  if (items.length === 0) {
    const none = emit(on, { startedAt, status: 'skipped', reason: 'no items' });
    return {
      ...none,
      registered: {
        ...{ changed: false, skipped: true, skipped_reason: 'No items in the list', results: [] },
      },
    };
  }
  const outcomes: HostOutcome[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0 && loop.pauseSeconds > 0)
      await on.state.parts.clock.sleep(loop.pauseSeconds * 1000, on.state.parts.signal);
    const bound = boundNames(loop, items, index);
    const scope = withBound(on.scope, bound);
    const one = { ...on, scope, item: index };
    const outcome = await runOnce(one, label(loop, item, scope));
    // The next item may build on what this one has set.
    keepFacts(on.state.parts.variables, on.host.name, outcome);
    const registered = {
      ...outcome.registered,
      ...(bound as JsonObject),
      // The names of a loop around it are no part of the item's own result.
      ansible_loop_var: loop.loopVar,
      ...(loop.indexVar === undefined ? {} : { ansible_index_var: loop.indexVar }),
    };
    outcomes.push({ ...outcome, registered });
    if (outcome.status === 'unreachable' || on.state.parts.signal.aborted) break;
    if (loop.breakWhen.length > 0 && breaks(loop, scope, on, registered)) break;
  }
  return merge(outcomes);
}

function breaks(loop: Loop, scope: Scope, { task }: HostTask, registered: JsonObject): boolean {
  const bound = task.register === undefined ? {} : { [task.register]: registered };
  return firstFalse(loop.breakWhen, withBound(scope, bound)) === undefined;
}

/** Runs a task on a host, all items of its loop, and emits what came of it. Never throws. */
export async function runHostTask(on: HostTask): Promise<HostOutcome> {
  const { loop } = on.task;
  return loop === undefined ? runOnce(on) : runLoop(on, loop);
}
