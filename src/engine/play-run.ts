import type { InventoryHost } from '../inventory/inventory.js';
import type { Block, Play, SerialStep, Task, TaskNode } from '../playbook/model.js';
import { tagsSelect } from '../playbook/select.js';
import { render, withBound } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import { batches, ordered } from './batches.js';
import { runScope, type ImportFrame } from './imports.js';
import type { RunState } from './run-state.js';
import { runTask, type BatchRun } from './task-step.js';

/** Thrown to leave a play whose failures are past what it allows; the run ends with it. */
class PlayStopped extends Error {}

const names = (hosts: readonly InventoryHost[]): string[] => hosts.map(({ name }) => name);

function live(run: BatchRun, hosts: readonly InventoryHost[]): InventoryHost[] {
  return hosts.filter(({ name }) => run.state.isLive(name));
}

function without(hosts: readonly InventoryHost[], gone: readonly InventoryHost[]) {
  const lost = new Set(names(gone));
  return hosts.filter(({ name }) => !lost.has(name));
}

/** Whether failures in a batch are past what the play allows. Unreachable hosts count. */
function stops(run: BatchRun): boolean {
  const { play, hosts } = run;
  const lost = hosts.length - live(run, hosts).length;
  if (lost === 0) return false;
  if (play.anyErrorsFatal || lost === hosts.length) return true;
  const percent = (lost / hosts.length) * 100;
  return play.maxFailPercentage !== undefined && percent > play.maxFailPercentage;
}

function selected(run: BatchRun, task: Task): boolean {
  const { tags, skipTags } = run.state.parts;
  return tagsSelect([...task.tags, ...run.frame.tags], { tags, skipTags });
}

/** What a list of tasks left: hosts that failed, but answer. */
type Failed = InventoryHost[];

async function runBlock(
  run: BatchRun,
  block: Block,
  hosts: readonly InventoryHost[],
): Promise<Failed> {
  const before = run.state.failures.length;
  let failed = await runNodes(run, block.block, hosts, true);
  if (failed.length > 0 && block.rescue.length > 0) {
    const inRescue = run.state.failures.length;
    const unsaved = await runNodes(run, block.rescue, failed, true);
    for (const host of without(live(run, failed), unsaved))
      if (inRescue > before) run.state.rescued(host.name, before);
    failed = unsaved;
  }
  const notSaved = await runNodes(run, block.always, live(run, hosts), true);
  return [...failed, ...without(notSaved, failed)];
}

async function runNodes(
  run: BatchRun,
  nodes: readonly TaskNode[],
  hosts: readonly InventoryHost[],
  isInner = false,
): Promise<Failed> {
  const allFailed: Failed = [];
  for (const node of nodes) {
    run.state.checkCancelled();
    const on = without(live(run, hosts), allFailed);
    if (on.length === 0) break;
    allFailed.push(...(await runNode(run, node, on)));
    // Within a block a rescue may still make good what failed.
    if (isInner) continue;
    for (const { name } of allFailed) run.state.lose(name, 'failed');
    if (stops(run)) throw new PlayStopped();
  }
  return allFailed;
}

async function runNode(
  run: BatchRun,
  node: TaskNode,
  hosts: readonly InventoryHost[],
): Promise<Failed> {
  if (node.kind === 'block') return runBlock(run, node, hosts);
  if (!selected(run, node)) return [];
  if (node.module === 'meta') {
    if (node.args.value['action'] === 'flush_handlers') await flushHandlers(run);
    return [];
  }
  return runTask(run, node, hosts);
}

/** Runs each notified handler once, in the order of definition; one may notify a later one. */
async function flushHandlers(run: BatchRun): Promise<void> {
  for (const handler of run.play.handlers) {
    const notified = run.notified.get(handler.name);
    if (notified === undefined) continue;
    run.state.checkCancelled();
    run.notified.delete(handler.name);
    const hosts = live(run, run.hosts).filter(({ name }) => notified.has(name));
    if (hosts.length === 0) continue;
    const failed = await runTask(run, handler, hosts, true);
    for (const { name } of failed) run.state.lose(name, 'failed');
    if (stops(run)) throw new PlayStopped();
  }
}

function serialSteps(play: Play, state: RunState, frame: ImportFrame): readonly SerialStep[] {
  const { value, source } = play.serial;
  if (typeof value !== 'string') return value;
  const given = render({ value, source }, boundScope(state, frame));
  return (Array.isArray(given) ? (given as unknown[]) : [given]).map((step) => {
    const text = String(step);
    if (/^\d+%$/.test(text)) return { percent: Number.parseInt(text, 10) };
    if (/^\d+$/.test(text)) return { count: Number(text) };
    throw new CaravanError(
      'input',
      `serial: '${value}' gave '${text}', which is no number or percentage`,
      {
        source,
      },
    );
  });
}

function boundScope(state: RunState, frame: ImportFrame) {
  return withBound(runScope(state, frame), frame.layers[0]?.bound ?? {});
}

/** A play's name with its templates rendered; as it is written where a name in it is not defined. */
function shownName({ name, source }: Play, state: RunState, frame: ImportFrame): string {
  try {
    return String(render({ value: name, source }, boundScope(state, frame)));
  } catch {
    return name;
  }
}

/** The hosts that a play names, within the run's limit, in its order. Lost ones are in it. */
export function playHosts(
  play: Play,
  state: RunState,
  frame: ImportFrame,
  limited: ReadonlySet<string> | undefined,
): InventoryHost[] {
  const { variables, random } = state.parts;
  const pattern = String(render(play.hosts, boundScope(state, frame)));
  // A template may name nobody, such as the workers of a fleet that has none.
  if (pattern === '') return [];
  // The controller is not one of the fleet, so a limit of the fleet does not leave it out.
  if (['localhost', '127.0.0.1'].includes(pattern)) {
    const local = variables.host(pattern);
    return local === undefined ? [] : [local];
  }
  let found: readonly InventoryHost[];
  try {
    found = variables.inventory.select(pattern);
  } catch (thrown) {
    if (!(thrown instanceof CaravanError)) throw thrown;
    throw thrown.at({ play: play.name, source: play.hosts.source });
  }
  const within = found.filter(({ name }) => limited === undefined || limited.has(name));
  return ordered(within, play.order, random);
}

/**
 * Runs a play in batches.
 * Returns false where its failures end the run: all hosts of a batch, or more than it allows.
 */
export async function runPlay(
  written: Play,
  state: RunState,
  frame: ImportFrame,
  limited: ReadonlySet<string> | undefined,
): Promise<boolean> {
  const play = { ...written, name: shownName(written, state, frame) };
  const all = playHosts(play, state, frame, limited);
  const groups = batches(all, serialSteps(play, state, frame));
  for (const [index, batch] of groups.entries()) {
    const hosts = batch.filter(({ name }) => state.isLive(name));
    if (hosts.length === 0) continue;
    state.checkCancelled();
    state.emit({
      type: 'play-start',
      play: play.name,
      hosts: names(hosts),
      batch: { index, count: groups.length },
    });
    const run: BatchRun = { play, frame, state, hosts, playHosts: all, notified: new Map() };
    try {
      await runNodes(run, play.tasks, hosts);
      await flushHandlers(run);
    } catch (stop) {
      if (stop instanceof PlayStopped) return false;
      throw stop;
    }
  }
  return true;
}
