import type { InventoryHost } from '../inventory/inventory.js';
import type { Block, Task, TaskNode } from '../playbook/model.js';
import { tagsSelect } from '../playbook/select.js';
import { liveOf, type BatchRun } from './batch-run.js';
import { runInclude } from './include.js';
import { MadeAhead } from './made-ahead.js';
import { readVarsFiles } from './read-vars-files.js';
import { runMeta } from './run-meta.js';
import type { Spot } from './task-on-host.js';
import { runTask } from './task-step.js';
import { upcomingIn } from './upcoming.js';

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
  if (task.runOnce === true && task.ignoreErrors !== true && failed.length > 0) return true;
  if (task.anyErrorsFatal === true && task.ignoreErrors !== true) return true;
  const { maxFailPercentage } = run.play;
  if (maxFailPercentage === undefined) return false;
  if (!isPastLimit(lost, run.hosts.length, maxFailPercentage)) return false;
  run.progress.broken = true;
  return true;
}

/**
 * Fails all hosts of the batch with one: those at the same list of tasks at once, the others, which
 * have not included it or are in no rescue, when they are next looked at.
 */
function failAll(run: BatchRun, hosts: readonly InventoryHost[]): Failed {
  const here = new Set(hosts.map(({ name }) => name));
  if (run.play.strategy === 'linear')
    for (const { name } of liveOf(run, run.hosts))
      if (!here.has(name)) run.progress.swept.add(name);
  return liveOf(run, hosts);
}

/** The hosts that were failed from elsewhere, each told once. */
function takeSwept({ progress }: BatchRun, hosts: readonly InventoryHost[]): Failed {
  return hosts.filter(({ name }) => progress.swept.delete(name));
}

async function runLeaf(
  run: BatchRun,
  node: Exclude<TaskNode, Block>,
  all: readonly InventoryHost[],
  { catches, spot }: { readonly catches: boolean; readonly spot: Spot },
): Promise<Failed> {
  const task = node.kind === 'include' ? node.task : node;
  const { tags, skipTags, gate } = run.state.parts;
  if (!tagsSelect([...task.tags, ...run.frame.tags], { tags, skipTags })) return [];
  if (task.module === 'meta') return runMeta(run, task, all, (on) => flushWithFailed(run, on));
  if (!(await gate.opens(task.name))) return [];
  const before = lostOf(run);
  const unread = await readVarsFiles(run, task, all);
  const hosts = without(all, unread);
  if (hosts.length === 0) return unread;
  const done =
    node.kind === 'include'
      ? await runInclude(run, node, hosts, (inner, nodes, on) =>
          runNodes(inner, nodes, on, catches),
        )
      : await runTask(run, node, hosts, { catches, spot });
  const failed = [...unread, ...done];
  return failsAll(run, task, before, failed) ? failAll(run, all) : failed;
}

async function runBlock(
  run: BatchRun,
  block: Block,
  hosts: readonly InventoryHost[],
  catches: boolean,
): Promise<Failed> {
  const rescues = block.rescue.length > 0;
  let failed = await runNodes(run, block.block, hosts, catches || rescues);
  if (failed.length > 0 && rescues) {
    failed = await runNodes(run, block.rescue, failed, catches);
    // A fatal failure there sends those to the rescue that needed none, as in Ansible.
    const swept = takeSwept(run, without(hosts, failed));
    if (swept.length > 0) failed.push(...(await runNodes(run, block.rescue, swept, catches)));
    // All that failed here still have `always` before them, whoever failed last.
    takeSwept(run, hosts);
  }
  const notSaved = await runNodes(run, block.always, liveOf(run, hosts), catches);
  return [...failed, ...without(notSaved, failed)];
}

const runNodes: RunNodes = async (run, nodes, hosts, catches) => {
  const failed: Failed = [];
  const { state, play, progress } = run;
  // A host that fails in the list of the play is lost, until it is taken back.
  const isWhole = nodes === play.tasks;
  const made = new MadeAhead();
  const mayWrite = play.maxFailPercentage === undefined && !nodes.some(isFatal);
  const list = { nodes, made, upcoming: upcomingIn(run), mayWrite };
  for (const [index, node] of nodes.entries()) {
    // Another host's failures may have ended the play.
    if (progress.over !== 'no' || (isWhole && progress.broken)) break;
    const live = without(liveOf(run, hosts), failed);
    if (live.length === 0) break;
    // A cancelled run still shows what it has done ahead.
    const isOver = state.parts.signal.aborted;
    if (isOver && !made.holdsSome) state.checkCancelled();
    const on = isOver ? live.filter(({ name }) => made.holds(index, name)) : live;
    if (on.length === 0) continue;
    const lost =
      node.kind === 'block'
        ? await runBlock(run, node, on, catches)
        : await runLeaf(run, node, on, { catches, spot: { list, index } });
    lost.push(...takeSwept(run, without(on, lost)));
    if (isWhole) for (const { name } of lost) state.lose(name, 'failed');
    else failed.push(...lost);
  }
  return failed;
};

function isFatal(node: TaskNode): boolean {
  return node.kind === 'task' && node.anyErrorsFatal === true;
}

/** Runs each notified handler once, in the order of definition; an earlier one that it notifies waits. */
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
    failed.push(...(failsAll(run, handler, before, lost) ? failAll(run, hosts) : lost));
  }
  return failed;
}

/** The same; with `force_handlers` on those that failed, too, which stay so. */
async function flushWithFailed(run: BatchRun, hosts: readonly InventoryHost[]): Promise<Failed> {
  const { state, play } = run;
  const around = play.strategy === 'linear' ? run.hosts : hosts;
  const failed = play.forceHandlers ? around.filter(({ name }) => state.hasFailed(name)) : [];
  for (const { name } of failed) state.recover(name);
  const on = around.filter((host) => hosts.includes(host) || failed.includes(host));
  const lost = await flushHandlers(run, on);
  for (const { name } of failed) state.lose(name, 'failed');
  return without(lost, failed);
}

/** Runs the tasks of a play on hosts of a batch, and what the last handlers have notified. */
async function runTasks(run: BatchRun, hosts: readonly InventoryHost[]): Promise<void> {
  await runNodes(run, run.play.tasks, hosts, false);
  const { over, broken } = run.progress;
  if (over !== 'no' || (broken && !run.play.forceHandlers)) return;
  // One that stands before the handler that notified it was passed already.
  for (const { name } of await flushWithFailed(run, hosts)) run.state.lose(name, 'failed');
}

/** Runs the tasks of a play on one batch of its hosts. */
export async function runBatch(run: BatchRun): Promise<void> {
  const alone = run.play.strategy === 'free';
  const groups = alone ? run.hosts.map((host) => [host]) : [run.hosts];
  await Promise.all(groups.map((hosts) => runTasks(run, hosts)));
}
