import type { InventoryHost } from '../inventory/inventory.js';
import type { AnyModule, Applied, Change, ModuleContext, TaskModule } from '../modules/module.js';
import { argsError, sourceOf } from '../playbook/check-args.js';
import { coerceArgs } from '../playbook/coerce-args.js';
import type { Task } from '../playbook/model.js';
import { wholeExpression } from '../playbook/expression.js';
import { evaluate, holds, renderFields, renderTemplate, type Scope } from '../playbook/template.js';
import { asCaravanError, CaravanError, type ErrorKind } from '../values/error.js';
import type { JsonObject } from '../values/json.js';
import { TaskConnection, type Reach } from './connections.js';
import type { Script } from '../values/shell.js';
import type { RunState } from './run-state.js';
import { lazyVars } from './variables.js';

/** How long a module may go on after its signal, to end or undo what it has in hand. */
const GRACE_MS = 5_000;

/** One task on one host, with what its names mean there. */
export interface HostTask {
  readonly task: Task;
  readonly play: string;
  readonly host: InventoryHost;
  /** Host that the steps run on: `host`, or what `delegate_to` names. */
  readonly target: string;
  readonly scope: Scope;
  readonly state: RunState;
  /** How the target is reached, where play or task say something about it. */
  readonly reach?: Reach;
  readonly environment?: Script;
}

/** What one attempt gave. */
export interface AttemptResult {
  readonly changed: boolean;
  readonly changes: readonly Change[];
  readonly reason?: string;
  readonly result: JsonObject;
  readonly facts?: JsonObject;
  readonly hostFacts?: JsonObject;
  readonly skipped?: boolean;
  readonly failure?: { readonly kind: ErrorKind; readonly message: string; readonly hint?: string };
}

type OpenModule = TaskModule;

function readInput(on: HostTask, module: AnyModule): unknown {
  const { task, scope } = on;
  const raw = module.rawInput ?? [];
  const templates = Object.entries(task.args.value).filter(([key]) => !raw.includes(key));
  const rendered = renderFields(
    Object.fromEntries(templates),
    (key) => sourceOf(task.args, [key]),
    scope,
  );
  const untouched = Object.entries(task.args.value).filter(([key]) => raw.includes(key));
  const args = coerceArgs(module.input, { ...rendered, ...Object.fromEntries(untouched) });
  const parsed = module.input.safeParse(args);
  if (parsed.success) return parsed.data;
  throw argsError(module, task.args, parsed.error.issues, `task '${task.name}'`);
}

function contextFor(on: HostTask, signal: AbortSignal, checkMode: boolean, deadline: number) {
  const { task, host, scope, state } = on;
  const { variables, pool, clock, scrubber } = state.parts;
  const connection = (name: string): TaskConnection =>
    new TaskConnection(name, pool, {
      signal,
      remainingMs: () => Math.max(1, deadline - clock.now().getTime()),
      ...(task.become === undefined ? {} : { become: task.become }),
      ...(on.reach === undefined || name !== on.target ? {} : { reach: on.reach }),
      ...(on.environment === undefined ? {} : { environment: on.environment }),
    });
  const hosts = (pattern: string) => {
    const local = pattern === 'localhost' ? variables.host(pattern) : undefined;
    const named = local === undefined ? variables.inventory.select(pattern) : [local];
    return named.map((other) => ({
      name: other.name,
      vars: lazyVars(variables.scope(other)),
    }));
  };
  const context: ModuleContext = {
    host: { name: host.name, vars: lazyVars(scope) },
    connection: connection(on.target),
    hosts,
    evaluate: (expression) => evaluated(expression, sourceOf(task.args, ['var']), scope),
    folders: task.folders,
    render: (text, file) => renderTemplate(text, file, scope),
    ...(state.parts.parseVars === undefined ? {} : { readVars: state.parts.parseVars }),
    reconnect: () => pool.drop(on.target, on.reach),
    connect: async (name) => {
      await pool.connect(name);
      return connection(name);
    },
    signal,
    clock,
    checkMode,
    holds: (condition) => holds({ value: condition, source: sourceOf(task.args, ['that']) }, scope),
    record: (name, data) => {
      const shown = scrubber.value(data);
      state.emit({ type: 'record', host: host.name, task: task.name, name, data: shown });
    },
    progress: (line) => {
      if (task.noLog === true) return;
      const shown = scrubber.text(line);
      state.emit({ type: 'progress', task: task.name, host: host.name, line: shown });
    },
  };
  return context;
}

/** For `debug`, to which an undefined name is no error. */
function evaluated(expression: string, source: string, scope: Scope): unknown {
  try {
    return evaluate({ value: wholeExpression(expression.trim()) ?? expression, source }, scope);
  } catch (thrown) {
    if (thrown instanceof CaravanError && thrown.message.includes(' is undefined in '))
      return 'VARIABLE IS NOT DEFINED!';
    throw thrown;
  }
}

async function checkAndApply(module: OpenModule, input: unknown, context: ModuleContext) {
  const seen = await module.observe(input, context);
  const verdict = module.check(seen, input);
  const applies = verdict.failure === undefined && verdict.changes.length > 0 && !context.checkMode;
  const applied: Applied = applies ? await module.apply(verdict.changes, input, context) : {};
  const { failure = applied.failure } = verdict;
  const facts = { ...verdict.facts, ...applied.facts };
  const attempt: AttemptResult = {
    changed:
      verdict.changes.length > 0 && applied.changed !== false && verdict.failure === undefined,
    changes: verdict.changes,
    result: { ...verdict.result, ...applied.result },
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(Object.keys(facts).length === 0 ? {} : { facts }),
    ...(verdict.hostFacts === undefined ? {} : { hostFacts: verdict.hostFacts }),
    ...(verdict.skipped === undefined ? {} : { skipped: verdict.skipped }),
    ...(failure === undefined ? {} : { failure }),
  };
  return attempt;
}

/** Waits for `work`, and after `signal` only as long as the grace. */
async function within<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    onAbort = () => {
      timer = setTimeout(() => {
        reject(new CaravanError('timeout', 'the module did not stop'));
      }, GRACE_MS);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Runs a task's module once on a host, within the task's deadline.
 * @throws CaravanError of the kind that the module or the connection gave; timeout past the
 * deadline, cancelled where the run was cancelled.
 */
export async function attempt(on: HostTask): Promise<AttemptResult> {
  const { task, state } = on;
  const { clock, signal: runSignal, modules, check, taskTimeoutSeconds } = state.parts;
  state.checkCancelled();
  const module = modules.get(task.module) as AnyModule;
  const input = readInput(on, module);
  const seconds = task.timeoutSeconds ?? taskTimeoutSeconds;
  const deadline = new AbortController();
  const done = new AbortController();
  clock.sleep(seconds * 1000, done.signal).then(
    () => {
      deadline.abort();
    },
    () => undefined,
  );
  const signal = AbortSignal.any([runSignal, deadline.signal]);
  const endsAt = clock.now().getTime() + seconds * 1000;
  const context = contextFor(on, signal, task.checkMode ?? check, endsAt);
  try {
    return await within(checkAndApply(module as OpenModule, input, context), signal);
  } catch (thrown) {
    if (runSignal.aborted)
      throw new CaravanError('cancelled', 'cancelled while the task ran', { cause: thrown });
    if (deadline.signal.aborted)
      throw new CaravanError('timeout', `not done after ${seconds} s`, {
        cause: thrown,
        hint: "give the task a longer 'timeout', in seconds",
      });
    throw asCaravanError(thrown);
  } finally {
    done.abort();
  }
}
