/*
 * Does work for tasks before their turn, so that neighbours share a round trip. What it may do:
 *
 * - look at a host for later tasks, as long as nothing that is changed in between can matter;
 * - write files for later tasks, where the play does not stop all hosts for the failure of one.
 *
 * What may touch anything (a command) runs in its own turn, when all hosts have done the tasks
 * before it; only looks of the tasks behind it go with it. The reasons are in ADR 0007.
 */
import { CaravanError } from '../values/error.js';
import { Attempt } from './attempt.js';
import type { AttemptResult } from './attempt-result.js';
import { logInEarly } from './early-login.js';
import type { Made } from './made-ahead.js';
import { Span, type Done } from './span.js';
import type { HostTask, Spot } from './task-on-host.js';

function madeOf({ attempt, error }: Done): Made {
  return { id: attempt.id, item: attempt.on.item, outcome: error ?? attempt.result };
}

/** Attempts of the tasks behind one, as far as they can be made ready. */
function behind(first: Attempt, spot: Spot): Attempt[] {
  const { module, on } = first;
  if (module.touches === undefined) return [];
  // Where some hosts leave a command out, others may change them with it.
  if (module.touches === 'anything' && on.task.when.length > 0) return [];
  const found: Attempt[] = [];
  try {
    for (const next of spot.list.upcoming(on, spot)) found.push(new Attempt(next));
  } catch (thrown) {
    // A task that cannot be made ready yet fails, if it does, in its own turn.
    if (!(thrown instanceof CaravanError)) throw thrown;
  }
  return found;
}

/** Makes an attempt whose turn it is, and with it what may be done for those behind it. */
async function makeWith(first: Attempt, spot: Spot): Promise<Made> {
  const attempts = [first, ...behind(first, spot)];
  if (attempts.length === 1) return alone(first);
  const done = await new Span(attempts, spot.list.mayWrite).run();
  for (const one of done.slice(1)) {
    const { on } = one.attempt;
    spot.list.made.hold(on.spot?.index ?? -1, on.host.name, madeOf(one));
  }
  const all = new Set(done.map(({ attempt }) => attempt));
  for (const { on } of attempts.filter((attempt) => !all.has(attempt)))
    on.state.parts.receipts.back(on.host.name, on.task.source);
  return madeOf(done[0] as Done);
}

async function alone(attempt: Attempt): Promise<Made> {
  try {
    await attempt.observe();
    if (attempt.isWanting) await attempt.apply();
    return madeOf({ attempt });
  } catch (thrown) {
    return madeOf({ attempt, error: thrown as Error });
  }
}

/** Whether an attempt has failed, and was not only cut off: what goes on there is awaited. */
function isFailure(error: Error): boolean {
  const isCut = error instanceof CaravanError && ['connect', 'cancelled'].includes(error.kind);
  return !isCut;
}

/**
 * Whether an error is what the module found on the host: for `failed_when` and `until` to judge. A
 * file that the controller lacks is none, in Ansible either.
 */
function isOfModule(error: Error): error is CaravanError {
  return error instanceof CaravanError && ['command', 'verify'].includes(error.kind);
}

async function make(on: HostTask): Promise<Made> {
  const { spot } = on;
  if (spot === undefined) return alone(new Attempt(on));
  // Other hosts may do so before the tasks of this one are made ready: that takes this process a
  // while, in which a host can shake hands.
  if (logInEarly(on)) await new Promise(setImmediate);
  return makeWith(new Attempt(on), spot);
}

/**
 * Runs a task's module once on a host, within the task's deadline.
 * @throws CaravanError of the kind that the module or the connection gave; timeout past the
 * deadline, cancelled where the run was cancelled.
 */
export async function attempt(on: HostTask): Promise<AttemptResult & { readonly id: string }> {
  const { spot, host, item } = on;
  const { id, outcome } = spot?.list.made.take(spot.index, host.name, item) ?? (await make(on));
  if (!(outcome instanceof Error)) return { ...outcome, id };
  if (isOfModule(outcome)) {
    const { kind, message } = outcome;
    const failure = { kind, message, error: outcome };
    return { id, changed: false, changes: [], result: {}, failure };
  }
  if (isFailure(outcome)) on.state.parts.receipts.failing(on.host.name, on.task.source, id);
  throw outcome;
}
