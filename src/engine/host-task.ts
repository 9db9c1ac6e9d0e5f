import { CaravanError, asCaravanError } from '../values/error.js';
import type { Json, JsonObject } from '../values/json.js';
import type { Condition, Loop } from '../playbook/model.js';
import { evaluate, holds, render, withBound, type Scope } from '../playbook/template.js';
import { wholeExpression } from '../playbook/expression.js';
import { attempt, type AttemptResult, type HostTask } from './attempt.js';
import type { HostStatus } from './events.js';
import { showChanges, showError, type Showing } from './shown.js';

/** How a task ended on a host. */
export interface HostOutcome {
  readonly status: HostStatus;
  /** What `register` stores. */
  readonly registered: JsonObject;
  readonly error?: CaravanError;
  /** Failed, and the host goes on. */
  readonly ignored: boolean;
  readonly facts: JsonObject;
}

const UNREACHABLE = ['connect', 'auth', 'host-key'];

/** A condition that must hold, or the text of the first that does not. */
function firstFalse(conditions: readonly Condition[], scope: Scope): string | undefined {
  const failing = conditions.find((condition) => !holds(condition, scope));
  return failing === undefined ? undefined : String(failing.value);
}

/** The items of a loop. */
export function loopItems(loop: Loop, scope: Scope): readonly unknown[] {
  const { value, source } = loop.items;
  const isBare = typeof value === 'string' && !value.includes('{{');
  const items = isBare ? evaluate({ value, source }, scope) : render(loop.items, scope);
  if (Array.isArray(items)) return items as unknown[];
  const shown = items === null ? 'nothing' : typeof items === 'object' ? 'a mapping' : typeof items;
  throw new CaravanError('input', `loop '${String(value)}' must give a list; it gave ${shown}`, {
    source,
    ...(shown === 'a mapping' ? { hint: 'add | dict2items' } : {}),
  });
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
    ...(stdoutLines === undefined ? {} : { stdout_lines: stdoutLines }),
    ...(stderrLines === undefined ? {} : { stderr_lines: stderrLines }),
    changed,
    failed,
  };
}

interface Judged {
  readonly done: AttemptResult;
  readonly changed: boolean;
  readonly failure: AttemptResult['failure'];
  readonly registered: JsonObject;
}

/** Applies `failed_when` and `changed_when` to what an attempt gave. */
function judge(on: HostTask, done: AttemptResult): Judged {
  const { task } = on;
  const raw = registeredOf(done, done.changed, done.failure !== undefined);
  const scope =
    task.register === undefined ? on.scope : withBound(on.scope, { [task.register]: raw });
  let { failure } = done;
  if (task.failedWhen.length > 0) {
    const failing = task.failedWhen.find((condition) => holds(condition, scope));
    const text = failing === undefined ? '' : String(failing.value);
    failure =
      failing === undefined
        ? undefined
        : (failure ?? { kind: 'command', message: `failed_when: ${text}` });
  }
  const changed =
    task.changedWhen.length > 0 ? firstFalse(task.changedWhen, scope) === undefined : done.changed;
  return { done, changed, failure, registered: registeredOf(done, changed, failure !== undefined) };
}

async function attemptUntil(on: HostTask): Promise<Judged> {
  const { task, state } = on;
  for (let tried = 0; ; tried += 1) {
    const judged = judge(on, await attempt(on));
    if (task.until.length === 0) return judged;
    const bound = {
      ...(task.register === undefined ? {} : { [task.register]: judged.registered }),
    };
    const missing = firstFalse(task.until, withBound(on.scope, bound));
    if (missing === undefined) return judged;
    if (tried >= task.retries) {
      const message = `until: '${missing}' did not hold in ${tried + 1} attempts`;
      const failure = judged.failure ?? { kind: 'verify' as const, message };
      return { ...judged, failure, registered: { ...judged.registered, failed: true } };
    }
    const left = `attempt ${tried + 1} of ${task.retries + 1}: not yet (${missing})`;
    state.emit({ type: 'progress', task: task.name, host: on.host.name, line: left });
    await state.parts.clock.sleep(task.delaySeconds * 1000, state.parts.signal);
  }
}

function showing(on: HostTask): Showing {
  const { diff, scrubber } = on.state.parts;
  return { noLog: on.task.noLog, diff, scrubber };
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
  const ignored = task.ignoreErrors && status === 'failed';
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
    ...(item === undefined ? {} : { item: show.scrubber.text(item) }),
    ...(reason === undefined || task.noLog ? {} : { reason: show.scrubber.text(reason) }),
    ...(judged === undefined || task.noLog
      ? {}
      : { result: show.scrubber.value(judged.registered) }),
    ...(error === undefined ? {} : { error: showError(error, show) }),
    ...(ignored ? { ignored } : {}),
  });
  const failed = { changed: false, failed: true, msg: error?.message ?? '' };
  const skipped = { changed: false, failed: false, skipped: true, skip_reason: reason ?? '' };
  return {
    status,
    ignored,
    registered: judged?.registered ?? (status === 'skipped' ? skipped : failed),
    facts: judged?.done.facts ?? {},
    ...(error === undefined ? {} : { error }),
  };
}

function failureStatus(error: CaravanError, on: HostTask): HostStatus {
  const isOwn = (error.detail.host ?? on.host.name) === on.host.name;
  return UNREACHABLE.includes(error.kind) && isOwn ? 'unreachable' : 'failed';
}

async function runOnce(on: HostTask, item?: string): Promise<HostOutcome> {
  const { task, host, state } = on;
  const startedAt = state.parts.clock.now().getTime();
  const base = { startedAt, ...(item === undefined ? {} : { item }) };
  const place = { host: host.name, play: on.play, task: task.name, source: task.source };
  try {
    const missing = firstFalse(task.when, on.scope);
    if (missing !== undefined)
      return emit(on, { ...base, status: 'skipped', reason: `${missing} is false` });
    const judged = await attemptUntil(on);
    if (judged.failure === undefined)
      return emit(on, { ...base, judged, status: judged.changed ? 'changed' : 'ok' });
    const { kind, message, hint } = judged.failure;
    const detail = { ...place, ...(hint === undefined ? {} : { hint }) };
    const error = new CaravanError(kind, message, detail);
    return emit(on, { ...base, judged, error, status: 'failed' });
  } catch (thrown) {
    const error = asCaravanError(thrown).at(place);
    return emit(on, { ...base, error, status: failureStatus(error, on) });
  }
}

function label(loop: Loop, item: unknown, scope: Scope): string {
  const shown = loop.label === undefined ? item : render(labelTemplate(loop.label), scope);
  return typeof shown === 'string' ? shown : JSON.stringify(shown);
}

/** `label: item.name` is written without braces too. */
function labelTemplate(located: NonNullable<Loop['label']>): NonNullable<Loop['label']> {
  const { value } = located;
  if (typeof value !== 'string' || wholeExpression(value) !== undefined) return located;
  return /^[A-Za-z_][\w.]*$/.test(value) ? { ...located, value: `{{ ${value} }}` } : located;
}

function merge(outcomes: readonly HostOutcome[]): HostOutcome {
  const by = (status: HostStatus): HostOutcome | undefined =>
    outcomes.find((outcome) => outcome.status === status);
  const worst = by('unreachable') ?? by('failed') ?? by('changed') ?? by('ok') ?? by('skipped');
  const status = worst?.status ?? 'skipped';
  return {
    status,
    ignored: worst?.ignored ?? false,
    registered: {
      results: outcomes.map(({ registered }) => registered),
      changed: outcomes.some(({ registered }) => registered['changed'] === true),
      failed: status === 'failed' || status === 'unreachable',
      ...(status === 'skipped' ? { skipped: true } : {}),
    },
    facts: Object.assign({}, ...outcomes.map(({ facts }) => facts)) as JsonObject,
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
  if (items.length === 0)
    return merge([emit(on, { startedAt, status: 'skipped', reason: 'no items' })]);
  const outcomes: HostOutcome[] = [];
  for (const [index, item] of items.entries()) {
    const bound = {
      [loop.loopVar]: item,
      ansible_loop_var: loop.loopVar,
      ...(loop.indexVar === undefined ? {} : { [loop.indexVar]: index }),
    };
    const scope = withBound(on.scope, bound);
    const outcome = await runOnce({ ...on, scope }, label(loop, item, scope));
    const registered = { ...outcome.registered, [loop.loopVar]: item as Json };
    outcomes.push({ ...outcome, registered });
    if (outcome.status === 'unreachable' || on.state.parts.signal.aborted) break;
  }
  return merge(outcomes);
}

/** Runs a task on a host, all items of its loop, and emits what came of it. Never throws. */
export async function runHostTask(on: HostTask): Promise<HostOutcome> {
  const { loop } = on.task;
  return loop === undefined ? runOnce(on) : runLoop(on, loop);
}
