import pLimit from 'p-limit';
import type { InventoryHost } from '../inventory/inventory.js';
import type { Play, Task } from '../playbook/model.js';
import { render, withBound, holds } from '../playbook/template.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import type { HostTask } from './attempt.js';
import { runHostTask, type HostOutcome } from './host-task.js';
import type { ImportFrame } from './imports.js';
import type { RunState } from './run-state.js';
import { showError } from './shown.js';
import type { Layers } from './variables.js';

/** One batch of a play in work. */
export interface BatchRun {
  readonly play: Play;
  readonly frame: ImportFrame;
  readonly state: RunState;
  /** The hosts of the batch that were live when it started. */
  readonly hosts: readonly InventoryHost[];
  /** All hosts of the play, for `ansible_play_hosts_all`. */
  readonly playHosts: readonly InventoryHost[];
  /** Handlers to run, and for which hosts. */
  readonly notified: Map<string, Set<string>>;
}

/** Members are made when a template names them: each is a list of all hosts of the batch. */
function magic(run: BatchRun): Readonly<Record<string, unknown>> {
  const live = (): string[] =>
    run.hosts.filter(({ name }) => run.state.isLive(name)).map(({ name }) => name);
  return {
    get play_hosts() {
      return live();
    },
    get ansible_play_batch() {
      return live();
    },
    get ansible_play_hosts() {
      return live();
    },
    get ansible_play_hosts_all() {
      return run.playHosts.map(({ name }) => name);
    },
    ansible_play_name: run.play.name,
  };
}

function layers(run: BatchRun, task: Task): Layers {
  return {
    play: run.play.vars,
    task: task.vars,
    imports: run.frame.layers,
    magic: magic(run),
  };
}

function delegate(task: Task, on: HostTask): string {
  if (task.delegateTo === undefined) return on.host.name;
  const name = String(render(task.delegateTo, on.scope));
  if (on.state.parts.variables.host(name) !== undefined) return name;
  throw new CaravanError('input', `delegate_to: the inventory has no host '${name}'`, {
    source: task.delegateTo.source,
  });
}

function prepare(run: BatchRun, task: Task, host: InventoryHost): HostTask {
  const { state, play, frame } = run;
  const scope = state.parts.variables.scope(host, layers(run, task));
  const on: HostTask = { task, play: play.name, host, target: host.name, scope, state };
  // The conditions of imports see the names that those imports bind.
  const refused = frame.conditions.find(
    ({ condition, bound }) => !holds(condition, withBound(scope, bound)),
  );
  const skipping = refused?.condition;
  const final = skipping === undefined ? task : { ...task, when: [{ ...skipping, value: false }] };
  if (skipping !== undefined) return { ...on, task: final };
  return { ...on, target: delegate(task, on) };
}

/** Errors before the module is reached, such as in the `when` of an import, fail the host's task. */
function prepared(run: BatchRun, task: Task, host: InventoryHost): HostTask | HostOutcome {
  try {
    return prepare(run, task, host);
  } catch (thrown) {
    const place = { host: host.name, task: task.name, source: task.source };
    const error = asCaravanError(thrown).at(place);
    const { scrubber, diff } = run.state.parts;
    const shown = showError(error, { noLog: task.noLog, diff, scrubber });
    run.state.emit({
      ...{ type: 'host-result', play: run.play.name, task: task.name, source: task.source },
      ...{ host: host.name, status: 'failed', seconds: 0, changes: [], error: shown },
    });
    const registered = { changed: false, failed: true, msg: error.message };
    return { status: 'failed', ignored: false, facts: {}, registered, error };
  }
}

function settle(run: BatchRun, task: Task, host: InventoryHost, outcome: HostOutcome): boolean {
  const { state, play } = run;
  const { variables, scrubber, diff, signal } = state.parts;
  variables.setFacts(host.name, outcome.facts);
  if (task.register !== undefined)
    variables.setFacts(host.name, { [task.register]: outcome.registered });
  state.count(host.name, outcome.ignored ? 'ok' : outcome.status);
  if (outcome.status === 'changed' && task.notify.length > 0) notify(run, task, host);
  const isLost = outcome.status === 'unreachable' || outcome.status === 'failed';
  if (!isLost || outcome.ignored) return true;
  if (signal.aborted && outcome.error?.kind === 'cancelled') return false;
  const error = outcome.error ?? new CaravanError('bug', 'failed without an error');
  state.fail({
    ...{ host: host.name, play: play.name, task: task.name, source: task.source },
    error: showError(error, { noLog: task.noLog, diff, scrubber }),
  });
  if (outcome.status === 'unreachable') state.lose(host.name, 'unreachable');
  return false;
}

function notify(run: BatchRun, task: Task, host: InventoryHost): void {
  const scope = run.state.parts.variables.scope(host, layers(run, task));
  for (const located of task.notify) {
    const name = String(render(located, scope));
    for (const handler of run.play.handlers) {
      if (handler.name !== name && !handler.listen.includes(name)) continue;
      const hosts = run.notified.get(handler.name) ?? new Set();
      run.notified.set(handler.name, hosts.add(host.name));
    }
  }
}

function start(run: BatchRun, task: Task, hosts: readonly InventoryHost[], handler: boolean): void {
  run.state.emit({
    type: 'task-start',
    play: run.play.name,
    task: task.name,
    source: task.source,
    hosts: hosts.map(({ name }) => name),
    handler,
  });
}

async function runOn(run: BatchRun, task: Task, host: InventoryHost): Promise<HostOutcome> {
  const ready = prepared(run, task, host);
  return 'scope' in ready ? runHostTask(ready) : ready;
}

/** On the first host that answers; what came of it holds for all. */
async function runOnOne(run: BatchRun, task: Task, hosts: readonly InventoryHost[]) {
  for (const host of hosts) {
    const outcome = await runOn(run, task, host);
    const passed = settle(run, task, host, outcome);
    if (outcome.status === 'unreachable') continue;
    const { variables } = run.state.parts;
    for (const other of hosts) {
      variables.setFacts(other.name, outcome.facts);
      if (task.register !== undefined)
        variables.setFacts(other.name, { [task.register]: outcome.registered });
    }
    return passed ? [] : hosts.filter(({ name }) => run.state.isLive(name));
  }
  return [];
}

/**
 * Runs one task on the given hosts, at most `forks` at a time.
 * Returns the hosts that failed but did answer; unreachable ones are lost to the run at once.
 */
export async function runTask(
  run: BatchRun,
  task: Task,
  hosts: readonly InventoryHost[],
  handler = false,
): Promise<InventoryHost[]> {
  start(run, task, task.runOnce ? hosts.slice(0, 1) : hosts, handler);
  if (task.runOnce) return runOnOne(run, task, hosts);
  const limit = task.throttle === undefined ? undefined : pLimit(Math.max(1, task.throttle));
  const one = async (host: InventoryHost): Promise<InventoryHost | undefined> => {
    const outcome = await run.state.parts.forks(() => runOn(run, task, host));
    const passed = settle(run, task, host, outcome);
    return passed || outcome.status === 'unreachable' ? undefined : host;
  };
  const failed = await Promise.all(
    // The throttle is the outer of the two limits, and holds no fork while it waits.
    hosts.map((host) => (limit === undefined ? one(host) : limit(() => one(host)))),
  );
  return failed.filter((host) => host !== undefined);
}
