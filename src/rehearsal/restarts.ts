import { readProcesses } from '../rotation/host-survey.js';
import type { Connection } from '../transport/port.js';
import type { Clock } from '../values/clock.js';

/**
 * Counts restarts as they are seen on the hosts, not as they are claimed: it looks at the start
 * times of the Kubernetes processes again and again, over connections of its own.
 */
export class RestartWatch {
  readonly #starts = new Map<string, Set<number>>();
  readonly #stop = new AbortController();
  #loops: Promise<void>[] = [];

  constructor(
    readonly connections: readonly Connection[],
    readonly clock: Clock,
    /** From one look to the next; a process that lives shorter is not seen. */
    readonly intervalMs = 2_000,
  ) {}

  /** Looks once at every host, then keeps looking. */
  async start(): Promise<void> {
    await Promise.all(this.connections.map((connection) => this.#look(connection)));
    this.#loops = this.connections.map((connection) => this.#keepLooking(connection));
  }

  /** Restarts so far, by component and host. */
  counts(): Record<string, Record<string, number>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const [key, starts] of this.#starts) {
      const [component = '', host = ''] = key.split(' ');
      counts[component] = { ...counts[component], [host]: starts.size - 1 };
    }
    return counts;
  }

  /** Looks a last time and stops. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await Promise.all(this.connections.map((connection) => this.#look(connection)));
  }

  async #keepLooking(connection: Connection): Promise<void> {
    const again = (): Promise<boolean> =>
      this.clock.sleep(this.intervalMs, this.#stop.signal).then(
        () => true,
        () => false,
      );
    while (await again()) await this.#look(connection);
  }

  async #look(connection: Connection): Promise<void> {
    const { startTicks } = await readProcesses(connection);
    for (const [component, ticks] of Object.entries(startTicks)) {
      const key = `${component} ${connection.host}`;
      this.#starts.set(key, (this.#starts.get(key) ?? new Set()).add(ticks));
    }
  }
}
