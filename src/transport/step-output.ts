import { LineSplitter } from './lines.js';
import type { StepResult } from './port.js';

/** The most that is taken of one step: standard output and standard error together. */
export const OUTPUT_LIMIT_MIB = 64;
export const OUTPUT_LIMIT = OUTPUT_LIMIT_MIB * 1024 * 1024;

/** A step has printed more than is taken of one. */
export class TooMuchOutput extends Error {
  override readonly name = 'TooMuchOutput';
}

/**
 * What one step prints. A step with a receipt prints at its end; while it runs, its lines are read
 * from its file by {@link StepOutput.early}, and are not given a second time.
 */
export class StepOutput {
  #stdout: Buffer[] = [];
  #stderr: Buffer[] = [];
  readonly #lines: LineSplitter | undefined;
  /** Bytes of standard output that lines were made of. */
  #given = 0;
  #arrived = 0;
  #errors = 0;
  #isTooMuch = false;

  /** @param onTooMuch called once where it prints too much; nothing of it is kept then */
  constructor(
    onLine: ((line: string) => void) | undefined,
    private readonly onTooMuch: (error: TooMuchOutput) => void,
  ) {
    this.#lines = onLine && new LineSplitter(onLine);
  }

  /** Whether somebody waits for lines. */
  get isWatched(): boolean {
    return this.#lines !== undefined;
  }

  /** Bytes of standard output that were given as lines so far. */
  get given(): number {
    return this.#given;
  }

  readonly stdout = (bytes: Buffer): void => {
    const fresh = bytes.subarray(Math.max(0, this.#given - this.#arrived));
    this.#arrived += bytes.length;
    if (fresh.length > 0) this.early(fresh);
    if (!this.#isTooMuch) this.#stdout.push(bytes);
  };

  readonly stderr = (bytes: Buffer): void => {
    this.#errors += bytes.length;
    this.#check();
    if (!this.#isTooMuch) this.#stderr.push(bytes);
  };

  /** Takes the next bytes of standard output before they come through {@link stdout}. */
  early(bytes: Buffer): void {
    this.#given += bytes.length;
    this.#check();
    if (!this.#isTooMuch) this.#lines?.push(bytes);
  }

  /** Is told how many bytes there are on the host, of which some may be still to come. */
  awaits(bytes: number): void {
    this.#check(bytes);
  }

  result(code: number): StepResult {
    this.#lines?.end();
    return {
      code,
      stdout: Buffer.concat(this.#stdout).toString('utf8'),
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
    };
  }

  #check(bytes = this.#given + this.#errors): void {
    const isMore = bytes > OUTPUT_LIMIT; // not so where no number could be read
    if (this.#isTooMuch || !isMore) return;
    this.#isTooMuch = true;
    this.#stdout = [];
    this.#stderr = [];
    this.onTooMuch(new TooMuchOutput(`it printed more than ${OUTPUT_LIMIT_MIB} MiB`));
  }
}
