import pLimit from 'p-limit';
import { CaravanError } from '../values/error.js';
import { endProcessesScript } from './end-processes.js';
import type { StepOptions, StepResult } from './port.js';
import { ShellEnded, type ShellSession, type ShellStep } from './shell-session.js';

/** Deadline of a step that names none. */
const DEFAULT_TIMEOUT_MS = 60_000;
/** How long the processes of a stopped step may take to be ended before we say we do not know. */
const END_TIMEOUT_MS = 15_000;

/** What bounds a step. */
export type StepLimits = Pick<StepOptions, 'timeoutMs' | 'signal'>;

/** What a level needs of the connection it belongs to. */
export interface LevelParts {
  readonly host: string;
  /** Starts a shell of this level's user. */
  openShell(): Promise<ShellSession>;
  /** Why the connection is gone, or undefined while it lives. */
  lost(): string | undefined;
}

type Stop = { readonly kind: 'timeout'; readonly ms: number } | { readonly kind: 'cancelled' };

/**
 * The steps of one user on one host: one persistent shell, one step at a time, in the order they
 * came. A step that is stopped takes its shell with it; the next step finds a new one.
 */
export class PrivilegeLevel {
  readonly #inTurn = pLimit(1);
  #session: ShellSession | undefined;

  constructor(private readonly parts: LevelParts) {}

  /** Runs a step when those before it are done; its deadline counts from then. */
  run(step: ShellStep, limits: StepLimits = {}): Promise<StepResult> {
    const { signal } = limits;
    return new Promise((resolve, reject) => {
      const cancelWaiting = (): void => {
        reject(this.#error('cancelled', 'a step was cancelled before it began'));
      };
      if (signal?.aborted === true) {
        cancelWaiting();
        return;
      }
      signal?.addEventListener('abort', cancelWaiting, { once: true });
      void this.#inTurn(async () => {
        signal?.removeEventListener('abort', cancelWaiting);
        if (signal?.aborted === true) return;
        await this.#bounded(step, limits).then(resolve, reject);
      });
    });
  }

  /** Lets go of the shell. */
  end(): void {
    this.#session?.end();
    this.#session = undefined;
  }

  async #bounded(step: ShellStep, { timeoutMs, signal }: StepLimits): Promise<StepResult> {
    const ms = timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const halt = new AbortController();
    const stopped = new Promise<Stop>((resolve) => {
      halt.signal.addEventListener('abort', () => {
        resolve(halt.signal.reason as Stop);
      });
    });
    const timer = setTimeout(() => {
      halt.abort({ kind: 'timeout', ms } satisfies Stop);
    }, ms);
    const onAbort = (): void => {
      halt.abort({ kind: 'cancelled' } satisfies Stop);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const work = this.#start(step, halt.signal);
      const outcome = await Promise.race([work, stopped]);
      if ('stdout' in outcome) return outcome;
      work.catch(() => undefined); // its shell is about to be ended
      throw await this.#stop(outcome);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #start(step: ShellStep, halt: AbortSignal): Promise<StepResult> {
    let session = this.#session;
    if (session?.alive !== true) {
      session = await this.parts.openShell();
      if (halt.aborted) {
        session.end(); // opened too late: the step must not begin any more
        throw new ShellEnded('stopped before it began');
      }
      this.#session = session;
    }
    try {
      return await session.run(step);
    } catch (error) {
      throw error instanceof ShellEnded ? this.#lostMidStep(error) : error;
    }
  }

  async #stop(reason: Stop): Promise<CaravanError> {
    const what =
      reason.kind === 'timeout'
        ? `a step passed its deadline of ${reason.ms / 1000} s`
        : 'a step was cancelled';
    const old = this.#session;
    this.#session = undefined;
    if (!old) return this.#error(reason.kind, `${what} before its shell was open`);
    const ended = await this.#endBelow(old);
    return this.#error(
      reason.kind,
      ended
        ? `${what}; it and its children were ended`
        : `${what}; it could not be ended and may still be running on the host`,
    );
  }

  /** Ends all that runs in a shell, from a new shell, which then takes its place. */
  async #endBelow(old: ShellSession): Promise<boolean> {
    const end = async (): Promise<boolean> => {
      const session = await this.parts.openShell();
      const { code } = await session.run({ script: endProcessesScript(old.pid) });
      if (waiting) this.#session = session;
      else session.end();
      return code === 0;
    };
    let waiting = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, END_TIMEOUT_MS, false);
    });
    try {
      return await Promise.race([end().catch(() => false), late]);
    } finally {
      waiting = false;
      clearTimeout(timer);
      old.end();
    }
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

  #error(
    kind: 'connect' | 'timeout' | 'cancelled',
    message: string,
    detail: { cause?: Error; hint?: string } = {},
  ): CaravanError {
    const { host } = this.parts;
    return new CaravanError(kind, `${host}: ${message}`, { host, ...detail });
  }
}
