import type { Duplex } from 'node:stream';
import type {
  Connection,
  FileOptions,
  FileWrite,
  StepOptions,
  StepResult,
} from '../transport/port.js';
import type { Clock } from '../values/clock.js';
import { CaravanError } from '../values/error.js';
import { joinScripts, type Script } from '../values/shell.js';
import type { ConnectionPool, Reach } from './connections.js';
import type { Gathering } from './gathering.js';

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
  #receipts = 0;
  #inHand = 0;
  readonly #idle: (() => void)[] = [];

  /** @param name of the attempt's steps on the host */
  constructor(
    readonly run: string,
    readonly name: string,
  ) {}

  /** The receipt of the next step that has one. */
  nextReceipt(): NonNullable<StepOptions['receipt']> {
    return { run: this.run, step: `${this.name}-${this.#receipts++}` };
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
  /** Cancels what may be cancelled: the run's signal, or the deadline. */
  readonly signal: AbortSignal;
  /** The deadline alone. */
  readonly deadline: AbortSignal;
  readonly clock: Clock;
  readonly phase: TaskPhase;
  /** Default of `become`, where the task or the play says so. */
  readonly become?: boolean;
  readonly reach?: Reach;
  /** Variables that every step finds in its environment. */
  readonly environment?: Script;
  /** Time left until the task's deadline. */
  readonly remainingMs: () => number;
}

type Act = (connection: Connection, options: FileOptions) => Promise<StepResult | undefined>;

/**
 * A connection as a task sees it: opened at first use, with the task's signal, deadline and become.
 * A change that must not be made twice, and the writing of a file, leave a receipt: they are not
 * cancelled but finished, and sent again where the connection broke. So is what only reads.
 */
export class TaskConnection implements Connection {
  constructor(
    readonly host: string,
    readonly pool: ConnectionPool,
    readonly steps: TaskSteps,
  ) {}

  async run(script: Script, options: StepOptions = {}): Promise<StepResult> {
    const { environment } = this.steps;
    const whole = environment === undefined ? script : joinScripts([environment, script]);
    const result = await this.#send(options, options.once === true, (connection, extra) =>
      connection.run(whole, { ...options, ...extra }),
    );
    return result as StepResult;
  }

  async writeFile(file: FileWrite, options: FileOptions = {}): Promise<void> {
    await this.#send(options, true, async (connection, extra) => {
      await connection.writeFile(file, { ...options, ...extra });
      return undefined;
    });
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

  #send(given: FileOptions, keeps: boolean, act: Act): Promise<StepResult | undefined> {
    const { phase, become, deadline, signal } = this.steps;
    const { isApplying } = phase;
    phase.steps += 1;
    const hasReceipt = isApplying && keeps;
    const cancels = hasReceipt ? deadline : signal;
    const options: FileOptions = {
      ...(become === undefined ? {} : { become }),
      ...(hasReceipt ? { receipt: phase.nextReceipt() } : {}),
      ...(isApplying && phase.gathered ? { chained: true } : {}),
      ...(given.become === undefined ? {} : { become: given.become }),
      signal:
        given.signal === undefined || hasReceipt
          ? cancels
          : AbortSignal.any([cancels, given.signal]),
    };
    const mayRepeat = hasReceipt || !isApplying;
    const sent = (): Promise<StepResult | undefined> => this.#use(act, given, options, mayRepeat);
    return hasReceipt ? phase.hold(sent) : sent();
  }

  async #use(
    act: Act,
    { timeoutMs, batch: own }: FileOptions,
    options: FileOptions,
    mayRepeat: boolean,
  ): Promise<StepResult | undefined> {
    const { reach, phase, clock, signal, remainingMs } = this.steps;
    let delayMs = FIRST_DELAY_MS;
    let lost: { readonly error: CaravanError; readonly atMs: number } | undefined;
    for (;;) {
      let connection: Connection | undefined;
      try {
        connection = await this.pool.connect(this.host, reach);
        const batch = (await phase.gathered?.gathering.turn(phase.gathered.index)) ?? own;
        return await act(connection, {
          ...options,
          timeoutMs: timeoutMs ?? remainingMs(),
          ...(batch === undefined ? {} : { batch }),
        });
      } catch (thrown) {
        if (!(thrown instanceof CaravanError) || thrown.kind !== 'connect') throw thrown;
        if (connection !== undefined) await this.pool.drop(this.host, reach, connection);
        const isGone = isCausedBy(thrown, 'ConnectionGone');
        // Never connected is not lost: whether to try again is for the operator to say.
        if (!isGone && !isCausedBy(thrown, 'ShellEnded') && lost === undefined) throw thrown;
        const isUnsent = isGone || connection === undefined;
        lost ??= { error: thrown, atMs: clock.now().getTime() };
        const left = Math.min(lost.atMs + RECONNECT_MS - clock.now().getTime(), remainingMs());
        if (!mayRepeat && !isUnsent) throw thrown;
        if (left <= delayMs || signal.aborted) throw lost.error;
        await clock.sleep(delayMs, signal);
        delayMs *= 2;
      }
    }
  }
}

/**
 * What became of a connection that was open: it broke under a step (`ShellEnded`), or before one
 * was sent (`ConnectionGone`).
 */
function isCausedBy({ detail: { cause } }: CaravanError, name: string): boolean {
  return cause instanceof Error && cause.name === name;
}
