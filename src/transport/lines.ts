import { StringDecoder } from 'node:string_decoder';

/** Cuts bytes that come in pieces into lines of UTF-8 text, without their newline. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  /** Pieces of a line whose newline has not come; joined once, as a line may have thousands. */
  #rest: string[] = [];

  constructor(private readonly onLine: (line: string) => void) {}

  /** Takes the next piece, cut anywhere, even inside a character. */
  push(bytes: Buffer): void {
    const pieces = this.#decoder.write(bytes).split('\n');
    const last = pieces.pop() ?? '';
    for (const piece of pieces) this.#give(piece);
    this.#rest.push(last);
  }

  /** Gives the last line where it had no newline. */
  end(): void {
    this.#rest.push(this.#decoder.end());
    if (this.#rest.some((piece) => piece !== '')) this.#give('');
  }

  #give(end: string): void {
    const line = [...this.#rest, end].join('');
    this.#rest = [];
    this.onLine(line);
  }
}
