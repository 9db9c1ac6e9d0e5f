import { Duplex } from 'node:stream';
import type { ProcessChannel } from './channel.js';

/** Standard input and output of a process as one stream, such as of `ssh -W`. */
export class ProcessStream extends Duplex {
  /** What the process has to say goes to `errorOf` when it ends, which may make an error of it. */
  constructor(
    private readonly channel: ProcessChannel,
    errorOf: (stderr: string) => Error | undefined,
  ) {
    super();
    const { stdin, stdout, stderr } = channel;
    let said = '';
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.once('end', () => this.push(null));
    stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    stdin.on('error', () => undefined); // the end of the process says the same
    channel.onClose(() => {
      this.destroy(errorOf(said));
    });
  }

  override _read(): void {
    this.channel.stdout.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void) {
    this.channel.stdin.write(chunk, encoding, done);
  }

  override _final(done: () => void): void {
    this.channel.stdin.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.channel.destroy();
    done(error);
  }
}
