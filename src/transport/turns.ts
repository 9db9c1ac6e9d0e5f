import pLimit, { type LimitFunction } from 'p-limit';

/** Logins under way at once on one server: below where sshd starts to refuse (MaxStartups 10:30:100). */
const PER_SERVER = 8;

/** Lets logins begin in turn, so that neither a server nor the controller has too many under way. */
export class LoginTurns {
  readonly #all: LimitFunction;
  readonly #servers = new Map<string, LimitFunction>();

  /** At most `handshakes` logins at once on all servers together. */
  constructor(handshakes: number) {
    this.#all = pLimit(handshakes);
  }

  /** Runs a login when it is its turn on its server, then on this machine. */
  async run<T>(server: string, login: () => Promise<T>): Promise<T> {
    let turn = this.#servers.get(server);
    if (!turn) this.#servers.set(server, (turn = pLimit(PER_SERVER)));
    try {
      return await turn(() => this.#all(login));
    } finally {
      if (turn.activeCount + turn.pendingCount === 0) this.#servers.delete(server);
    }
  }
}
