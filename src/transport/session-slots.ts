import type { ProcessChannel } from './channel.js';

/** Sessions that a stock sshd allows on one connection (MaxSessions). */
const MAX_SESSIONS = 10;

/** Keeps the sessions of one connection below what sshd allows; who is over waits for an end. */
export class SessionSlots {
  #free = MAX_SESSIONS;
  readonly #waiting: (() => void)[] = [];

  /** Opens a channel when there is room for it. */
  async use(open: () => Promise<ProcessChannel>): Promise<ProcessChannel> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const channel = await open();
      channel.onClose(() => {
        this.#release();
      });
      return channel;
    } catch (error) {
      this.#release();
      throw error;
    }
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
