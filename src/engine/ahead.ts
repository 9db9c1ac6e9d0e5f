import type { TaskNode } from '../playbook/model.js';
import { StepNotRun } from '../transport/port.js';
import { CaravanError } from '../values/error.js';
import { Attempt, type AttemptResult, type HostTask } from './attempt.js';
import { logInEarly } from './early-login.js';
import { Gathering } from './gathering.js';
import { NotYet } from './not-yet.js';

/** What came of an attempt; it outlives the attempt where its turn comes when all hosts are there. */
interface Made {
  readonly id: string;
  readonly item: number | undefined;
  readonly outcome: AttemptResult | Error;
}

/** An attempt that was made, and why it failed where it did. */
interface Done {
  readonly attempt: Attempt;
  readonly error?: Error;
}

function madeOf({ attempt, error }: Done): Made {
  return { id: attempt.id, item: attempt.on.item, outcome: error ?? attempt.result };
}

/** Where a task stands in the list of tasks that it is run with. */
export interface Spot {
  readonly ahead: Ahead;
  readonly nodes: readonly TaskNode[];
  readonly index: number;
}

/** The tasks behind one on its host, as far as they are known to run. */
export type Upcoming = (first: HostTask, spot: Spot) => Iterable<HostTask>;

/**
 * Does work for tasks before their turn, so that neighbours share a round trip. What it may do:
 *
 * - look at a host for later tasks, as long as nothing that is changed in between can matter;
 * - write files for later tasks, where the play does not stop all hosts for the failure of one.
 *
 * What may touch anything (a command) runs in its own turn, when all hosts have done the tasks
 * before it; only looks of the tasks behind it go with it. The reasons are in ADR 0007.
 */
export class Ahead {
  /** By task and host: of a loop there may be several. */
  readonly #made = new Map<number, Map<string, Made[]>>();

  /**
   * @param upcoming of the list of tasks that this is for
   * @param mayWrite whether a later task may write before others have done their earlier ones
   */
  constructor(
    readonly upcoming: Upcoming,
    readonly mayWrite: boolean,
  ) {}

  /** What was done for a task before its turn. */
  take(on: HostTask): Made | undefined {
    const ofTask = this.#made.get(on.spot?.index ?? -1);
    const made = ofTask?.get(on.host.name) ?? [];
    const at = made.findIndex(({ item }) => item === on.item);
    if (at < 0) return undefined;
    const [taken] = made.splice(at, 1);
    if (made.length === 0) ofTask?.delete(on.host.name);
    return taken;
  }

  /** Whether something was done that was not shown yet. */
  get holdsSome(): boolean {
    return [...this.#made.values()].some(({ size }) => size > 0);
  }

  /** The same, for one task on a host. */
  holds(index: number, host: string): boolean {
    return this.#made.get(index)?.has(host) === true;
  }

  /** Makes an attempt whose turn it is, and with it what may be done for those behind it. */
  async make(first: Attempt): Promise<Made> {
    const attempts = [first, ...this.#behind(first)];
    if (attempts.length === 1) return alone(first);
    const done = await new Span(attempts, this.mayWrite).run();
    for (const one of done.slice(1)) this.#hold(one);
    const all = new Set(done.map(({ attempt }) => attempt));
    for (const { on } of attempts.filter((attempt) => !all.has(attempt)))
      on.state.parts.receipts.back(on.host.name, on.task.source);
    return madeOf(done[0] as Done);
  }

  #hold(done: Done): void {
    const { host, spot } = done.attempt.on;
    const index = spot?.index ?? -1;
    const ofTask = this.#made.get(index) ?? new Map<string, Made[]>();
    this.#made.set(index, ofTask);
    const made = ofTask.get(host.name);
    if (made === undefined) ofTask.set(host.name, [madeOf(done)]);
    else made.push(madeOf(done));
  }

  #behind(first: Attempt): Attempt[] {
    const { module, on } = first;
    const { spot } = on;
    if (module.touches === undefined || spot === undefined) return [];
    // Where some hosts leave a command out, others may change them with it.
    if (module.touches === 'anything' && on.task.when.length > 0) return [];
    const found: Attempt[] = [];
    try {
      for (const next of this.upcoming(on, spot)) found.push(new Attempt(next));
    } catch (thrown) {
      // A task that cannot be made ready yet fails, if it does, in its own turn.
      if (!(thrown instanceof CaravanError)) throw thrown;
    }
    return found;
  }
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

interface Work {
  readonly attempt: Attempt;
  readonly does: 'observe' | 'apply' | 'nothing';
}

/** Attempts on one host, the first of which has its turn. */
class Span {
  readonly #made: Done[] = [];
  readonly #failed = new Map<Attempt, Error>();
  readonly #attempts: Attempt[];
  #mayWrite: boolean;

  constructor(attempts: readonly Attempt[], mayWrite: boolean) {
    this.#attempts = [...attempts];
    this.#mayWrite = mayWrite;
  }

  /** Gives what was made, the first attempt's always; those that are left have their own turn. */
  async run(): Promise<readonly Done[]> {
    const [first] = this.#attempts as [Attempt, ...Attempt[]];
    const looks = first.module.touches === 'anything' ? [first] : this.#attempts;
    await this.#do(looks.map((attempt) => ({ attempt, does: 'observe' })));
    for (;;) {
      const next = this.#takeSettled();
      if (next === undefined) return this.#made;
      const work = this.#batchFrom(next);
      if (work.length === 0) return this.#made;
      await this.#do(work);
      for (const { attempt, does } of work) {
        // What was only looked at is settled in the next round.
        if (does === 'observe') break;
        if (this.#failed.get(attempt) instanceof StepNotRun || !this.#keep(attempt))
          return this.#made;
      }
    }
  }

  /** Keeps an attempt as made. Whether it went well. */
  #keep(attempt: Attempt): boolean {
    const error = this.#failed.get(attempt);
    this.#made.push({ attempt, ...(error === undefined ? {} : { error }) });
    return error === undefined && attempt.failure === undefined;
  }

  /** Takes all that need no change. Gives the first that does; undefined where the span ends. */
  #takeSettled(): Attempt | undefined {
    for (;;) {
      const next = this.#attempts[this.#made.length];
      if (next === undefined) return undefined;
      const error = this.#failed.get(next);
      if (error instanceof NotYet) {
        if (next.module.touches !== 'nothing') return undefined;
        // It is left to its turn, in which it may fail, as `assert` does.
        this.#attempts.splice(this.#made.length, 1);
        this.#mayWrite = false;
        continue;
      }
      if (error === undefined && (!next.isObserved || next.isWanting)) return next;
      if (!this.#keep(next)) return undefined;
    }
  }

  /** What can be done now: changes that rest on what is still so, then looks. */
  #batchFrom(next: Attempt): Work[] {
    const work: Work[] = [];
    const written: string[] = [];
    let isAnything = false;
    let isUndecided = false;
    for (const attempt of this.#attempts.slice(this.#made.length)) {
      const isStale = !attempt.isObserved || isAnything || overlap(attempt.touches, written);
      if (isStale) {
        isUndecided = true;
        work.push({ attempt, does: 'observe' });
        continue;
      }
      if (isUndecided || this.#failed.has(attempt)) break;
      if (!attempt.isWanting) {
        if (attempt.failure !== undefined) break;
        work.push({ attempt, does: 'nothing' });
        continue;
      }
      if (attempt !== this.#attempts[0] && !this.#mayWriteNow(attempt)) break;
      work.push({ attempt, does: 'apply' });
      const { touches } = attempt;
      if (touches === 'anything') isAnything = true;
      else written.push(...touches);
      // What was seen before it is old when it is done.
      if (attempt.isAlone) isAnything = true;
      if (attempt.isAlone) break;
    }
    // What lies behind the batch may have seen what the batch changes.
    for (const attempt of this.#attempts.slice(this.#made.length + work.length))
      if (attempt.isObserved && (isAnything || overlap(attempt.touches, written))) attempt.forget();
    return work[0]?.attempt === next && work.some(({ does }) => does !== 'nothing') ? work : [];
  }

  /** Whether an attempt may write before its turn: before those in front of it are judged. */
  #mayWriteNow(attempt: Attempt): boolean {
    const before = this.#attempts.slice(0, this.#attempts.indexOf(attempt));
    const isDecision = before.some(
      ({ on, module }) => module.touches === 'anything' || on.task.failedWhen.length > 0,
    );
    return (
      this.#mayWrite && !isDecision && !attempt.isAlone && attempt.on.isBehindDecision !== true
    );
  }

  async #do(work: readonly Work[]): Promise<void> {
    const active = work.filter(({ does }) => does !== 'nothing');
    const gathering = new Gathering(active.length);
    await Promise.all(
      active.map(async ({ attempt, does }, index) => {
        this.#failed.delete(attempt);
        try {
          if (does === 'observe') await attempt.observe(gathering, index);
          else await attempt.apply(gathering, index);
        } catch (thrown) {
          this.#failed.set(attempt, thrown as Error);
        }
      }),
    );
  }
}

/** Whether two lists of paths have one in common, or one below the other. */
function overlap(some: 'anything' | readonly string[], others: readonly string[]): boolean {
  if (some === 'anything') return others.length > 0;
  const isBelow = (path: string, folder: string): boolean =>
    path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
  return some.some((a) => others.some((b) => isBelow(a, b) || isBelow(b, a)));
}

/** Whether an attempt has failed, and was not only cut off: what goes on there is awaited. */
function isFailure(error: Error): boolean {
  const isCut = error instanceof CaravanError && ['connect', 'cancelled'].includes(error.kind);
  return !isCut;
}

async function make(on: HostTask): Promise<Made> {
  const { ahead } = on.spot ?? {};
  if (ahead === undefined) return alone(new Attempt(on));
  // Other hosts may do so before the tasks of this one are made ready: that takes this process a
  // while, in which a host can shake hands.
  if (logInEarly(on)) await new Promise(setImmediate);
  return ahead.make(new Attempt(on));
}

/**
 * Runs a task's module once on a host, within the task's deadline.
 * @throws CaravanError of the kind that the module or the connection gave; timeout past the
 * deadline, cancelled where the run was cancelled.
 */
export async function attempt(on: HostTask): Promise<AttemptResult & { readonly id: string }> {
  const { id, outcome } = on.spot?.ahead.take(on) ?? (await make(on));
  if (!(outcome instanceof Error)) return { ...outcome, id };
  if (isFailure(outcome)) on.state.parts.receipts.failing(on.host.name, on.task.source, id);
  throw outcome;
}
