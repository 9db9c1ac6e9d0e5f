import type { Fact } from '../facts/fact.js';
import { StepNotRun, type FileWrite, type ReceiptName, type StepBatch } from '../transport/port.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';

/** A step that waits for the others. */
interface Waiting {
  readonly index: number;
  /** Lets it go, in a batch. */
  readonly go: (batch: StepBatch) => void;
  /** What lets it go with its likes, as one step. */
  readonly alike?: Alike;
}

/** Requests that one step can do for all. */
interface Alike {
  /** Those with the same key go together. */
  readonly key: unknown;
  readonly goTogether: (all: readonly Waiting[], batch: StepBatch) => void;
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

interface WaitingFact<T> extends Waiting {
  readonly fact: Fact<T>;
  readonly read: ReadFact;
  readonly settle: (value: Promise<T>) => void;
}

interface WaitingWrite extends Waiting, KeptWrite {
  readonly write: WriteFiles;
  readonly settle: (done: Promise<void>) => void;
}

/** Larger files are written by themselves, with what stdin does for them. */
const TOGETHER_BYTES = 128 * 1024;

/**
 * Several pieces of work on one host whose steps go out together: each step waits until every
 * piece has one, or has ended. Steps leave in the order of their pieces; facts of one kind that
 * stand beside each other leave as one step.
 */
export class Gathering {
  readonly #active: Set<number>;
  #waiting: Waiting[] = [];

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
    return new Promise((resolve) => {
      const waiting: WaitingFact<T> = {
        ...{ index, fact, read, settle: resolve },
        go: (batch) => {
          resolve(read(fact, batch));
        },
        ...(fact.kind === undefined
          ? {}
          : {
              alike: {
                key: fact.kind,
                goTogether: (all, batch) => void readTogether(all as WaitingFact<T>[], batch),
              },
            }),
      };
      this.#add(waiting);
    });
  }

  /** Writes a file for a piece, with those that others write. */
  write(index: number, kept: KeptWrite, write: WriteFiles): Promise<void> {
    return new Promise((resolve) => {
      const waiting: WaitingWrite = {
        ...{ index, ...kept, write, settle: resolve },
        go: (batch) => {
          resolve(write([kept], batch));
        },
        ...(isSmall(kept.file)
          ? {
              alike: {
                key: 'write',
                goTogether: (all, batch) => void writeTogether(all as WaitingWrite[], batch),
              },
            }
          : {}),
      };
      this.#add(waiting);
    });
  }

  /** A piece of work has ended. */
  leave(index: number): void {
    this.#active.delete(index);
    this.#look();
  }

  #add(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#look();
  }

  #look(): void {
    // A piece may ask for several steps at once, so they are counted in the next turn of the loop.
    setImmediate(() => {
      const present = new Set(this.#waiting.map(({ index }) => index));
      if (present.size === 0 || present.size < this.#active.size) return;
      const batch = { name: 'tasks' };
      const ready = this.#waiting.sort((a, b) => a.index - b.index);
      this.#waiting = [];
      for (const group of groups(ready)) {
        const [first] = group;
        if (group.length === 1) first?.go(batch);
        else first?.alike?.goTogether(group, batch);
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

/** Reads all with one command; where that fails on one of them, each by itself, to tell which. */
async function readTogether<T>(all: readonly WaitingFact<T>[], batch: StepBatch): Promise<void> {
  const [first] = all;
  const together = first?.fact.kind?.together(all.map(({ fact }) => fact));
  if (first === undefined || together === undefined) return;
  try {
    const values = await first.read(together, batch);
    for (const [i, { settle }] of all.entries()) settle(Promise.resolve(values[i] as T));
  } catch (thrown) {
    const error = asCaravanError(thrown);
    const isOfOne = error.kind === 'command';
    for (const { settle, read, fact } of all) settle(isOfOne ? read(fact) : Promise.reject(error));
  }
}

/** Writes all in one step; where that fails, one after the other, to tell on which. */
async function writeTogether(all: readonly WaitingWrite[], batch: StepBatch): Promise<void> {
  const [first] = all;
  if (first === undefined) return;
  try {
    await first.write(all, batch);
    for (const { settle } of all) settle(Promise.resolve());
  } catch (thrown) {
    const error = thrown instanceof StepNotRun ? thrown : asCaravanError(thrown);
    const isOfOne = error instanceof CaravanError && ['command', 'verify'].includes(error.kind);
    const again = { name: 'one by one' };
    for (const one of all) one.settle(isOfOne ? one.write([one], again) : Promise.reject(error));
  }
}
