import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ProcessChannel } from './channel.js';
import { MarkerScanner } from './markers.js';
import { ShellEnded, StepNotRun, type StepResult } from './port.js';
import { batchText, LOST, NOT_RUN, type ShellStep } from './step-text.js';
import { StepOutput } from './step-output.js';

/** How long a shell may take over its last words. */
const LAST_WORDS_MS = 5_000;

/** A step that was begun at another time and whose end nobody knows. */
export class StepLost extends Error {
  override readonly name = 'StepLost';
}

/** A shell that takes commands. */
export interface BegunShell {
  readonly channel: ProcessChannel;
  /** Hands on what the shell prints once it has said that it is there; all before is dropped. */
  readonly listen: (take: (stream: 'stdout' | 'stderr', bytes: Buffer) => void) => void;
  /**
   * Its process id on the host, once it has said that it is there. Rejects with a CaravanError: auth
   * where sudo or su refuses, connect where no shell answers.
   */
  readonly announced: Promise<number>;
}

/** A step that was sent. */
export interface SentStep {
  /** @throws {ShellEnded} StepNotRun, StepLost, TooMuchOutput */
  readonly result: Promise<StepResult>;
  readonly output: StepOutput;
}

interface Running {
  readonly stdout: MarkerScanner;
  readonly stderr: MarkerScanner;
  readonly settle: (end: string) => void;
  readonly fail: (error: Error) => void;
}

/**
 * A persistent `sh` that runs steps, one at a time, in subshells of itself. It is fed through
 * standard input, so neither scripts nor data are ever seen in an argv. Several steps can be sent
 * before the first has ended: the shell reads them in order.
 */
export class ShellSession {
  #isGone = false;
  /** Resolves when the shell ends. */
  readonly #gone: Promise<void>;
  /** Sent and not ended, in order. */
  readonly #running: Running[] = [];
  #sending: Promise<void> = Promise.resolve();

  readonly #channel: ProcessChannel;
  /** Its process id on the host, once it has said it; rejects where no shell came up. */
  readonly pid: Promise<number>;

  constructor({ channel, announced, listen }: BegunShell) {
    this.#channel = channel;
    this.pid = announced;
    listen((stream, bytes) => {
      this.#push(stream, bytes);
    });
    channel.stdin.on('error', () => undefined); // the close that follows says the same
    let tellGone = (): void => undefined;
    this.#gone = new Promise((resolve) => (tellGone = resolve));
    channel.onClose(() => {
      this.#isGone = true;
      tellGone();
      const ended = new ShellEnded('the shell ended before the step did');
      // One that never was says why.
      for (const { fail } of this.#running.splice(0))
        announced.then(() => {
          fail(ended);
        }, fail);
    });
  }

  /** Whether the shell can take a step. */
  get alive(): boolean {
    return !this.#isGone;
  }

  /** Runs one step. @throws {ShellEnded} when the shell or its connection ends first */
  async run(step: ShellStep): Promise<StepResult> {
    const [sent] = this.send([step]);
    if (sent === undefined) throw new ShellEnded('nothing was sent');
    return sent.result;
  }

  /** Sends steps together: one round trip, where none of them waits for anything. */
  send(steps: readonly ShellStep[]): SentStep[] {
    const sent: SentStep[] = [];
    const texts: { nonce: string; step: ShellStep }[] = [];
    const secret = randomUUID();
    for (const [i, step] of steps.entries()) {
      const nonce = `${secret}${i}`;
      const expected = this.#expect(nonce, step);
      // A batch may break before somebody awaits its later steps.
      expected.result.catch(() => undefined);
      sent.push(expected);
      texts.push({ nonce, step });
    }
    if (this.alive) this.#sending = this.#sending.then(() => this.#write(batchText(texts)));
    else
      for (const { fail } of this.#running.splice(0)) fail(new ShellEnded('the shell has ended'));
    return sent;
  }

  /** Lets go of the shell: its input ends, so it exits once its steps have. */
  end(): void {
    this.#channel.destroy();
  }

  /**
   * Lets go of the shell when it has done one thing more, or has had time for it. What is sent just
   * before a connection is closed, sshd throws away: so the shell's own end is awaited.
   */
  async endWith(lastWords: string): Promise<void> {
    if (this.alive) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, LAST_WORDS_MS)));
      this.#channel.stdin.end(lastWords);
      await Promise.race([this.#gone, late]);
      clearTimeout(timer);
    }
    this.end();
  }

  /** Makes ready for what a step prints. */
  #expect(nonce: string, { onLine }: ShellStep): SentStep {
    let fail: (error: Error) => void = () => undefined;
    const output = new StepOutput(onLine, (error) => {
      // What is not read any more holds up who prints it, until that is ended.
      this.#channel.stdout.pause();
      this.#channel.stderr.pause();
      fail(error);
    });
    const result = new Promise<StepResult>((resolve, reject) => {
      fail = reject;
      const stdout = new MarkerScanner(nonce, output.stdout);
      const stderr = new MarkerScanner(nonce, output.stderr);
      const settle = (end: string): void => {
        try {
          resolve(resultOf(end, output));
        } catch (error) {
          fail(error as Error);
        }
      };
      this.#running.push({ stdout, stderr, settle, fail });
    });
    return { result, output };
  }

  /**
   * Gives bytes to the steps that they belong to, and settles those that have ended. What comes while
   * no step runs is of something that was left behind in the background: it is dropped.
   */
  #push(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    let rest = chunk;
    for (const running of this.#running) {
      if (rest.length === 0) break;
      rest = running[stream].push(rest);
    }
    for (;;) {
      const [first] = this.#running;
      const end = first?.stdout.end;
      if (first === undefined || end === undefined || first.stderr.end === undefined) return;
      this.#running.shift();
      first.settle(end);
    }
  }

  async #write(text: Iterable<string>): Promise<void> {
    for (const piece of text) {
      if (!this.alive) return;
      if (!this.#channel.stdin.write(piece)) await this.#drained();
    }
  }

  /** Where the shell is gone first, the running steps have been told by the channel's close. */
  async #drained(): Promise<void> {
    const drained = once(this.#channel.stdin, 'drain').catch(() => undefined);
    await Promise.race([drained, this.#gone]);
  }
}

/** @throws {StepNotRun} {@link StepLost} as the end of a step says */
function resultOf(end: string, output: StepOutput): StepResult {
  if (end === NOT_RUN) throw new StepNotRun('a step before it failed');
  if (end === LOST) throw new StepLost('it has no end, and runs no more');
  return output.result(Number(end));
}
