import type { Fact } from '../facts/fact.js';
import { StepNotRun, type FileWrite, type ReceiptName, type StepBatch } from '../transport/port.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/** A step that waits for the others. */
interface Waiting {
  readonly index: number;
  /** Lets it go by itself, in a batch. */
  readonly go: (batch: StepBatch) => void;
  /** What lets it go with its likes, as one step. */
  readonly alike?: Alike;
}

/** A request that one step can do together with others of its kind. */
interface Alike {
  /** Those with the same key go together. */
  readonly key: unknown;
  readonly subject: unknown;
  /** Does all in one step; gives what came of each, in their order. */
  readonly together: (subjects: readonly unknown[], batch: StepBatch) => Promise<unknown[]>;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: Error) => void;
}

/** Reads a fact, in a batch where one is given. */
export type ReadFact = <T>(fact: Fact<T>, batch?: StepBatch) => Promise<T>;
/** A file to be written, and the receipt that it leaves. */
export interface KeptWrite {
  readonly file: FileWrite;
  readonly receipt: ReceiptName | undefined;
}

/** Writes files in one step, in a batch where one is given. */
export type WriteFiles = (files: readonly KeptWrite[], batch?: StepBatch) => Promise<void>;

/** How requests of one kind are done. */
interface Kind<S, T> {
  readonly key: unknown;
  readonly together: (subjects: readonly S[], batch: StepBatch) => Promise<readonly T[]>;
}

/** Larger files are written by themselves, with what stdin does for them. */
const TOGETHER_BYTES = 128 * 1024;

/**
 * Several pieces of work on one host whose steps go out together: each step waits until every
 * piece has one, or has ended. Steps leave in the order of their pieces; facts of one kind, and
 * files, that stand beside each other leave as one step.
 */
export class Gathering {
  readonly #active: Set<number>;
  #waiting: Waiting[] = [];
  #isLooking = false;

  constructor(count: number) {
    this.#active = new Set(Array.from({ length: count }, (_, index) => index));
  }

  /** Sends a step of a piece when it may go, with the batch that it goes in. */
  send<T>(index: number, act: (batch: StepBatch) => Promise<T>): Promise<T> {
    return new Promise((resolve) => {
      this.#add({
        index,
        go: (batch) => {
          resolve(act(batch));
        },
      });
    });
  }

  /** Reads a fact for a piece, with those of its kind that others want. */
  look<T>(index: number, fact: Fact<T>, read: ReadFact): Promise<T> {
    const { kind } = fact;
    if (kind === undefined) return this.send(index, (batch) => read(fact, batch));
    return this.#request(index, fact, {
      key: kind,
      together: (facts, batch) =>
        facts.length === 1
          ? read(fact, batch).then((value) => [value])
          : read(kind.together(facts), batch),
    });
  }

  /** Writes a file for a piece, with those that others write. */
  write(index: number, kept: KeptWrite, write: WriteFiles): Promise<void> {
    if (!isSmall(kept.file)) return this.send(index, (batch) => write([kept], batch));
    return this.#request(index, kept, {
      key: 'write',
      together: (all, batch) => write(all, batch).then(() => []),
    });
  }

  /** A piece of work has ended. */
  leave(index: number): void {
    this.#active.delete(index);
    this.#look();
  }

  /** A request that may go with its likes. */
  #request<S, T>(index: number, subject: S, { key, together }: Kind<S, T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const go = (batch: StepBatch): void => {
        resolve(together([subject], batch).then(([value]) => value as T));
      };
      const alike = { key, subject, together, settle: resolve, fail: reject } as Alike;
      this.#add({ index, go, alike });
    });
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#look();
  }

  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // A piece may ask for several steps at once, so they are counted in the next turn of the loop.
    setImmediate(() => {
      this.#isLooking = false;
      const present = new Set(this.#waiting.map(({ index }) => index));
      if (present.size === 0 || present.size < this.#active.size) return;
      const batch = { name: 'tasks' };
      const ready = this.#waiting.sort((a, b) => a.index - b.index);
      this.#waiting = [];
      for (const group of groups(ready)) {
        if (group.length === 1) group[0]?.go(batch);
        else void goTogether(group, batch);
      }
    });
  }
}

function isSmall({ content, beforeRename, onRenamed }: FileWrite): boolean {
  const { length } = content instanceof Secret ? (content as Secret).reveal() : content;
  return length <= TOGETHER_BYTES && beforeRename === undefined && onRenamed === undefined;
}

/** Neighbours that are alike. */
function groups(ready: readonly Waiting[]): Waiting[][] {
  const found: Waiting[][] = [];
  for (const one of ready) {
    const last = found.at(-1);
    if (one.alike !== undefined && last?.[0]?.alike?.key === one.alike.key) last?.push(one);
    else found.push([one]);
  }
  return found;
}

/** Does all in one step; where that fails on one of them, each by itself, to tell which. */
async function goTogether(group: readonly Waiting[], batch: StepBatch): Promise<void> {
  const alike = group.flatMap((one) => one.alike ?? []);
  const [first] = alike as [Alike, ...Alike[]];
  const subjects = alike.map(({ subject }) => subject);
  try {
    const values = await first.together(subjects, batch);
    for (const [i, { settle }] of alike.entries()) settle(values[i]);
  } catch (thrown) {
    const error = thrown instanceof StepNotRun ? thrown : asCaravanError(thrown);
    const isOfOne = error instanceof CaravanError && ['command', 'verify'].includes(error.kind);
    const again = { name: 'one by one' };
    if (isOfOne) for (const { go } of group) go(again);
    else for (const { fail } of alike) fail(error);
  }
}
