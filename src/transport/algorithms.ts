import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2';
import { wildcardMatches } from './ssh-config/patterns.js';

/** A kind of algorithm, and the option of ssh_config(5) that chooses it. */
export type AlgorithmKind = 'kex' | 'serverHostKey' | 'cipher' | 'hmac';

/** What is offered unless it is asked otherwise, and what else ssh2 has and is offered by name only. */
interface Offer {
  readonly standard: readonly string[];
  readonly byName: readonly string[];
}

/**
 * Equally strong ones in the order of their cost: a handshake with nistp256 takes the least CPU
 * of both sides. No SHA-1, no CBC, no DSA, no compression: RFC 9142, RFC 8332, OpenSSH's defaults.
 */
const OFFERS: Readonly<Record<AlgorithmKind, Offer>> = {
  kex: {
    standard: [
      'ecdh-sha2-nistp256',
      'curve25519-sha256',
      'curve25519-sha256@libssh.org',
      'ecdh-sha2-nistp384',
      'ecdh-sha2-nistp521',
      'diffie-hellman-group16-sha512',
      'diffie-hellman-group18-sha512',
      'diffie-hellman-group14-sha256',
      'diffie-hellman-group-exchange-sha256',
    ],
    byName: [
      'diffie-hellman-group15-sha512',
      'diffie-hellman-group17-sha512',
      'diffie-hellman-group14-sha1',
      'diffie-hellman-group-exchange-sha1',
      'diffie-hellman-group1-sha1',
    ],
  },
  serverHostKey: {
    standard: [
      'ecdsa-sha2-nistp256',
      'ssh-ed25519',
      'ecdsa-sha2-nistp384',
      'ecdsa-sha2-nistp521',
      'rsa-sha2-512',
      'rsa-sha2-256',
    ],
    byName: ['ssh-rsa', 'ssh-dss'],
  },
  cipher: {
    standard: [
      'aes128-gcm@openssh.com',
      'aes256-gcm@openssh.com',
      'aes128-ctr',
      'aes192-ctr',
      'aes256-ctr',
    ],
    byName: ['chacha20-poly1305@openssh.com', 'aes128-cbc', 'aes192-cbc', 'aes256-cbc', '3des-cbc'],
  },
  hmac: {
    standard: [
      'hmac-sha2-256-etm@openssh.com',
      'hmac-sha2-512-etm@openssh.com',
      'hmac-sha2-256',
      'hmac-sha2-512',
    ],
    byName: ['hmac-sha1-etm@openssh.com', 'hmac-sha1', 'hmac-sha1-96', 'hmac-md5'],
  },
};

/** What ssh2 is to offer, or why it cannot. */
export interface Chosen {
  readonly names: readonly string[];
  /** The algorithm that is wanted most, where ssh2 has it not. */
  readonly lacking?: string;
}

/**
 * Applies a list as ssh_config(5) writes it to what is offered otherwise: `a,b` instead of it,
 * `+a` behind it, `^a` before it, `-a*` without it.
 */
export function chooseAlgorithms(kind: AlgorithmKind, list: string | undefined): Chosen {
  const { standard, byName } = OFFERS[kind];
  if (list === undefined) return { names: standard };
  const sign = /^[+^-]/.exec(list)?.[0];
  const given = (sign === undefined ? list : list.slice(1)).split(',').map((name) => name.trim());
  const wanted = merged(sign, given, standard);
  const has = (name: string): boolean => standard.includes(name) || byName.includes(name);
  const [first] = wanted;
  return {
    names: wanted.filter(has),
    ...(first !== undefined && !has(first) ? { lacking: first } : {}),
  };
}

function merged(
  sign: string | undefined,
  given: readonly string[],
  standard: readonly string[],
): string[] {
  const others = standard.filter((name) => !given.includes(name));
  if (sign === '+') return [...standard, ...given.filter((name) => !standard.includes(name))];
  if (sign === '^') return [...given, ...others];
  if (sign === '-')
    return standard.filter((name) => !given.some((pattern) => wildcardMatches(pattern, name)));
  return [...given];
}

/** What ssh2 calls a kind when it has none in common with a server, and the option that chooses it. */
const NAMES: Readonly<Record<AlgorithmKind, readonly [string, string]>> = {
  kex: ['key exchange algorithm', 'KexAlgorithms'],
  serverHostKey: ['host key format', 'HostKeyAlgorithms'],
  cipher: ['cipher', 'Ciphers'],
  hmac: ['MAC', 'MACs'],
};

/**
 * The lists that ssh2 is given, for a host whose key is to be of these algorithms.
 * @throws {Error} as ssh2 for a server with which it has none in common, where a list is empty
 */
export function ssh2Algorithms(
  chosen: Readonly<Record<AlgorithmKind, readonly string[]>>,
  serverHostKey: readonly string[],
): Algorithms {
  const listOf = (kind: AlgorithmKind, names: readonly string[]): string[] => {
    if (names.length > 0) return [...names];
    // ssh2 takes an empty list for none at all, and offers its own, SHA-1 among them.
    const [what, option] = NAMES[kind];
    throw new Error(`no matching ${what}: ${option} leaves none that ssh2 has`);
  };
  return {
    kex: listOf('kex', chosen.kex),
    cipher: listOf('cipher', chosen.cipher),
    hmac: listOf('hmac', chosen.hmac),
    serverHostKey: listOf('serverHostKey', serverHostKey) as ServerHostKeyAlgorithm[],
    compress: ['none'],
  } as Algorithms;
}

/** The type of the public key that an algorithm signs with. */
export function keyTypeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm;
}
