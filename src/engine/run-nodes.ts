import type { InventoryHost } from '../inventory/inventory.js';
import type { Block, Task, TaskNode } from '../playbook/model.js';
import { tagsSelect } from '../playbook/select.js';
import { liveOf, type BatchRun } from './batch-run.js';
import { runInclude } from './include.js';
import { runMeta } from './run-meta.js';
import { runTask } from './task-step.js';

/** Hosts that failed, but answer. */
export type Failed = InventoryHost[];

/** A list of tasks on some hosts. `catches`: a rescue around it takes what fails. */
export type RunNodes = (
  run: BatchRun,
  nodes: readonly TaskNode[],
  hosts: readonly InventoryHost[],
  catches: boolean,
) => Promise<Failed>;

function without(hosts: readonly InventoryHost[], gone: readonly InventoryHost[]) {
  const lost = new Set(gone.map(({ name }) => name));
  return hosts.filter(({ name }) => !lost.has(name));
}

/**
 * Whether the failures of a batch are past `max_fail_percentage`: strictly more than it. The same
 * two divisions as Ansible's, so that they round alike.
 */
export function isPastLimit(failed: number, batch: number, maxFailPercentage: number): boolean {
  return failed / batch > maxFailPercentage / 100;
}

/** Hosts of the batch that are lost: failed for good, or unreachable, which counts as failed. */
function lostOf({ hosts, state, progress }: BatchRun): number {
  return hosts.filter(({ name }) => !state.isLive(name) || progress.failed.has(name)).length;
}

/** Whether what failed in a task fails all other hosts with it. */
function failsAll(run: BatchRun, task: Task, lostBefore: number, failed: Failed): boolean {
  const lost = lostOf(run);
  if (failed.length === 0 && lost === lostBefore) return false;
  // A task that ran once has failed all hosts itself, where it failed.
  if (task.anyErrorsFatal === true && task.ignoreErrors !== true) return true;
  const { maxFailPercentage } = run.play;
  if (maxFailPercentage === undefined) return false;
  if (!isPastLimit(lost, run.hosts.length, maxFailPercentage)) return false;
  run.progress.broken = true;
  return true;
}

async function runLeaf(
  run: BatchRun,
  node: Exclude<TaskNode, Block>,
  hosts: readonly InventoryHost[],
  catches: boolean,
): Promise<Failed> {
  const task = node.kind === 'include' ? node.task : node;
  const { tags, skipTags, gate } = run.state.parts;
  if (!tagsSelect([...task.tags, ...run.frame.tags], { tags, skipTags })) return [];
  if (task.module === 'meta') return runMeta(run, task, hosts, (on) => flushHandlers(run, on));
  if (!(await gate.opens(task.name))) return [];
  const before = lostOf(run);
  const failed =
    node.kind === 'include'
      ? await runInclude(run, node, hosts, (inner, nodes, on) =>
          runNodes(inner, nodes, on, catches),
        )
      : await runTask(run, node, hosts, { catches });
  return failsAll(run, task, before, failed) ? liveOf(run, hosts) : failed;
}

async function runBlock(
  run: BatchRun,
  block: Block,
  hosts: readonly InventoryHost[],
  catches: boolean,
): Promise<Failed> {
  const rescues = block.rescue.length > 0;
  let failed = await runNodes(run, block.block, hosts, catches || rescues);
  if (failed.length > 0 && rescues) failed = await runNodes(run, block.rescue, failed, catches);
  const notSaved = await runNodes(run, block.always, liveOf(run, hosts), catches);
  return [...failed, ...without(notSaved, failed)];
}

const runNodes: RunNodes = async (run, nodes, hosts, catches) => {
  const failed: Failed = [];
  for (const node of nodes) {
    run.state.checkCancelled();
    if (run.progress.over !== 'no') break;
    const on = without(liveOf(run, hosts), failed);
    if (on.length === 0) break;
    failed.push(
      ...(node.kind === 'block'
        ? await runBlock(run, node, on, catches)
        : await runLeaf(run, node, on, catches)),
    );
  }
  return failed;
};

/** Runs each notified handler once, in the order of definition; one may notify a later one. */
async function flushHandlers(run: BatchRun, hosts: readonly InventoryHost[]): Promise<Failed> {
  const failed: Failed = [];
  for (const handler of run.play.handlers) {
    const notified = run.notified.get(handler);
    if (notified === undefined) continue;
    run.state.checkCancelled();
    const on = without(liveOf(run, hosts), failed).filter(({ name }) => notified.has(name));
    for (const { name } of on) notified.delete(name);
    if (on.length === 0) continue;
    const before = lostOf(run);
    const lost = await runTask(run, handler, on, { handler: true });
    failed.push(...(failsAll(run, handler, before, lost) ? liveOf(run, hosts) : lost));
  }
  return failed;
}

/** Runs the tasks of a play on one batch of its hosts. */
export async function runBatch(run: BatchRun): Promise<void> {
  const alone = run.play.strategy === 'free';
  const groups = alone ? run.hosts.map((host) => [host]) : [run.hosts];
  await Promise.all(
    groups.map(async (hosts) => {
      for (const node of run.play.tasks) {
        // Another host's failures may have ended the play.
        if (run.progress.broken) break;
        const failed = await runNodes(run, [node], hosts, false);
        for (const { name } of failed) run.state.lose(name, 'failed');
      }
    }),
  );
}
