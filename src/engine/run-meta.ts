import type { InventoryHost } from '../inventory/inventory.js';
import type { Task } from '../playbook/model.js';
import { holds } from '../playbook/template.js';
import { layersOf, type BatchRun } from './batch-run.js';

/** Does what a `meta` task tells the engine, on the hosts whose conditions hold. */
export async function runMeta(
  run: BatchRun,
  task: Task,
  hosts: readonly InventoryHost[],
  flush: (hosts: readonly InventoryHost[]) => Promise<InventoryHost[]>,
): Promise<InventoryHost[]> {
  const { state, progress } = run;
  const { variables, pool } = state.parts;
  const meant = hosts.filter((host) => {
    const scope = variables.scope(host, layersOf(run, task, host));
    return task.when.every((condition) => holds(condition, scope));
  });
  if (meant.length === 0) return [];
  switch (task.args.value['action']) {
    case 'flush_handlers':
      return flush(meant);
    case 'end_host':
      for (const { name } of meant) progress.ended.add(name);
      return [];
    case 'end_batch':
      progress.over = 'batch';
      return [];
    case 'end_play':
      progress.over = 'play';
      return [];
    case 'clear_host_errors':
      for (const { name } of run.hosts) {
        // A host that failed is back in the next play; of this one it has missed too much.
        if (!state.isLive(name)) progress.ended.add(name);
        state.recover(name);
      }
      return [];
    case 'clear_facts':
      for (const { name } of meant) variables.clearHostFacts(name);
      return [];
    case 'reset_connection':
      await Promise.all(meant.map(({ name }) => pool.drop(name)));
      return [];
    default:
      return [];
  }
}
