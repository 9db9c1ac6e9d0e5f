import { CaravanError } from '../values/error.js';
import type { Random } from './backoff.js';
import type { Wire } from './host-connection.js';
import { keyTypeOf } from './algorithms.js';
import type { SshSettings } from './settings.js';
import type { Lease } from './shared-wires.js';
import { handshake, withRetries, type Attempt, type LoginParts } from './ssh2.login.js';
import { isUnequipped, notReached } from './ssh2.errors.js';
import { keysByKeyscan } from './keyscan.js';
import type { LoginTurns } from './turns.js';

/** The keys that a host showed. */
export interface ScannedKeys {
  /** The name under which known_hosts has them. */
  readonly name: string;
  /** The file to which they would be added. */
  readonly file: string | undefined;
  /** In SSH's wire form, one of each type. */
  readonly keys: readonly Buffer[];
}

/** What a look at a host needs. */
export interface ScanParts {
  readonly random: Random;
  readonly turns: LoginTurns;
  readonly signal?: AbortSignal;
}

/** Gives a stream over jump hosts. */
export interface Leasing {
  lease(settings: SshSettings, options: { signal?: AbortSignal }): Promise<Lease<Wire> | undefined>;
}

/** One algorithm, or two, for each type of key that a host may have. */
const TYPES = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256'],
];

/**
 * Asks a host for its key of each type, by a handshake that stops there.
 * @throws {CaravanError} connect, timeout or cancelled; connect where it has no key of these types
 */
export async function scanHostKeys(
  settings: SshSettings,
  ways: Leasing,
  parts: ScanParts,
): Promise<ScannedKeys> {
  const { host, hostName, port, knownName, addKnownHostsTo } = settings;
  const lease = await ways.lease(settings, parts);
  const dial = lease ? { dial: () => lease.wire.forward(hostName, port) } : {};
  try {
    const keys = await keysOf(settings, { ...parts, ...dial }).catch((error: unknown) => {
      // The server may have newer algorithms only, such as post-quantum ones.
      if (lease !== undefined || !isUnequipped(error)) throw error;
      return keysByKeyscan(settings, parts.signal).catch(() => {
        throw error;
      });
    });
    if (keys.length > 0) return { name: knownName, file: addKnownHostsTo, keys };
    const types = TYPES.flat().map(keyTypeOf).join(', ');
    const message = `${host} (${hostName}:${port}) showed no host key of the types ${types}`;
    throw new CaravanError('connect', message, { host });
  } finally {
    await lease?.release();
  }
}

async function keysOf(
  settings: SshSettings,
  parts: ScanParts & Pick<LoginParts, 'dial'>,
): Promise<Buffer[]> {
  const keys: Buffer[] = [];
  for (const algorithms of TYPES) {
    const key = await parts.turns.run(`${settings.hostName}:${settings.port}`, () =>
      withRetries(settings, parts, (attempt) => keyOf(attempt, algorithms)),
    );
    if (key) keys.push(key);
  }
  return keys;
}

async function keyOf(attempt: Attempt, algorithms: readonly string[]): Promise<Buffer | undefined> {
  let seen: Buffer | undefined;
  try {
    const { client } = await handshake(attempt, {
      algorithms,
      authHandler: () => false,
      verify: (key) => {
        seen = key;
        return Promise.resolve(false);
      },
    });
    client.end();
  } catch (thrown) {
    if (seen !== undefined) return seen;
    if (thrown instanceof CaravanError) throw thrown;
    const cause = thrown as Error;
    if (cause.message.includes('no matching host key format')) return undefined;
    throw notReached(attempt.settings, cause);
  }
  return seen;
}
