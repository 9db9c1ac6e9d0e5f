import type { InventoryHost } from '../inventory/inventory.js';
import { pythonText } from '../inventory/python-text.js';
import type { Include, TaskNode } from '../playbook/model.js';
import { withBound, type Scope } from '../playbook/scope.js';
import { holds, render } from '../playbook/template.js';
import { asCaravanError, type CaravanError } from '../values/error.js';
import { layersOf, type BatchRun } from './batch-run.js';
import { boundNames, loopItems } from './loop-items.js';
import { HIDDEN, showError } from './shown.js';
import { announce, named } from './task-step.js';

/** One file (or role) to include, with what the loop binds, and for which hosts. */
interface Group {
  readonly file: string;
  readonly bound: Readonly<Record<string, unknown>>;
  readonly label?: string;
  readonly hosts: InventoryHost[];
}

type Wanted = Omit<Group, 'hosts'>;

/** What one host includes: nothing where a condition does not hold. */
function wantedBy({ task, file }: Include, scope: Scope): Wanted[] {
  const one = (own: Scope): string => String(render(file, own));
  const isMeant = (own: Scope): boolean => task.when.every((condition) => holds(condition, own));
  const { loop } = task;
  if (loop === undefined) return isMeant(scope) ? [{ file: one(scope), bound: {} }] : [];
  const items = loopItems(loop, scope);
  return items.flatMap((item, index) => {
    const bound = boundNames(loop, items, index);
    const own = withBound(scope, bound);
    const label = pythonText(item);
    return isMeant(own) ? [{ file: one(own), bound, label }] : [];
  });
}

type Report = { status: 'ok' | 'skipped'; file?: string; label?: string } | { error: CaravanError };

function report(run: BatchRun, { task }: Include, host: InventoryHost, said: Report): void {
  const { state, play } = run;
  const { scrubber, diff } = state.parts;
  const base = { type: 'host-result', play: play.name, task: task.name } as const;
  const place = { source: task.source, host: host.name, seconds: 0, changes: [] };
  if ('error' in said) {
    const error = showError(said.error, {
      ...{ noLog: task.noLog === true, diff, scrubber, source: task.source },
    });
    state.emit({ ...base, ...place, status: 'failed', error });
    state.fail({ host: host.name, play: play.name, task: task.name, source: task.source, error });
    run.progress.failed.add(host.name);
    state.count(host.name, 'failed');
    return;
  }
  const { status, file, label } = said;
  state.emit({
    ...{ ...base, ...place, status },
    ...(file === undefined ? {} : { reason: `included ${file}` }),
    ...(label === undefined ? {} : { item: task.noLog === true ? HIDDEN : scrubber.text(label) }),
  });
  state.count(host.name, status);
}

function grouped(run: BatchRun, node: Include, hosts: readonly InventoryHost[]) {
  const groups = new Map<string, Group>();
  const failed: InventoryHost[] = [];
  for (const host of hosts) {
    const scope = run.state.parts.variables.scope(host, layersOf(run, node.task, host));
    try {
      const wanted = wantedBy(node, scope);
      if (wanted.length === 0) report(run, node, host, { status: 'skipped' });
      for (const one of wanted) {
        const key = JSON.stringify([one.file, one.bound]);
        const group = groups.get(key) ?? { ...one, hosts: [] };
        groups.set(key, group);
        group.hosts.push(host);
      }
    } catch (thrown) {
      const error = asCaravanError(thrown).at({ host: host.name, source: node.task.source });
      report(run, node, host, { error });
      failed.push(host);
    }
  }
  return { groups: [...groups.values()], failed };
}

/**
 * Runs an include: for each file that hosts ask for, in the order in which they first do, its
 * tasks on those hosts. Returns the hosts that failed.
 */
export async function runInclude(
  run: BatchRun,
  written: Include,
  hosts: readonly InventoryHost[],
  runNodes: (
    run: BatchRun,
    nodes: readonly TaskNode[],
    hosts: readonly InventoryHost[],
  ) => Promise<InventoryHost[]>,
): Promise<InventoryHost[]> {
  const node = { ...written, task: named(run, written.task, hosts) };
  announce(run, node.task, hosts, false);
  const { groups, failed } = grouped(run, node, hosts);
  const loaded: { nodes: readonly TaskNode[]; group: Group }[] = [];
  for (const group of groups) {
    try {
      const nodes = await node.load(group.file);
      run.state.parts.scrubber.learn(nodes);
      loaded.push({ nodes, group });
      const { file, label } = group;
      for (const host of group.hosts)
        report(run, node, host, { status: 'ok', file, ...(label === undefined ? {} : { label }) });
    } catch (thrown) {
      const error = asCaravanError(thrown).at({ source: node.file.source });
      for (const host of group.hosts) report(run, node, host, { error });
      failed.push(...group.hosts);
    }
  }
  const lost = new Set(failed);
  for (const { nodes, group } of loaded) {
    const { frame } = run;
    const layers = [{ vars: {}, bound: group.bound }, ...frame.layers];
    const on = group.hosts.filter((host) => !lost.has(host) && !run.progress.swept.has(host.name));
    for (const host of await runNodes({ ...run, frame: { ...frame, layers } }, nodes, on))
      lost.add(host);
  }
  return [...lost];
}
