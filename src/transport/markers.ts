const NOTHING = Buffer.alloc(0);
/** Longest end: an exit code, a process id or a word. */
const END_SIZE = 32;

/**
 * Finds where one step's bytes end in a stream that many steps share: the shell prints
 * `<nonce>:<end>\n` after it. What comes before is the step's, byte for byte.
 *
 * Bytes are given on as soon as they cannot be part of the marker, so that lines are live.
 */
export class MarkerScanner {
  readonly #end: Buffer;
  #pending: Buffer = NOTHING;
  #ended: string | undefined;

  /**
   * @param nonce text that the step cannot know
   * @param onBytes called with each piece of the step's output
   */
  constructor(
    nonce: string,
    private readonly onBytes: (bytes: Buffer) => void,
  ) {
    this.#end = Buffer.from(`${nonce}:`);
  }

  /** What the end marker says, once that has come: an exit code, or a word of the shell's. */
  get end(): string | undefined {
    return this.#ended;
  }

  /** Takes the next piece of the stream, cut anywhere; gives what stands behind the end marker. */
  push(chunk: Buffer): Buffer {
    if (this.#ended !== undefined) return chunk;
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const at = bytes.indexOf(this.#end);
    const safe = at >= 0 ? at : bytes.length - overlap(bytes, this.#end);
    if (safe > 0) this.onBytes(bytes.subarray(0, safe));
    this.#pending = bytes.subarray(safe);
    if (at < 0) return NOTHING;
    const newline = this.#pending.indexOf(0x0a, this.#end.length);
    if (newline < 0) {
      if (this.#pending.length > this.#end.length + END_SIZE) this.#passOn();
      return NOTHING;
    }
    this.#ended = this.#pending.toString('latin1', this.#end.length, newline);
    const behind = this.#pending.subarray(newline + 1);
    this.#pending = NOTHING;
    return behind;
  }

  /** What looked like an end marker is none. */
  #passOn(): void {
    this.onBytes(this.#pending);
    this.#pending = NOTHING;
  }
}

/** How many bytes at the end of `bytes` could be the start of `marker`. */
function overlap(bytes: Buffer, marker: Buffer): number {
  for (let size = Math.min(bytes.length, marker.length - 1); size > 0; size--) {
    const at = bytes.length - size;
    if (bytes[at] === marker[0] && bytes.subarray(at).equals(marker.subarray(0, size))) return size;
  }
  return 0;
}
