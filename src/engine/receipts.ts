import { createHash, randomBytes } from 'node:crypto';

/** What is kept of a run on the controller, so that it can be resumed. */
export interface RunRecord {
  /** Name of the run: receipts on hosts are kept under it. A plain word. */
  readonly run: string;
  /** Whether the run goes on where an earlier one of this name stopped. */
  readonly isResumed: boolean;
  /** Attempts of the earlier run that made their host fail. They are made anew. */
  readonly failed: readonly string[];
  /** Keeps an attempt that made its host fail. */
  readonly keepFailed: (attempt: string) => void;
  /** The run ended well: it is not to be resumed. Called before hosts forget their receipts. */
  readonly endedWell: () => void;
}

/** A record that is kept nowhere: good for as long as the process lives. */
export function unkeptRecord(): RunRecord {
  const run = randomBytes(8).toString('hex');
  return {
    run,
    isResumed: false,
    failed: [],
    keepFailed: () => undefined,
    endedWell: () => undefined,
  };
}

function placeOf(host: string, source: string): string {
  return `${host} ${source}`;
}

/**
 * Names the attempts of a run: by host, place in the playbook and how often that place was reached
 * there. A resumed run goes through the same places, and so finds the receipts of the first.
 */
export class Receipts {
  readonly #reached = new Map<string, number>();
  readonly #failing = new Map<string, string[]>();
  readonly #failed = new Map<string, number>();

  constructor(readonly record: RunRecord) {
    for (const attempt of record.failed)
      this.#failed.set(attempt, (this.#failed.get(attempt) ?? 0) + 1);
  }

  /** The next attempt at a place on a host, as it is kept in the record. */
  next(host: string, source: string): string {
    const place = placeOf(host, source);
    const count = (this.#reached.get(place) ?? 0) + 1;
    this.#reached.set(place, count);
    return `${place} ${count}`;
  }

  /** Takes back the last attempt of a place, which was not made. */
  back(host: string, source: string): void {
    const place = placeOf(host, source);
    this.#reached.set(place, (this.#reached.get(place) ?? 1) - 1);
  }

  /** Name of an attempt's steps on its host. One that failed gets another, so that it is made anew. */
  step(attempt: string): string {
    const text = `${attempt} ${this.#failed.get(attempt) ?? 0}`;
    return createHash('sha256').update(text).digest('hex').slice(0, 24);
  }

  /** An attempt failed; whether its host fails with it is not known yet. */
  failing(host: string, source: string, attempt: string): void {
    const place = placeOf(host, source);
    this.#failing.set(place, [...(this.#failing.get(place) ?? []), attempt]);
  }

  /** A task is done on a host. */
  settle(host: string, source: string, isLost: boolean): void {
    const place = placeOf(host, source);
    const attempts = this.#failing.get(place) ?? [];
    this.#failing.delete(place);
    if (isLost) attempts.forEach(this.record.keepFailed);
  }
}
