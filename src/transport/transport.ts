import { ByteBudget } from './byte-budget.js';
import { HostConnection } from './host-connection.js';
import { connectLocal } from './local.js';
import type { ConnectionTarget, Transport } from './port.js';
import { Questions, type Terminal } from './questions.js';
import { scanHostKeys, type ScannedKeys } from './scan.js';
import { settingsOf } from './settings.js';
import { LoginTurns } from './turns.js';
import { Ways } from './ways.js';

/** So that many hosts with slow links do not fill the memory. */
const BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/** What a transport can be told; all has defaults. */
export interface TransportOptions {
  /** Where SSH_AUTH_SOCK is read (default: the process's environment). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Logins under way at once; a connection waits for its turn before its deadline runs (default 64). */
  readonly handshakes?: number;
  /** Bytes of large files in memory at once, on their way to all hosts together (default 64 MiB). */
  readonly bytesInFlight?: number;
  /** Where unknown host keys and passphrases are asked for (default: nowhere). */
  readonly terminal?: Terminal;
  /** Jitter of waits (default `Math.random`). */
  readonly random?: () => number;
}

/** A transport that can also look at the keys of hosts. */
export interface ScanningTransport extends Transport {
  /** The keys that a host shows, whatever known_hosts says of it; nobody logs in. */
  scan(target: ConnectionTarget, options?: { signal?: AbortSignal }): Promise<ScannedKeys>;
}

/** Opens connections over SSH and to the local machine. */
export function createTransport(options: TransportOptions = {}): ScanningTransport {
  const { environment = process.env, handshakes = 64, random = Math.random, terminal } = options;
  const parts = {
    ...{ environment, random, turns: new LoginTurns(handshakes) },
    ...(terminal ? { questions: new Questions(terminal) } : {}),
  };
  const ways = new Ways(parts);
  const budget = new ByteBudget(options.bytesInFlight ?? BYTES_IN_FLIGHT);
  return {
    connect: async (target, way = {}) => {
      if (target.kind === 'local') return connectLocal(target, budget);
      const settings = settingsOf(target, environment);
      const { host, user } = settings;
      const wire = await ways.open(settings, way);
      return new HostConnection({ host, user, become: target.become }, wire, budget);
    },
    scan: (target, way = {}) =>
      scanHostKeys(settingsOf(target, environment), ways, { ...parts, ...way }),
  };
}
