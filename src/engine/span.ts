import { StepNotRun } from '../transport/port.js';
import type { Attempt } from './attempt.js';
import { Gathering } from './gathering.js';
import { NotYet } from './not-yet.js';

/** An attempt that was made, and why it failed where it did. */
export interface Done {
  readonly attempt: Attempt;
  readonly error?: Error;
}

interface Work {
  readonly attempt: Attempt;
  readonly does: 'observe' | 'apply' | 'nothing';
}

/** Attempts on one host, the first of which has its turn. */
export class Span {
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
