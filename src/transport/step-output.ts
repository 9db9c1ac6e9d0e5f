import { LineSplitter } from './lines.js';
import type { StepResult } from './port.js';

/**
 * What one step prints. A step with a receipt prints at its end; while it runs, its lines are read
 * from its file by {@link StepOutput.early}, and are not given a second time.
 */
export class StepOutput {
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #lines: LineSplitter | undefined;
  /** Bytes of standard output that lines were made of. */
  #given = 0;
  #arrived = 0;

  constructor(onLine: ((line: string) => void) | undefined) {
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
    this.#stdout.push(bytes);
    const fresh = bytes.subarray(Math.max(0, this.#given - this.#arrived));
    this.#arrived += bytes.length;
    if (fresh.length > 0) this.early(fresh);
  };

  readonly stderr = (bytes: Buffer): void => {
    this.#stderr.push(bytes);
  };

  /** Takes the next bytes of standard output before they come through {@link stdout}. */
  early(bytes: Buffer): void {
    this.#given += bytes.length;
    this.#lines?.push(bytes);
  }

  result(code: number): StepResult {
    this.#lines?.end();
    return {
      code,
      stdout: Buffer.concat(this.#stdout).toString('utf8'),
      stderr: Buffer.concat(this.#stderr).toString('utf8'),
    };
  }
}
