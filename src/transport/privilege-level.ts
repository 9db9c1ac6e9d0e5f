import { CaravanError } from '../values/error.js';
import { LateSignal } from '../values/late-signal.js';
import { endProcessesScript } from './end-processes.js';
import { watchEarly } from './early-lines.js';
import { ShellEnded, StepNotRun, type StepOptions, type StepResult } from './port.js';
import { StepLost, type SentStep, type ShellSession } from './shell-session.js';
import { OUTPUT_LIMIT_MIB, TooMuchOutput } from './step-output.js';
import { forgetText, type Receipt, type ShellStep } from './step-text.js';

/** Deadline of a step that names none. */
const DEFAULT_TIMEOUT_MS = 60_000;
/** How long the processes of a stopped step may take to be ended before we say we do not know. */
const END_TIMEOUT_MS = 15_000;

/** What bounds a step. */
export type StepLimits = Pick<StepOptions, 'timeoutMs' | 'signal' | 'batch'>;

/** What a level needs of the connection it belongs to. */
export interface LevelParts {
  readonly host: string;
  /** Starts a shell of this level's user, which `signal` lets go of while it is not there. */
  openShell(signal?: AbortSignal): Promise<ShellSession>;
  /** Why the connection is gone, or undefined while it lives. */
  lost(): string | undefined;
}

/** Why a step was ended before it came to its end. */
type Stop =
  | { readonly kind: 'timeout'; readonly ms: number }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'command'; readonly cause: TooMuchOutput };

/** The error of a step that was ended, and its shell with it. */
class StepStopped extends CaravanError {}

/** A step that waits for its turn. */
interface Waiting {
  readonly step: ShellStep;
  readonly limits: StepLimits;
  readonly resolve: (result: StepResult) => void;
  readonly reject: (error: Error) => void;
  /** What cancelling does: another thing once its turn has come. */
  onCancel: () => void;
  /** Nobody cancels it any more. */
  readonly settled: () => void;
}

/** The first steps of a queue that are of its first one's batch. */
function together(queue: readonly Waiting[]): Waiting[] {
  const batch = queue[0]?.limits.batch;
  const end = queue.findIndex((one, i) => i > 0 && (!batch || one.limits.batch !== batch));
  return queue.slice(0, end < 0 ? queue.length : end);
}

/**
 * The steps of one user on one host: one persistent shell, one step at a time, in the order they
 * came; those of one batch are sent together. A step that is stopped takes its shell with it; the
 * next step finds a new one.
 */
export class PrivilegeLevel {
  readonly #waiting: Waiting[] = [];
  readonly #runs = new Set<string>();
  #isBusy = false;
  #session: ShellSession | undefined;

  constructor(private readonly parts: LevelParts) {}

  /** Runs a step when those before it are done; its deadline counts from then. */
  run(step: ShellStep, limits: StepLimits = {}): Promise<StepResult> {
    const { signal } = limits;
    if (step.receipt !== undefined) this.#runs.add(step.receipt.run);
    return new Promise((resolve, reject) => {
      const onCancel = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(this.#error('cancelled', 'a step was cancelled before it began'));
      };
      const onAbort = (): void => {
        waiting.onCancel();
      };
      const settled = (): void => {
        signal?.removeEventListener('abort', onAbort);
      };
      const waiting: Waiting = { step, limits, resolve, reject, onCancel, settled };
      this.#waiting.push(waiting);
      if (signal?.aborted === true) {
        onCancel();
        return;
      }
      signal?.addEventListener('abort', onAbort, { once: true });
      // The others of its batch come within this turn of the event loop.
      if (limits.batch === undefined) this.#next();
      else
        setImmediate(() => {
          this.#next();
        });
    });
  }

  /**
   * Lets go of the shell.
   * @param forget whether the receipts of its steps are of no more use
   */
  async end(forget = false): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    const lastWords = forget ? [...this.#runs].map(forgetText).join('') : '';
    if (lastWords === '') session?.end();
    else await session?.endWith(lastWords);
  }

  #next(): void {
    if (this.#isBusy) return;
    const turn = this.#waiting.splice(0, together(this.#waiting).length);
    if (turn.length === 0) return;
    for (const one of turn) one.onCancel = () => undefined;
    this.#isBusy = true;
    void this.#runTogether(turn).finally(() => {
      for (const { settled } of turn) settled();
      this.#isBusy = false;
      this.#next();
    });
  }

  /** Runs steps that are sent together; settles each. Never throws. */
  async #runTogether(turn: readonly Waiting[]): Promise<void> {
    let broken: Error | undefined;
    let sent: readonly SentStep[] | undefined;
    for (const [index, one] of turn.entries()) {
      if (broken !== undefined) {
        one.reject(broken);
        continue;
      }
      try {
        const result = await this.#bounded(one, async (halt) => {
          sent ??= (await this.#open(halt)).send(turn.map(({ step }) => step));
          return sent[index] as SentStep;
        });
        one.resolve(result);
      } catch (thrown) {
        const error = thrown as Error;
        one.reject(error);
        broken = this.#broken(error);
      }
    }
  }

  /** What the steps sent behind one that failed end with, where its shell has gone with it. */
  #broken(error: Error): Error | undefined {
    if (error instanceof StepStopped) return new StepNotRun('a step before it was stopped');
    return error instanceof CaravanError && error.kind !== 'command' ? error : undefined;
  }

  async #bounded(one: Waiting, send: (halt: LateSignal) => Promise<SentStep>): Promise<StepResult> {
    const { step, limits } = one;
    const { timeoutMs, signal } = limits;
    const ms = timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const halt = new LateSignal();
    let stop: (reason: Stop) => void = () => undefined;
    const stopped = new Promise<Stop>((resolve) => {
      stop = (reason) => {
        halt.abort();
        resolve(reason);
      };
    });
    const timer = setTimeout(() => {
      stop({ kind: 'timeout', ms });
    }, ms);
    one.onCancel = () => {
      stop({ kind: 'cancelled' });
    };
    if (signal?.aborted === true) one.onCancel();
    try {
      const work = this.#result(step, send, halt);
      const outcome = await Promise.race([work, stopped]);
      if ('stdout' in outcome) return outcome;
      work.catch(() => undefined); // its shell is about to be ended
      throw await this.#stop(outcome, step);
    } finally {
      clearTimeout(timer);
    }
  }

  async #open(halt: LateSignal): Promise<ShellSession> {
    let session = this.#session;
    if (session?.alive === true) return session;
    session = await this.parts.openShell(halt.signal);
    if (halt.isAborted) {
      session.end(); // opened too late: the step must not begin any more
      throw new ShellEnded('stopped before it began');
    }
    this.#session = session;
    return session;
  }

  async #result(
    step: ShellStep,
    send: (halt: LateSignal) => Promise<SentStep>,
    halt: LateSignal,
  ): Promise<StepResult | Stop> {
    const sent = await send(halt);
    const unwatch = watchEarly(step, sent, (signal) => this.parts.openShell(signal));
    try {
      return await sent.result;
    } catch (error) {
      if (error instanceof ShellEnded) throw this.#lostMidStep(error);
      if (error instanceof CaravanError) throw await this.#notBegun(error);
      if (error instanceof StepLost) throw this.#unknownEnd(error);
      if (error instanceof TooMuchOutput) return { kind: 'command', cause: error };
      throw error;
    } finally {
      unwatch();
    }
  }

  async #stop(reason: Stop, { receipt }: ShellStep): Promise<CaravanError> {
    const { host } = this.parts;
    const old = this.#session;
    this.#session = undefined;
    const ended = old && (await this.#endBelow(old, receipt));
    const end =
      ended === undefined
        ? ' before its shell was open'
        : ended
          ? '; it and its children were ended'
          : '; it could not be ended and may still be running on the host';
    const hint = 'Print less, or write to a file on the host: fetch brings files of any size.';
    return new StepStopped(reason.kind, `${host}: ${stopText(reason)}${end}`, {
      host,
      ...(reason.kind === 'command' ? { cause: reason.cause, hint } : {}),
    });
  }

  /** Ends all that runs in a shell, from a new shell, which then takes its place. */
  async #endBelow(old: ShellSession, receipt?: Receipt): Promise<boolean> {
    const over = new AbortController();
    const { signal } = over;
    const end = async (): Promise<boolean> => {
      const session = await this.parts.openShell(signal);
      signal.addEventListener('abort', () => {
        session.end();
      });
      const script = endProcessesScript(await old.pid, receipt);
      const { code } = await session.run({ script });
      if (!signal.aborted) this.#session = session;
      return code === 0;
    };
    const late = new Promise<boolean>((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(false);
      });
    });
    const timer = setTimeout(() => {
      over.abort();
    }, END_TIMEOUT_MS);
    try {
      return await Promise.race([end(), late]);
    } catch {
      over.abort();
      return false;
    } finally {
      clearTimeout(timer);
      old.end();
    }
  }

  /**
   * What a step ends with whose shell never said that it is there. Where the connection broke too,
   * that may have been all that got lost: the step was on its way behind it.
   */
  async #notBegun(error: CaravanError): Promise<CaravanError> {
    await new Promise(setImmediate); // a channel may close before its connection does
    if (this.parts.lost() === undefined) return error;
    return this.#lostMidStep(new ShellEnded(error.message));
  }

  #lostMidStep(cause: Error): CaravanError {
    const lost = this.parts.lost();
    const what =
      lost === undefined ? 'the shell of a step ended' : `the connection broke (${lost})`;
    return this.#error(
      'connect',
      `${what} in mid-step: the step may still be running on the host`,
      {
        cause,
        hint: 'Look at the host before the step is run again.',
      },
    );
  }

  #unknownEnd(cause: Error): CaravanError {
    return this.#error(
      'command',
      'a command that was under way when its host or its shell was stopped has left no end: whether it did its work is not known',
      { cause, hint: 'Look at the host, then run without --resume.' },
    );
  }

  #error(
    kind: 'connect' | 'cancelled' | 'command',
    message: string,
    detail: { cause?: Error; hint?: string } = {},
  ): CaravanError {
    const { host } = this.parts;
    return new CaravanError(kind, `${host}: ${message}`, { host, ...detail });
  }
}

function stopText(reason: Stop): string {
  switch (reason.kind) {
    case 'timeout':
      return `a step passed its deadline of ${reason.ms / 1000} s`;
    case 'cancelled':
      return 'a step was cancelled';
    case 'command':
      return `a step printed more than ${OUTPUT_LIMIT_MIB} MiB, the most that is read of one`;
  }
}
