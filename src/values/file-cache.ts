import { statSync, type BigIntStats } from 'node:fs';

/** Another where a file is not the one that it was. */
export function versionOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** What stands at a path of this machine; undefined where nothing does. Throws what `fs` does. */
export function look(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

/** What was made of files that were read, until they change: all hosts ask for the same ones. */
export class FileCache<T> {
  readonly #made = new Map<string, { readonly version: string; readonly value: T }>();

  /**
   * @param make reads a file
   * @param most files that are remembered (default 64), those that were read last
   */
  constructor(
    private readonly make: (path: string, found: BigIntStats) => T,
    private readonly most = 64,
  ) {}

  /** What was made of the file at a path; undefined where there is none. Throws what {@link of} does. */
  at(path: string): T | undefined {
    const found = look(path);
    return found && this.of(path, found);
  }

  /**
   * Gives what was made of a file, and makes it where the file is not the one that it was. Throws what
   * `make` does; then nothing is remembered.
   * @param found what {@link look} gave
   */
  of(path: string, found: BigIntStats): T {
    const version = versionOf(found);
    const known = this.#made.get(path);
    if (known?.version === version) return known.value;
    const value = this.make(path, found);
    this.#made.delete(path);
    this.#made.set(path, { version, value });
    const [oldest] = this.#made.keys();
    if (this.#made.size > this.most && oldest !== undefined) this.#made.delete(oldest);
    return value;
  }
}
