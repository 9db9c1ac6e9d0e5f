import { StringDecoder } from 'node:string_decoder';

/** Cuts bytes that come in pieces into lines of UTF-8 text, without their newline. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  /** Takes the next piece, cut anywhere, even inside a character. */
  push(bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split('\n');
    this.#rest = lines.pop() ?? '';
    lines.forEach(this.onLine);
  }

  /** Gives the last line where it had no newline. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (last !== '') this.onLine(last);
  }
}
