/**
 * Finds one step's bytes in a stream that many steps share. The shell prints `<nonce><\n` before
 * the step and `<nonce>:<end>\n` after it; what stands between is the step's, byte for byte, and
 * everything outside (a banner, a left-behind background process) is dropped.
 *
 * Bytes are given on as soon as they cannot be part of a marker, so that lines are live.
 */
export class MarkerScanner {
  readonly #begin: Buffer;
  readonly #end: Buffer;
  #pending: Buffer = Buffer.alloc(0);
  #began = false;
  #ended: string | undefined;

  /**
   * @param nonce text that the step cannot know
   * @param onBytes called with each piece of the step's output
   */
  constructor(
    nonce: string,
    private readonly onBytes: (bytes: Buffer) => void,
  ) {
    this.#begin = Buffer.from(`${nonce}<\n`);
    this.#end = Buffer.from(`${nonce}:`);
  }

  /** What the end marker says, once that has come: an exit code, or a word of the shell's. */
  get end(): string | undefined {
    return this.#ended;
  }

  /** Takes the next piece of the stream, cut anywhere; gives what stands behind the end marker. */
  push(chunk: Buffer): Buffer {
    if (this.#ended !== undefined) return chunk;
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (!this.#began) this.#seekBegin();
    return this.#began ? this.#seekEnd() : NOTHING;
  }

  #seekBegin(): void {
    const at = this.#pending.indexOf(this.#begin);
    this.#began = at >= 0;
    this.#pending = this.#pending.subarray(
      this.#began
        ? at + this.#begin.length
        : this.#pending.length - overlap(this.#pending, this.#begin),
    );
  }

  #seekEnd(): Buffer {
    const at = this.#pending.indexOf(this.#end);
    const safe = at >= 0 ? at : this.#pending.length - overlap(this.#pending, this.#end);
    if (safe > 0) this.onBytes(this.#pending.subarray(0, safe));
    this.#pending = this.#pending.subarray(safe);
    if (at < 0) return NOTHING;
    const newline = this.#pending.indexOf(0x0a, this.#end.length);
    if (newline < 0) return NOTHING;
    this.#ended = this.#pending.toString('latin1', this.#end.length, newline);
    return this.#pending.subarray(newline + 1);
  }
}

const NOTHING = Buffer.alloc(0);

/** How many bytes at the end of `bytes` could be the start of `marker`. */
function overlap(bytes: Buffer, marker: Buffer): number {
  for (let size = Math.min(bytes.length, marker.length - 1); size > 0; size--) {
    const at = bytes.length - size;
    if (bytes[at] === marker[0] && bytes.subarray(at).equals(marker.subarray(0, size))) return size;
  }
  return 0;
}
