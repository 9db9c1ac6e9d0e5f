import type { Duplex } from 'node:stream';
import type { Fact, FactOptions, FactReader } from '../facts/fact.js';
import {
  ConnectionGone,
  ShellEnded,
  type Connection,
  type FileOptions,
  type FileReceive,
  type FileSend,
  type FileWrite,
  type ReceiptName,
  type StepBatch,
  type StepOptions,
  type StepResult,
} from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { LateSignal } from '../values/late-signal.js';
import { joinScripts, type Script } from '../values/shell.js';
import type { ConnectionPool, Reach } from './connections.js';
import type { Gathering, ReadFact, WriteFiles } from './gathering.js';

/** How long a host that was lost in mid-step is sought before the task gives up. */
const RECONNECT_MS = 30_000;
const FIRST_DELAY_MS = 250;

/** Where a task stands on its host: shared by all its connections. */
export class TaskPhase {
  /** Whether the module changes things now; it reads before. */
  isApplying = false;
  /** With whose steps those of this task go out. */
  gathered: { readonly gathering: Gathering; readonly index: number } | undefined;
  /** Steps sent so far. */
  steps = 0;
  /** Asked for at the deadline and at the end of the run: cancels what may be cancelled. */
  readonly stop = new LateSignal();
  /** Asked for at the deadline alone. */
  readonly deadline = new LateSignal();
  #receipts = 0;
  #inHand = 0;
  readonly #idle: (() => void)[] = [];

  /** @param name of the attempt's steps on the host */
  constructor(
    readonly run: string,
    readonly name: () => string,
  ) {}

  /** The receipt of the next step that has one. */
  nextReceipt(): ReceiptName {
    return { run: this.run, step: `${this.name()}-${this.#receipts++}` };
  }

  /** Does something that is finished even when the run is cancelled. */
  async hold<T>(act: () => Promise<T>): Promise<T> {
    this.#inHand += 1;
    try {
      return await act();
    } finally {
      this.#inHand -= 1;
      if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Resolves when nothing is in hand that is finished even when the run is cancelled. */
  idle(): Promise<void> {
    if (this.#inHand === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}

/** What every step of a task has in common. */
export interface TaskSteps {
  readonly clock: Clock;
  readonly phase: TaskPhase;
  /** Default of `become`, where the task or the play says so. */
  readonly become?: boolean;
  readonly reach?: Reach;
  /** Variables that every step finds in its environment. */
  readonly environment?: Script;
  /** When the deadline is, in milliseconds since 1970. */
  readonly endsAt: number;
}

/**
 * What is done with a connection that is there. Its options are made when its step goes: most facts
 * go with another's.
 */
type Act<T> = (connection: Connection, options: () => FileOptions) => Promise<T>;

/**
 * A connection as a task sees it: opened at first use, with the task's signal, deadline and become.
 * A change that must not be made twice, and the writing of a file, leave a receipt: they are not
 * cancelled but finished, and sent again where the connection broke. So is what only reads.
 */
export class TaskConnection implements Connection, FactReader {
  constructor(
    readonly host: string,
    readonly pool: ConnectionPool,
    readonly steps: TaskSteps,
  ) {}

  run(script: Script, options: StepOptions = {}): Promise<StepResult> {
    const receipt = this.#receipt(options.once === true);
    const { gathered } = this.steps.phase;
    return this.#use(receipt, options, (connection, extra) => {
      const send = (batch: StepBatch | undefined): Promise<StepResult> =>
        connection.run(this.#whole(script), {
          ...{ ...options, ...extra() },
          ...(batch === undefined ? {} : { batch }),
        });
      return gathered === undefined
        ? send(options.batch)
        : gathered.gathering.send(gathered.index, send);
    });
  }

  readFact<T>(fact: Fact<T>, options: FactOptions): Promise<T> {
    const { gathered, isApplying } = this.steps.phase;
    if (gathered === undefined || isApplying || this.steps.environment !== undefined)
      return this.run(fact.command, options).then((result) => fact.parse(result));
    this.steps.phase.steps += 1;
    return this.#use(undefined, options, (connection, extra) => {
      const read: ReadFact = async (one, batch) =>
        one.parse(await connection.run(one.command, { ...extra(), ...(batch && { batch }) }));
      return gathered.gathering.look(gathered.index, fact, read);
    });
  }

  writeFile(file: FileWrite, options: FileOptions = {}): Promise<void> {
    const receipt = this.#receipt(true);
    const { gathered } = this.steps.phase;
    return this.#use(receipt, options, (connection, extra) => {
      const write: WriteFiles = (files, batch) => {
        const [first, ...rest] = files.flatMap((one) => one.receipt ?? []);
        const also = rest.map(({ step }) => step);
        return connection.writeFiles(
          files.map((one) => one.file),
          {
            ...{ ...options, ...extra() },
            ...(first === undefined ? {} : { receipt: { ...first, also } }),
            ...(batch === undefined ? {} : { batch }),
          },
        );
      };
      const kept = { file, receipt };
      return gathered === undefined
        ? write([kept], options.batch)
        : gathered.gathering.write(gathered.index, kept, write);
    });
  }

  async writeFiles(files: readonly FileWrite[], options: FileOptions = {}): Promise<void> {
    for (const file of files) await this.writeFile(file, options);
  }

  sendFile(file: FileSend, options: FileOptions = {}): Promise<void> {
    const receipt = this.#receipt(true);
    const kept = receipt === undefined ? {} : { receipt };
    return this.#transfer(file, options, (connection, extra, onProgress) =>
      connection.sendFile({ ...file, onProgress }, { ...options, ...extra(), ...kept }),
    );
  }

  receiveFile(file: FileReceive, options: FileOptions = {}): Promise<void> {
    this.steps.phase.steps += 1;
    return this.#transfer(file, options, (connection, extra, onProgress) =>
      connection.receiveFile({ ...file, onProgress }, { ...options, ...extra() }),
    );
  }

  /** A port that the host cannot reach says nothing about the connection to the host: it stays. */
  async forward(address: string, port: number): Promise<Duplex> {
    const connection = await this.pool.connect(this.host, this.steps.reach);
    return connection.forward(address, port);
  }

  /** The pool closes connections, at the run's end. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Cancelled like what only reads: what has arrived is kept. A connection that breaks is opened
   * again as long as the file gets further.
   */
  async #transfer(
    file: Pick<FileSend, 'onProgress'>,
    options: FileOptions,
    act: (
      connection: Connection,
      extra: () => FileOptions,
      onProgress: (bytes: number) => void,
    ) => Promise<void>,
  ): Promise<void> {
    let reached = 0;
    const onProgress = (bytes: number): void => {
      reached = Math.max(reached, bytes);
      file.onProgress?.(bytes);
    };
    const once: Act<void> = (connection, extra) => act(connection, extra, onProgress);
    for (;;) {
      const before = reached;
      try {
        await this.#use(undefined, options, once, true);
        return;
      } catch (thrown) {
        const isLost = thrown instanceof CaravanError && thrown.kind === 'connect';
        if (!isLost || reached <= before || this.steps.phase.stop.isAborted) throw thrown;
      }
    }
  }

  #whole(script: Script): Script {
    const { environment } = this.steps;
    return environment === undefined ? script : joinScripts([environment, script]);
  }

  /** The receipt of a step that leaves one, while changes are made. */
  #receipt(keeps: boolean): ReceiptName | undefined {
    const { phase } = this.steps;
    phase.steps += 1;
    return keeps && phase.isApplying ? phase.nextReceipt() : undefined;
  }

  /** Does something with the connection; once more with another where that broke, if it may be. */
  #use<T>(
    receipt: ReceiptName | undefined,
    given: FileOptions,
    act: Act<T>,
    isHarmless = false,
  ): Promise<T> {
    const { phase } = this.steps;
    const { become = this.steps.become } = given;
    const options = (): FileOptions => {
      const { signal: cancels } = receipt === undefined ? phase.stop : phase.deadline;
      const isOwn = given.signal === undefined || given.signal === cancels || receipt !== undefined;
      return {
        ...(become === undefined ? {} : { become }),
        ...(receipt === undefined ? {} : { receipt }),
        ...(phase.isApplying && phase.gathered ? { chained: true } : {}),
        signal: isOwn ? cancels : AbortSignal.any([cancels, given.signal]),
        timeoutMs: given.timeoutMs ?? this.#remainingMs(),
      };
    };
    const mayRepeat = isHarmless || receipt !== undefined || !phase.isApplying;
    const done = (): Promise<T> => this.#again(act, options, mayRepeat);
    return receipt === undefined ? done() : phase.hold(done);
  }

  #remainingMs(): number {
    const { clock, endsAt } = this.steps;
    return Math.max(1, endsAt - clock.now().getTime());
  }

  async #again<T>(act: Act<T>, options: () => FileOptions, mayRepeat: boolean): Promise<T> {
    const { reach, clock, phase } = this.steps;
    let delayMs = FIRST_DELAY_MS;
    let lost: { readonly error: CaravanError; readonly atMs: number } | undefined;
    for (;;) {
      let connection: Connection | undefined;
      try {
        connection = await this.pool.connect(this.host, reach);
        return await act(connection, options);
      } catch (thrown) {
        if (!(thrown instanceof CaravanError) || thrown.kind !== 'connect') throw thrown;
        if (connection !== undefined) await this.pool.drop(this.host, reach, connection);
        const isGone = thrown.detail.cause instanceof ConnectionGone;
        // Never connected is not lost: whether to try again is for the operator to say.
        const isLost = isGone || thrown.detail.cause instanceof ShellEnded;
        if (!isLost && lost === undefined) throw thrown;
        const isUnsent = isGone || connection === undefined;
        lost ??= { error: thrown, atMs: clock.now().getTime() };
        const left = Math.min(
          lost.atMs + RECONNECT_MS - clock.now().getTime(),
          this.#remainingMs(),
        );
        if (!mayRepeat && !isUnsent) throw thrown;
        const { signal } = phase.stop;
        if (left <= delayMs || signal.aborted) throw lost.error;
        await clock.sleep(delayMs, signal);
        delayMs *= 2;
      }
    }
  }
}
