import { pythonText } from '../inventory/python-text.js';
import { CaravanError, asCaravanError } from '../values/error.js';
import type { Json, JsonObject } from '../values/json.js';
import type { Condition, Located, Loop } from '../playbook/model.js';
import { holds, render, withBound, type Scope } from '../playbook/template.js';
import { wholeExpression } from '../playbook/expression.js';
import { attempt } from './ahead.js';
import type { AttemptResult, HostTask } from './attempt.js';
import type { HostStatus } from './events.js';
import { boundNames, loopItems } from './loop-items.js';
import { bindItem } from './prepare-task.js';
import { numberOf } from './resolve-task.js';
import { HIDDEN, showChanges, showError, type Showing } from './shown.js';

/** How a task ended on a host. */
export interface HostOutcome {
  readonly status: HostStatus;
  /** What `register` stores. */
  readonly registered: JsonObject;
  readonly error?: CaravanError;
  /** Failed, and the host goes on. */
  readonly ignored: boolean;
  readonly facts: JsonObject;
  readonly hostFacts: JsonObject;
}

const UNREACHABLE = ['connect', 'auth', 'host-key'];

/** A condition that must hold, or the text of the first that does not. */
function firstFalse(conditions: readonly Condition[], scope: Scope): string | undefined {
  const failing = conditions.find((condition) => !holds(condition, scope));
  return failing === undefined ? undefined : String(failing.value);
}

function registeredOf(done: AttemptResult, changed: boolean, failed: boolean): JsonObject {
  const { stdout, stderr } = done.result;
  const lines = (text: Json | undefined): readonly string[] | undefined =>
    typeof text === 'string' ? (text === '' ? [] : text.replace(/\n$/, '').split('\n')) : undefined;
  const stdoutLines = lines(stdout);
  const stderrLines = lines(stderr);
  return {
    ...(done.failure === undefined ? {} : { msg: done.failure.message }),
    ...done.result,
    ...(done.skipped === true ? { skipped: true } : {}),
    ...(stdoutLines === undefined ? {} : { stdout_lines: stdoutLines }),
    ...(stderrLines === undefined ? {} : { stderr_lines: stderrLines }),
    changed,
    failed,
  };
}

interface Judged {
  readonly done: AttemptResult & { readonly id: string };
  readonly changed: boolean;
  readonly failure: AttemptResult['failure'];
  readonly registered: JsonObject;
}

/** Applies `failed_when` and `changed_when` to what an attempt gave. */
function judge(on: HostTask, done: Judged['done']): Judged {
  const { task } = on;
  const raw = registeredOf(done, done.changed, done.failure !== undefined);
  const scope =
    task.register === undefined ? on.scope : withBound(on.scope, { [task.register]: raw });
  let { failure } = done;
  if (task.failedWhen.length > 0) {
    const text = task.failedWhen.map(({ value }) => String(value)).join(' and ');
    failure =
      firstFalse(task.failedWhen, scope) === undefined
        ? (failure ?? { kind: 'command', message: `failed_when: ${text}` })
        : undefined;
  }
  const changed =
    task.changedWhen.length > 0 ? firstFalse(task.changedWhen, scope) === undefined : done.changed;
  const isAsDone = changed === done.changed && failure === done.failure;
  const registered = isAsDone ? raw : registeredOf(done, changed, failure !== undefined);
  return { done, changed, failure, registered };
}

/** An attempt, judged. One that fails is remembered, in case its host fails with it. */
async function attemptOnce(on: HostTask): Promise<Judged> {
  const { receipts } = on.state.parts;
  const judged = judge(on, await attempt(on));
  if (judged.failure !== undefined) receipts.failing(on.host.name, on.task.source, judged.done.id);
  return judged;
}

async function attemptUntil(on: HostTask): Promise<Judged> {
  const { task, state } = on;
  const repeats = task.until.length > 0 || task.retries !== undefined;
  const retries = Math.max(0, numberOf(task.retries, on.scope) ?? 3);
  if (!repeats || retries === 0) return attemptOnce(on);
  const delay = numberOf(task.delaySeconds, on.scope) ?? 5;
  for (let tried = 1; ; tried += 1) {
    const once = await attemptOnce(on);
    const judged = { ...once, registered: { ...once.registered, attempts: tried } };
    const missing = unmet(on, judged);
    if (missing === undefined) return judged;
    if (tried > retries) {
      const message = `until: '${missing}' did not hold in ${tried} attempts`;
      const failure = judged.failure ?? { kind: 'verify' as const, message };
      const registered = { ...judged.registered, failed: true, attempts: retries };
      return { ...judged, failure, registered };
    }
    const left = `attempt ${tried} of ${retries + 1}: not yet (${missing})`;
    state.emit({ type: 'progress', task: task.name, host: on.host.name, line: left });
    await state.parts.clock.sleep(delay * 1000, state.parts.signal);
  }
}

/** What `until` still waits for; with `retries` alone, for the task not to fail. */
function unmet({ task, scope }: HostTask, { failure, registered }: Judged): string | undefined {
  if (task.until.length === 0) return failure === undefined ? undefined : 'not failed';
  const bound = task.register === undefined ? {} : { [task.register]: registered };
  return firstFalse(task.until, withBound(scope, bound));
}

function showing(on: HostTask): Showing {
  const { diff, scrubber } = on.state.parts;
  return {
    ...{ noLog: on.task.noLog === true, diff: on.task.diff ?? diff, scrubber },
    source: on.task.source,
  };
}

/** A report of one host, or of one item on it: as an event, and for what comes after. */
interface Report {
  readonly status: HostStatus;
  readonly startedAt: number;
  readonly item?: string;
  readonly judged?: Judged;
  readonly reason?: string;
  readonly error?: CaravanError;
}

function emit(on: HostTask, report: Report): HostOutcome {
  const { task, state, host } = on;
  const { status, judged, error, item } = report;
  const show = showing(on);
  const ignored =
    (task.ignoreErrors === true && status === 'failed') ||
    (task.ignoreUnreachable === true && status === 'unreachable');
  const reason = report.reason ?? judged?.done.reason;
  state.emit({
    type: 'host-result',
    play: on.play,
    task: task.name,
    source: task.source,
    host: host.name,
    status,
    seconds: (state.parts.clock.now().getTime() - report.startedAt) / 1000,
    changes: showChanges(judged?.changed === true ? judged.done.changes : [], show),
    ...(item === undefined ? {} : { item: show.noLog ? HIDDEN : show.scrubber.text(item) }),
    ...(reason === undefined || show.noLog ? {} : { reason: show.scrubber.text(reason) }),
    ...(judged === undefined || show.noLog
      ? {}
      : { result: show.scrubber.value(judged.registered) }),
    ...(state.parts.modules.get(task.module)?.says === true ? { says: true } : {}),
    ...(error === undefined ? {} : { error: showError(error, show) }),
    ...(ignored ? { ignored } : {}),
  });
  const failed = {
    ...{ changed: false, failed: status === 'failed', msg: error?.message ?? '' },
    ...(status === 'unreachable' ? { unreachable: true } : {}),
  };
  const skipped = { changed: false, failed: false, skipped: true, skip_reason: reason ?? '' };
  return {
    status,
    ignored,
    registered: judged?.registered ?? (status === 'skipped' ? skipped : failed),
    facts: judged?.done.facts ?? {},
    hostFacts: judged?.done.hostFacts ?? {},
    ...(error === undefined ? {} : { error }),
  };
}

function failureStatus(error: CaravanError, on: Pick<HostTask, 'host' | 'target'>): HostStatus {
  const { host = on.host.name } = error.detail;
  // A delegate that does not answer leaves its task undone, as a host does.
  const isOwn = host === on.host.name || host === on.target;
  return UNREACHABLE.includes(error.kind) && isOwn ? 'unreachable' : 'failed';
}

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
      return emit(on, { ...base, judged, status: 'skipped' });
    if (judged.failure === undefined)
      return emit(on, { ...base, judged, status: judged.changed ? 'changed' : 'ok' });
    const { kind, message, hint } = judged.failure;
    const detail = { ...place, ...(hint === undefined ? {} : { hint }) };
    const error = new CaravanError(kind, message, detail);
    return emit(on, { ...base, judged, error, status: 'failed' });
  } catch (thrown) {
    const error = asCaravanError(thrown).at(place);
    return emit(on, { ...base, error, status: failureStatus(error, bound) });
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
    facts: Object.assign({}, ...outcomes.map(({ facts }) => facts)) as JsonObject,
    hostFacts: Object.assign({}, ...outcomes.map((outcome) => outcome.hostFacts)) as JsonObject,
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
    on.state.parts.variables.setFacts(on.host.name, outcome.facts);
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
