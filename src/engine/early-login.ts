import type { InventoryHost } from '../inventory/inventory.js';
import type { Task } from '../playbook/model.js';
import { CaravanError } from '../values/error.js';
import type { BatchRun } from './batch-run.js';
import type { HostTask } from './task-on-host.js';
import { firstRun } from './upcoming.js';

/**
 * Begins to log in where a task needs its target and no connection is there. Whether it does.
 * How it ends is for the task's first step.
 */
export function logInEarly({ task, target, reach, state }: HostTask): boolean {
  const { modules, pool } = state.parts;
  const { touches = 'nothing', gathers = false } = modules.get(task.module) ?? {};
  if (touches === 'nothing' && !gathers) return false;
  pool.begin(target, reach);
  return true;
}

/** The same for a host whose turn is still to come, as far as it is known that it will need it. */
export function logInNext(run: BatchRun, task: Task, host: InventoryHost): void {
  try {
    const first = firstRun(run, task, host);
    if (first !== undefined) logInEarly(first);
  } catch (thrown) {
    // What is wrong with the task is told in its turn.
    if (!(thrown instanceof CaravanError)) throw thrown;
  }
}
