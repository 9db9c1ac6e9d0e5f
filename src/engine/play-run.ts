import type { InventoryHost } from '../inventory/inventory.js';
import type { Play, SerialStep } from '../playbook/model.js';
import { withBound } from '../playbook/scope.js';
import { render } from '../playbook/template.js';
import { CaravanError } from '../values/error.js';
import type { BatchProgress } from './batch-run.js';
import { batches, ordered } from './batches.js';
import { runScope, type ImportFrame } from './imports.js';
import type { RunState } from './run-state.js';
import { PlayVars } from './play-vars.js';
import { runBatch } from './run-nodes.js';

const names = (hosts: readonly InventoryHost[]): string[] => hosts.map(({ name }) => name);

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
    const progress: BatchProgress = {
      ...{ ended: new Set(), failed: new Set(), swept: new Set(), broken: false, over: 'no' },
    };
    const playVars = new PlayVars(play);
    const run = {
      ...{ play, frame, state, hosts, playHosts: all, notified: new Map(), progress, playVars },
    };
    await runBatch(run);
    if (progress.broken || hosts.every(({ name }) => !state.isLive(name))) return false;
    if (progress.over === 'play') return true;
  }
  return true;
}
