/**
 * A signal that is made when somebody wants to listen: a run has thousands of tasks and hosts, and
 * most of them end without.
 */
export class LateSignal {
  #controller: AbortController | undefined;
  #isAborted = false;

  /** Asked for without making the signal. */
  get isAborted(): boolean {
    return this.#isAborted;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}
