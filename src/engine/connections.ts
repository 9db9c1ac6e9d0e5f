import type { Duplex } from 'node:stream';
import type {
  Connection,
  ConnectionTarget,
  FileWrite,
  StepOptions,
  StepResult,
  Transport,
} from '../transport/port.js';
import { asCaravanError, CaravanError } from '../values/error.js';
import { joinScripts, type Script } from '../values/shell.js';

/** What a task says of how its host is reached, as connection variables. */
export interface Reach {
  /** Below the host's variables: what `connection`, `remote_user` and `become_user` say. */
  readonly below: Readonly<Record<string, unknown>>;
  /** Above them: connection variables of the play and the task. */
  readonly above: Readonly<Record<string, unknown>>;
}

const AS_INVENTORY: Reach = { below: {}, above: {} };

/** The run's connections: opened when first used, one a host and way, shared by all tasks. */
export class ConnectionPool {
  readonly #open = new Map<string, Promise<Connection>>();

  constructor(
    readonly transport: Transport,
    readonly targetOf: (host: string, reach: Reach) => ConnectionTarget,
    readonly signal: AbortSignal,
  ) {}

  /** @throws CaravanError connect, auth, host-key or cancelled, with the host. */
  connect(host: string, reach: Reach = AS_INVENTORY): Promise<Connection> {
    const key = keyOf(host, reach);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const opening = this.#connect(host, reach);
    this.#open.set(key, opening);
    // A later task may try again; what is open stays.
    opening.catch(() => this.#open.delete(key));
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

  /** Lets go of a connection that broke. */
  drop(host: string, reach: Reach = AS_INVENTORY): Promise<void> {
    return this.#drop(keyOf(host, reach));
  }

  async #drop(key: string): Promise<void> {
    const known = this.#open.get(key);
    this.#open.delete(key);
    await known?.then((connection) => connection.close()).catch(() => undefined);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((key) => this.#drop(key)));
  }
}

/** JSON shows no secret, and a password changes no way to a host within one run. */
function keyOf(host: string, reach: Reach): string {
  return `${host}\0${JSON.stringify([reach.below, reach.above])}`;
}

/** What every step of a task has in common. */
export interface TaskSteps {
  readonly signal: AbortSignal;
  /** Default of `become`, where the task or the play says so. */
  readonly become?: boolean;
  readonly reach?: Reach;
  /** Variables that every step finds in its environment. */
  readonly environment?: Script;
  /** Time left until the task's deadline. */
  readonly remainingMs: () => number;
}

/** A connection as a task sees it: opened at first use, with the task's signal, deadline and become. */
export class TaskConnection implements Connection {
  constructor(
    readonly host: string,
    readonly pool: ConnectionPool,
    readonly steps: TaskSteps,
  ) {}

  #options<T extends Pick<StepOptions, 'become' | 'signal' | 'timeoutMs'>>(options: T): T {
    const { become, signal, remainingMs } = this.steps;
    return {
      timeoutMs: remainingMs(),
      ...(become === undefined ? {} : { become }),
      ...options,
      signal: options.signal === undefined ? signal : AbortSignal.any([signal, options.signal]),
    };
  }

  async #use<T>(act: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.pool.connect(this.host, this.steps.reach);
    try {
      return await act(connection);
    } catch (thrown) {
      if (thrown instanceof CaravanError && thrown.kind === 'connect')
        await this.pool.drop(this.host, this.steps.reach);
      throw thrown;
    }
  }

  run(script: Script, options: StepOptions = {}): Promise<StepResult> {
    const { environment } = this.steps;
    const whole = environment === undefined ? script : joinScripts([environment, script]);
    return this.#use((connection) => connection.run(whole, this.#options(options)));
  }

  writeFile(file: FileWrite, options: Omit<StepOptions, 'stdin' | 'onLine'> = {}): Promise<void> {
    return this.#use((connection) => connection.writeFile(file, this.#options(options)));
  }

  /** A port that the host cannot reach says nothing about the connection to the host: it stays. */
  async forward(address: string, port: number): Promise<Duplex> {
    const connection = await this.pool.connect(this.host, this.steps.reach);
    return connection.forward(address, port);
  }

  /** The pool closes connections, at the run's end. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
