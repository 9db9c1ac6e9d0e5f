import { randomBytes } from 'node:crypto';
import type { ProcessChannel } from './channel.js';
import { ShellEnded } from './port.js';

/** Standard error that is kept for a message. */
export const SAID_SIZE = 4096;
/** Longest line that is kept: those meant for us are shorter. */
const LINE_SIZE = 1024;

/** The host said something, or the channel closed, before all bytes were taken. */
export class StreamInterrupted extends Error {
  override readonly name = 'StreamInterrupted';
}

/**
 * A shell of its own that one script is given to, and then raw bytes. A shell may read ahead of its
 * script, so bytes are sent only after the script has said that it waits for them. It says so in
 * lines that begin with {@link mark}.
 */
export class StreamChannel {
  /** Begins the lines that are meant for us. */
  readonly mark = randomBytes(16).toString('hex');
  /** Resolves when nothing more is said. */
  readonly closed: Promise<void>;
  readonly #lines: string[] = [];
  #closed: () => void = () => undefined;
  #text = '';
  #said = '';
  #end: Error | undefined;
  /** Ends what waits. */
  #wake: (() => void) | undefined;

  /** @param drained resolves when the wire has taken what was written to it */
  constructor(
    private readonly channel: ProcessChannel,
    private readonly drained: () => Promise<void>,
  ) {
    this.closed = new Promise((resolve) => (this.#closed = resolve));
    channel.stdout.on('data', (chunk: Buffer) => {
      this.#read(chunk.toString('latin1'));
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-SAID_SIZE);
    });
    channel.onClose(() => {
      this.stop(new ShellEnded('the shell ended before the transfer did'));
    });
  }

  /** What the script said on standard error. */
  get said(): string {
    return this.#said.trim();
  }

  /** Gives a script to the shell: whole commands, of which the last never returns to the shell. */
  start(script: string): void {
    this.channel.stdin.write(script);
  }

  /** The words of the next line. @throws what {@link stop} was given; {@link ShellEnded} */
  async next(): Promise<string[]> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line.split(' ');
      if (this.#end !== undefined) throw this.#end;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when the wire has taken the bytes. @throws {StreamInterrupted} */
  async write(bytes: Buffer | string): Promise<void> {
    await this.#unlessWoken(
      (done) =>
        void this.channel.stdin.write(bytes, () => {
          done();
        }),
    );
    await this.#unlessWoken((done) => void this.drained().then(done));
  }

  /** There are no more bytes. */
  finish(): void {
    this.channel.stdin.end();
  }

  /** Lets go of the shell; its input ends, and what waits ends with an error. */
  readonly stop = (error: Error): void => {
    this.#end ??= error;
    this.#wake?.();
    this.#closed();
    this.channel.destroy();
  };

  #unlessWoken(act: (done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const interrupt = (): void => {
        reject(new StreamInterrupted('the host takes no more'));
      };
      if (this.#lines.length > 0 || this.#end !== undefined) {
        interrupt();
        return;
      }
      this.#wake = interrupt;
      act(resolve);
    });
  }

  #read(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = (lines.pop() ?? '').slice(0, LINE_SIZE);
    const own = lines.filter((line) => line.startsWith(`${this.mark} `));
    this.#lines.push(...own.map((line) => line.slice(this.mark.length + 1)));
    if (own.length > 0) this.#wake?.();
  }
}
