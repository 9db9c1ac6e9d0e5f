import type { Wire } from './host-connection.js';

/** The use of a wire that others use too. */
export interface Lease<W extends Wire> {
  readonly wire: W;
  /** The last to let go closes the wire. */
  release(): Promise<void>;
}

interface Shared {
  readonly opening: Promise<Wire>;
  /** Gives up the opening where nobody waits for it any more. */
  readonly giveUp: AbortController;
  wire?: Wire;
  uses: number;
}

/** Wires to jump hosts: one to each, opened when first needed, closed with its last use. */
export class SharedWires {
  readonly #wires = new Map<string, Shared>();

  /** The wire of this name, opened where it is not, or where it was lost. */
  async lease(
    name: string,
    signal: AbortSignal | undefined,
    open: (signal: AbortSignal) => Promise<Wire>,
  ): Promise<Lease<Wire>> {
    let shared = this.#wires.get(name);
    if (shared === undefined || shared.wire?.lost() !== undefined) shared = this.#open(name, open);
    shared.uses++;
    const release = this.#releaser(name, shared);
    const onAbort = (): void => void release();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return { wire: await shared.opening, release };
    } catch (error) {
      await release();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #open(name: string, open: (signal: AbortSignal) => Promise<Wire>): Shared {
    const giveUp = new AbortController();
    const shared: Shared = { opening: open(giveUp.signal), giveUp, uses: 0 };
    this.#wires.set(name, shared);
    shared.opening.then(
      (wire) => (shared.wire = wire),
      () => {
        this.#forget(name, shared);
      },
    );
    return shared;
  }

  #releaser(name: string, shared: Shared): () => Promise<void> {
    let released = false;
    return async () => {
      if (released) return;
      released = true;
      if (--shared.uses > 0) return;
      this.#forget(name, shared);
      shared.giveUp.abort();
      await (await shared.opening.catch(() => undefined))?.close();
    };
  }

  #forget(name: string, shared: Shared): void {
    if (this.#wires.get(name) === shared) this.#wires.delete(name);
  }
}
