import type { Condition } from '../playbook/model.js';
import { withBound, type Scope } from '../playbook/scope.js';
import { holds } from '../playbook/template.js';
import type { Json, JsonObject } from '../values/json.js';
import { attempt } from './ahead.js';
import type { AttemptResult } from './attempt-result.js';
import { numberOf } from './resolve-task.js';
import type { HostTask } from './task-on-host.js';

/** The text of the first condition that does not hold; undefined where all do. */
export function firstFalse(conditions: readonly Condition[], scope: Scope): string | undefined {
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

/** What an attempt gave, after `failed_when` and `changed_when`. */
export interface Judged {
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

/** Attempts a task until it is as `until` and `retries` want it, or once where they want nothing. */
export async function attemptUntil(on: HostTask): Promise<Judged> {
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
