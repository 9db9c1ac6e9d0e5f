import type { InventoryHost } from '../inventory/inventory.js';
import type { Task } from '../playbook/model.js';
import { CaravanError } from '../values/error.js';
import type { BatchRun } from './batch-run.js';
import type { RunState } from './run-state.js';
import type { HostTask } from './task-on-host.js';
import { firstRun } from './upcoming.js';

/** Whether a task does something on its target at all. */
function reachesTarget({ module }: Task, { parts }: RunState): boolean {
  const { touches = 'nothing', gathers = false } = parts.modules.get(module) ?? {};
  return touches !== 'nothing' || gathers;
}

/**
 * Begins to log in where a task needs its target and no connection is there. Whether it does.
 * How it ends is for the task's first step.
 */
export function logInEarly({ task, target, reach, state }: HostTask): boolean {
  if (!reachesTarget(task, state)) return false;
  state.parts.pool.begin(target, reach);
  return true;
}

/** The same for a host whose turn is still to come, as far as it is known that it will need it. */
export function logInNext(run: BatchRun, task: Task, host: InventoryHost): void {
  // Before the task is made ready for the host, which it will be again in its turn.
  if (!reachesTarget(task, run.state)) return;
  try {
    const first = firstRun(run, task, host);
    if (first !== undefined) logInEarly(first);
  } catch (thrown) {
    // What is wrong with the task is told in its turn.
    if (!(thrown instanceof CaravanError)) throw thrown;
  }
}
