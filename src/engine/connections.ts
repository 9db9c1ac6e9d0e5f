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
import type { Script } from '../values/shell.js';

/** The run's connections: opened when first used, one a host, shared by all tasks. */
export class ConnectionPool {
  readonly #open = new Map<string, Promise<Connection>>();

  constructor(
    readonly transport: Transport,
    readonly targetOf: (host: string) => ConnectionTarget,
    readonly signal: AbortSignal,
  ) {}

  /** @throws CaravanError connect, auth, host-key or cancelled, with the host. */
  connect(host: string): Promise<Connection> {
    const known = this.#open.get(host);
    if (known !== undefined) return known;
    const opening = this.#connect(host);
    this.#open.set(host, opening);
    // A later task may try again; what is open stays.
    opening.catch(() => this.#open.delete(host));
    return opening;
  }

  async #connect(host: string): Promise<Connection> {
    try {
      return await this.transport.connect(this.targetOf(host), { signal: this.signal });
    } catch (thrown) {
      const error = asCaravanError(thrown);
      // Too slow to log in is not there, as far as the run is concerned.
      const kind = error.kind === 'timeout' ? 'connect' : error.kind;
      throw new CaravanError(kind, error.message, { ...error.detail, host });
    }
  }

  /** Lets go of a connection that broke. */
  async drop(host: string): Promise<void> {
    const known = this.#open.get(host);
    this.#open.delete(host);
    await known?.then((connection) => connection.close()).catch(() => undefined);
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((host) => this.drop(host)));
  }
}

/** What every step of a task has in common. */
export interface TaskSteps {
  readonly signal: AbortSignal;
  /** Default of `become`, where the task or the play says so. */
  readonly become?: boolean;
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
    const connection = await this.pool.connect(this.host);
    try {
      return await act(connection);
    } catch (thrown) {
      if (thrown instanceof CaravanError && thrown.kind === 'connect')
        await this.pool.drop(this.host);
      throw thrown;
    }
  }

  run(script: Script, options: StepOptions = {}): Promise<StepResult> {
    return this.#use((connection) => connection.run(script, this.#options(options)));
  }

  writeFile(file: FileWrite, options: Omit<StepOptions, 'stdin' | 'onLine'> = {}): Promise<void> {
    return this.#use((connection) => connection.writeFile(file, this.#options(options)));
  }

  /** A port that the host cannot reach says nothing about the connection to the host: it stays. */
  async forward(address: string, port: number): Promise<Duplex> {
    const connection = await this.pool.connect(this.host);
    return connection.forward(address, port);
  }

  /** The pool closes connections, at the run's end. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
