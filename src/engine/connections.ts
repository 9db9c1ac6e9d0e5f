import type { Connection, ConnectionTarget, Transport } from '../transport/port.js';
import { asCaravanError, CaravanError } from '../values/error.js';

/** What a task says of how its host is reached, as connection variables. */
export interface Reach {
  /** Below the host's variables: what `connection`, `remote_user`, `become_user` and `become_method` say. */
  readonly below: Readonly<Record<string, unknown>>;
  /** Above them: connection variables of the play and the task. */
  readonly above: Readonly<Record<string, unknown>>;
}

const AS_INVENTORY: Reach = { below: {}, above: {} };

/** The run's connections: opened when first used, one a host and way, shared by all tasks. */
export class ConnectionPool {
  readonly #open = new Map<string, Promise<Connection>>();
  /** Begun, and asked for by no task so far. */
  readonly #early = new Set<string>();

  constructor(
    readonly transport: Transport,
    readonly targetOf: (host: string, reach: Reach) => ConnectionTarget,
    readonly signal: AbortSignal,
  ) {}

  /** @throws CaravanError connect, auth, host-key or cancelled, with the host. */
  connect(host: string, reach: Reach = AS_INVENTORY): Promise<Connection> {
    const key = keyOf(host, reach);
    const known = this.#open.get(key);
    if (known !== undefined && !this.#early.delete(key)) return known;
    const opening = known ?? this.#begin(key, host, reach);
    // A later task may try again; what is open stays.
    opening.catch(() => this.#open.delete(key));
    return opening;
  }

  /** Begins to connect before a task asks for it. How that ends is for the first that does. */
  begin(host: string, reach: Reach = AS_INVENTORY): void {
    const key = keyOf(host, reach);
    if (this.#open.has(key)) return;
    this.#early.add(key);
    this.#begin(key, host, reach).catch(() => undefined);
  }

  #begin(key: string, host: string, reach: Reach): Promise<Connection> {
    const opening = this.#connect(host, reach);
    this.#open.set(key, opening);
    return opening;
  }

  async #connect(host: string, reach: Reach): Promise<Connection> {
    try {
      const target = this.targetOf(host, reach);
      return await this.transport.connect(target, { signal: this.signal });
    } catch (thrown) {
      const error = asCaravanError(thrown);
      // Too slow to log in is not there, as far as the run is concerned.
      const kind = error.kind === 'timeout' ? 'connect' : error.kind;
      throw new CaravanError(kind, error.message, { ...error.detail, host });
    }
  }

  /**
   * Lets go of a connection.
   * @param broken the one that broke: another that was opened since then stays
   */
  async drop(host: string, reach: Reach = AS_INVENTORY, broken?: Connection): Promise<void> {
    const key = keyOf(host, reach);
    if (broken !== undefined && (await this.#open.get(key)?.catch(() => undefined)) !== broken)
      return;
    await this.#drop(key);
  }

  async #drop(key: string, forget = false): Promise<void> {
    const known = this.#open.get(key);
    this.#open.delete(key);
    this.#early.delete(key);
    await known?.then((connection) => connection.close(forget)).catch(() => undefined);
  }

  /** @param forget whether the receipts of the run are of no more use */
  async closeAll(forget: boolean): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.#drop(key, forget)));
  }
}

/** JSON shows no secret, and a password changes no way to a host within one run. */
function keyOf(host: string, reach: Reach): string {
  if (reach === AS_INVENTORY) return host;
  return `${host}\0${JSON.stringify([reach.below, reach.above])}`;
}
