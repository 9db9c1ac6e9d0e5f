/** Bytes in memory that are meant for hosts, or come from them: one limit for all of a run. */
export class ByteBudget {
  #free: number;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  /** @param limit more than the largest piece that is asked for */
  constructor(readonly limit: number) {
    this.#free = limit;
  }

  /** Resolves when there is room for so many bytes, in the order of asking, with what gives it back. */
  async take(bytes: number): Promise<() => void> {
    const wanted = Math.min(bytes, this.limit);
    await new Promise<void>((go) => {
      this.#waiting.push({ bytes: wanted, go });
      this.#serve();
    });
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      this.#free += wanted;
      this.#serve();
    };
  }

  #serve(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || first.bytes > this.#free) return;
      this.#waiting.shift();
      this.#free -= first.bytes;
      first.go();
    }
  }
}
