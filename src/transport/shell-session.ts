import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { quoteWord, type Script } from '../values/shell.js';
import type { ProcessChannel } from './channel.js';
import { LineSplitter } from './lines.js';
import { MarkerScanner } from './markers.js';
import type { StepResult } from './port.js';

/** What a step gives to the shell. */
export interface ShellStep {
  readonly script: Script;
  readonly stdin?: Buffer;
  readonly onLine?: (line: string) => void;
}

/** The shell went away under a step: its end is not known. */
export class ShellEnded extends Error {
  override readonly name = 'ShellEnded';
}

/** Raw bytes in one line of base64: small enough for any decoder's buffer. */
const BYTES_PER_LINE = 3 * 1024;
/** Text handed to the stream before it is asked whether it wants more. */
const WRITE_SIZE = 256 * 1024;

/**
 * A persistent `sh` that runs steps, one at a time, in subshells of itself. It is fed through
 * standard input, so neither scripts nor data are ever seen in an argv.
 *
 * A step is `( eval '<script>' )`: with `eval`, a syntax error ends the subshell and not the shell.
 */
export class ShellSession {
  /** Aborts when the shell ends. */
  readonly #gone = new AbortController();
  #running: { readonly fail: (error: Error) => void } | undefined;
  #sinks: { readonly stdout: MarkerScanner; readonly stderr: MarkerScanner } | undefined;
  #settle: () => void = () => undefined;

  /**
   * @param channel a process that is a shell and waits for commands
   * @param pid its process id on the host
   */
  constructor(
    private readonly channel: ProcessChannel,
    readonly pid: number,
  ) {
    channel.stdout.on('data', (chunk: Buffer) => {
      this.#sinks?.stdout.push(chunk);
      this.#settle();
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#sinks?.stderr.push(chunk);
      this.#settle();
    });
    channel.stdin.on('error', () => undefined); // the close that follows says the same
    channel.onClose(() => {
      this.#gone.abort();
      this.#running?.fail(new ShellEnded('the shell ended before the step did'));
    });
  }

  /** Whether the shell can take a step. */
  get alive(): boolean {
    return !this.#gone.signal.aborted;
  }

  /**
   * Runs one step. The caller waits for it before the next.
   * @throws {ShellEnded} when the shell or its connection ends first
   */
  async run(step: ShellStep): Promise<StepResult> {
    if (!this.alive) throw new ShellEnded('the shell has ended');
    const nonce = randomBytes(16).toString('hex');
    const output = collect(nonce, step.onLine);
    const finished = new Promise<number>((resolve, reject) => {
      this.#running = { fail: reject };
      this.#sinks = output;
      this.#settle = () => {
        if (output.stdout.code !== undefined && output.stderr.code !== undefined)
          resolve(output.stdout.code);
      };
    });
    try {
      const [code] = await Promise.all([finished, this.#send(nonce, step)]);
      return output.result(code);
    } finally {
      this.#running = this.#sinks = undefined;
    }
  }

  /** Lets go of the shell: its input ends, so it exits once its step has. */
  end(): void {
    this.channel.destroy();
  }

  async #send(nonce: string, step: ShellStep): Promise<void> {
    for (const text of stepText(nonce, step)) {
      if (!this.alive) return;
      if (!this.channel.stdin.write(text)) await this.#drained();
    }
  }

  async #drained(): Promise<void> {
    try {
      await once(this.channel.stdin, 'drain', { signal: this.#gone.signal });
    } catch {
      // The shell is gone: the running step has been told by the channel's close.
    }
  }
}

/** Collects both streams of one step. */
function collect(nonce: string, onLine?: (line: string) => void) {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const lines = onLine && new LineSplitter(onLine);
  return {
    stdout: new MarkerScanner(nonce, (bytes) => {
      stdout.push(bytes);
      lines?.push(bytes);
    }),
    stderr: new MarkerScanner(nonce, (bytes) => stderr.push(bytes)),
    result(code: number): StepResult {
      lines?.end();
      return {
        code,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      };
    },
  };
}

/** The shell's input for one step, in pieces that a stream can take. */
function* stepText(nonce: string, step: ShellStep): Generator<string> {
  const body = `( eval ${quoteWord(step.script.text)} )`;
  let text = `printf '%s<\\n' ${nonce}; printf '%s<\\n' ${nonce} >&2\n`;
  if (step.stdin === undefined) {
    text += `${body} </dev/null\n`;
  } else {
    text += `base64 -d <<'${nonce}' | ${body}\n`;
    for (let at = 0; at < step.stdin.length; at += BYTES_PER_LINE) {
      text += `${step.stdin.toString('base64', at, at + BYTES_PER_LINE)}\n`;
      if (text.length < WRITE_SIZE) continue;
      yield text;
      text = '';
    }
    text += `${nonce}\n`;
  }
  yield `${text}printf '%s:%d\\n' ${nonce} $?; printf '%s:0\\n' ${nonce} >&2\n`;
}
