import pLimit from 'p-limit';
import type { InventoryHost } from '../inventory/inventory.js';
import { holdsTemplate } from '../playbook/check-args.js';
import { handlerNames } from '../playbook/load-play.js';
import type { Task } from '../playbook/model.js';
import type { Scope } from '../playbook/scope.js';
import { render } from '../playbook/template.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import type { JsonObject } from '../values/json.js';
import { Secret } from '../values/secret.js';
import { layersOf, liveOf, type BatchRun } from './batch-run.js';
import { logInNext } from './early-login.js';
import { keepFacts, type HostOutcome } from './host-report.js';
import { runHostTask } from './host-task.js';
import { prepare } from './prepare-task.js';
import { showError } from './shown.js';
import type { HostTask, Spot } from './task-on-host.js';

/** Errors before the module is reached, such as in the `when` of an import, fail the host's task. */
function prepared(run: BatchRun, task: Task, host: InventoryHost): HostTask | HostOutcome {
  try {
    return prepare(run, task, host);
  } catch (thrown) {
    const place = { host: host.name, task: task.name, source: task.source };
    const error = asCaravanError(thrown).at(place);
    const { scrubber, diff } = run.state.parts;
    // What `no_log` would have said is not known.
    const noLog = task.noLog === true || 'noLog' in task.templated;
    run.state.emit({
      ...{ type: 'host-result', play: run.play.name, task: task.name, source: task.source },
      ...{ host: host.name, status: 'failed', seconds: 0, changes: [] },
      error: showError(error, { noLog, diff, scrubber, source: task.source }),
    });
    const registered = { changed: false, failed: true, msg: error.message };
    return { status: 'failed', ignored: false, facts: {}, hostFacts: {}, registered, error };
  }
}

/** Keeps what a task gave its host: facts, and the result where it is registered. */
function keep(run: BatchRun, task: Task, host: InventoryHost, outcome: HostOutcome): void {
  const { variables } = run.state.parts;
  keepFacts(variables, host.name, outcome);
  // Variables of a sealed file are secret from here on.
  run.state.parts.scrubber.learn(outcome.facts);
  if (task.register !== undefined)
    variables.setFacts(host.name, { [task.register]: outcome.registered });
}

/** What a rescue sees of the failure that it takes. */
function failedTask(task: Task, outcome: HostOutcome): JsonObject {
  return {
    ansible_failed_task: { name: task.name, action: task.module },
    ansible_failed_result: outcome.registered,
  };
}

/** Whether a host goes on after what came of its task; counts, keeps and notifies. */
function settle(
  run: BatchRun,
  task: Task,
  host: InventoryHost,
  outcome: HostOutcome,
  catches: boolean,
): boolean {
  const { state, play } = run;
  const { variables, scrubber, diff, signal } = state.parts;
  keep(run, task, host, outcome);
  const { status, ignored } = outcome;
  const isCaught = status === 'failed' && !ignored && catches;
  const isLostHere = status === 'failed' && !ignored && !isCaught;
  state.parts.receipts.settle(host.name, task.source, isLostHere);
  if (ignored) {
    state.count(host.name, outcome.registered['changed'] === true ? 'changed' : 'ok');
    state.count(host.name, 'ignored');
  } else state.count(host.name, isCaught ? 'rescued' : status);
  if (status === 'changed' && task.notify.length > 0) notify(run, task, host);
  const isLost = status === 'unreachable' || status === 'failed';
  if (!isLost || ignored) return true;
  if (signal.aborted && outcome.error?.kind === 'cancelled') return false;
  if (isCaught) {
    variables.setFacts(host.name, failedTask(task, outcome));
    return false;
  }
  const error = outcome.error ?? new CaravanError('bug', 'failed without an error');
  const noLog = task.noLog === true || 'noLog' in task.templated;
  state.fail({
    ...{ host: host.name, play: play.name, task: task.name, source: task.source },
    error: showError(error, { noLog, diff, scrubber, source: task.source }),
  });
  if (status === 'unreachable') state.lose(host.name, 'unreachable');
  else run.progress.failed.add(host.name);
  return false;
}

/** A handler's names as they are on a host: a name that cannot be resolved is none. */
function namesOn(handler: Task, scope: Scope): string[] {
  return handlerNames(handler).flatMap((name) => {
    if (!holdsTemplate(name)) return [name];
    try {
      return [String(render({ value: name, source: handler.source }, scope))];
    } catch {
      return [];
    }
  });
}

/**
 * Of handlers with one name the first counts, in the last list that has it: the play's, or that of
 * the last use of a role. All that listen do, each as the last use of its role has it.
 */
function meantBy(name: string, handlers: readonly Task[]): Task[] {
  const listening = handlers.filter(({ listen }) => listen.includes(name));
  const byName = handlers.filter(({ listen }) => !listen.includes(name));
  const last = byName.at(-1);
  const first = byName.filter(({ role }) => role === last?.role).slice(0, 1);
  const sources = new Map(listening.map((handler) => [handler.source, handler]));
  return [...first, ...sources.values()];
}

function notify(run: BatchRun, task: Task, host: InventoryHost): void {
  const scope = run.state.parts.variables.scope(host, layersOf(run, task, host));
  const wanted = task.notify.flatMap((located) => {
    const given = render(located, scope);
    return (Array.isArray(given) ? (given as unknown[]) : [given]).map((name) => ({
      name: String(name),
      source: located.source,
    }));
  });
  for (const { name, source } of wanted) {
    const named = run.play.handlers.filter((handler) => namesOn(handler, scope).includes(name));
    const meant = meantBy(name, named);
    if (meant.length === 0)
      throw new CaravanError('input', `task '${task.name}': no handler '${name}'`, { source });
    for (const handler of meant) {
      const hosts = run.notified.get(handler) ?? new Set();
      run.notified.set(handler, hosts.add(host.name));
    }
  }
}

/** A task with the templates in its name rendered for the first host; as written where none can be. */
export function named(run: BatchRun, task: Task, [first]: readonly InventoryHost[]): Task {
  if (first === undefined || !holdsTemplate(task.name)) return task;
  const scope = run.state.parts.variables.scope(first, layersOf(run, task, first));
  try {
    const name = render({ value: task.name, source: task.source }, scope);
    return name instanceof Secret ? task : { ...task, name: String(name) };
  } catch {
    return task;
  }
}

/** Tells that a task begins on hosts. */
export function announce(
  run: BatchRun,
  task: Task,
  hosts: readonly InventoryHost[],
  handler: boolean,
): void {
  run.state.emit({
    type: 'task-start',
    play: run.play.name,
    task: task.name,
    source: task.source,
    hosts: hosts.map(({ name }) => name),
    handler,
  });
}

async function runOn(
  run: BatchRun,
  task: Task,
  host: InventoryHost,
  spot?: Spot,
): Promise<HostOutcome> {
  const ready = prepared(run, task, host);
  if (!('scope' in ready)) return ready;
  return runHostTask(spot === undefined ? ready : { ...ready, spot });
}

/** How a list of tasks is run. */
export interface TaskRun {
  readonly handler?: boolean;
  /** Whether a rescue around the task takes its failure. */
  readonly catches?: boolean;
  /** Where it stands among the tasks that work may be done ahead for. */
  readonly spot?: Spot;
}

/** On the first host that answers; what came of it holds for all. */
async function runOnOne(
  run: BatchRun,
  task: Task,
  hosts: readonly InventoryHost[],
  catches: boolean,
): Promise<InventoryHost[]> {
  for (const host of hosts) {
    const outcome = await runOn(run, task, host);
    const passed = settle(run, task, host, outcome, catches);
    if (outcome.status === 'unreachable' && !outcome.ignored) continue;
    for (const other of hosts) keep(run, task, other, outcome);
    return passed ? [] : liveOf(run, hosts);
  }
  return [];
}

/** Whether one host stands for all: by keyword, also where a template says so, or by module. */
function isOnce(run: BatchRun, task: Task, hosts: readonly InventoryHost[]): boolean {
  const { modules } = run.state.parts;
  if (modules.get(task.module)?.runsOnce === true) return true;
  const [first] = hosts;
  if (!('runOnce' in task.templated) || first === undefined) return task.runOnce === true;
  const ready = prepared(run, task, first);
  return 'scope' in ready && ready.task.runOnce === true;
}

/**
 * Runs one task on the given hosts, at most `forks` at a time.
 * Returns the hosts that failed but did answer; unreachable ones are lost to the run at once.
 */
export async function runTask(
  run: BatchRun,
  written: Task,
  hosts: readonly InventoryHost[],
  { handler = false, catches = false, spot }: TaskRun = {},
): Promise<InventoryHost[]> {
  const task = named(run, written, hosts);
  const once = isOnce(run, task, hosts);
  announce(run, task, once ? hosts.slice(0, 1) : hosts, handler);
  if (once) return runOnOne(run, task, hosts, catches);
  const throttle = task.throttle ?? 0;
  const limit = throttle > 0 ? pLimit(Math.floor(throttle)) : undefined;
  const one = async (host: InventoryHost): Promise<InventoryHost | undefined> => {
    const work = (): Promise<HostOutcome> => runOn(run, task, host, spot);
    // What was done ahead needs no fork to be told.
    const isDone = task.loop === undefined && spot?.list.made.holds(spot.index, host.name) === true;
    const getReady = (): void => {
      logInNext(run, task, host);
    };
    const outcome = await (isDone ? work() : run.state.parts.forks.run(getReady, work));
    const passed = settle(run, task, host, outcome, catches);
    return passed || outcome.status === 'unreachable' ? undefined : host;
  };
  const failed = await Promise.all(
    // The throttle is the outer of the two limits, and holds no fork while it waits.
    hosts.map((host) => (limit === undefined ? one(host) : limit(() => one(host)))),
  );
  return failed.filter((host) => host !== undefined);
}
