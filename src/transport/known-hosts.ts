import { createHash, createHmac } from 'node:crypto';
import { patternListMatches } from './ssh-config/patterns.js';

/** One usable line of a known_hosts file. */
export interface KnownHost {
  /** `file:line`. */
  readonly source: string;
  readonly marker?: 'revoked' | 'cert-authority';
  /** The first field: names, patterns and `!` patterns, or one hashed name. */
  readonly names: string;
  /** For example `ssh-ed25519`. */
  readonly type: string;
  /** The public key as SSH sends it. */
  readonly key: Buffer;
  /** Found by the name without its port: it may vouch for a key, and contradicts none. */
  readonly vouches?: true;
}

/** The lines of one or more known_hosts files, made for asking by name. */
export interface KnownHosts {
  /** Names without wildcards, so that a file of thousands of hosts is not walked for each of them. */
  readonly byName: ReadonlyMap<string, readonly KnownHost[]>;
  /** Lines that must be tried one by one: hashed, with wildcards or with `!`. */
  readonly others: readonly KnownHost[];
  /** What was found: thousands of hashed names take milliseconds, and a login asks several times. */
  readonly found: Map<string, readonly KnownHost[]>;
}

/** What a file that is not there holds. */
export const NO_KNOWN_HOSTS: KnownHosts = { byName: new Map(), others: [], found: new Map() };

/**
 * Parses a known_hosts file as sshd(8) describes it ("SSH_KNOWN_HOSTS FILE FORMAT"). As with
 * OpenSSH, a line that is not one is passed over.
 */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const byName = new Map<string, KnownHost[]>();
  const others: KnownHost[] = [];
  text.split('\n').forEach((line, index) => {
    const entry = parseLine(line.trim(), `${file}:${index + 1}`);
    if (!entry) return;
    const names = entry.names.toLowerCase();
    if (/[*?!]/.test(names) || names.startsWith('|')) {
      others.push(entry);
      return;
    }
    for (const name of new Set(names.split(','))) {
      const entries = byName.get(name);
      if (entries) entries.push(entry);
      else byName.set(name, [entry]);
    }
  });
  return { byName, others, found: new Map() };
}

function parseLine(line: string, source: string): KnownHost | undefined {
  if (line === '' || line.startsWith('#')) return undefined;
  const fields = line.split(/[ \t]+/);
  const marker = fields[0]?.startsWith('@') === true ? fields.shift()?.slice(1) : undefined;
  if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return undefined;
  const [names, type, base64] = fields;
  if (names === undefined || type === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, 'base64');
  if (keyType(key) !== type) return undefined;
  return { source, names, type, key, ...(marker === undefined ? {} : { marker }) };
}

/** The type that a public key in SSH's wire form names in itself, or undefined where it is none. */
export function keyType(key: Buffer): string | undefined {
  if (key.length < 4) return undefined;
  const end = 4 + key.readUInt32BE(0);
  return end <= key.length ? key.toString('latin1', 4, end) : undefined;
}

/** The name by which known_hosts knows a host: `[host]:port` unless the port is 22. */
export function knownHostName(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** All lines that speak of a name. */
export function findKnownHosts(known: KnownHosts, name: string): readonly KnownHost[] {
  const lower = name.toLowerCase();
  const earlier = known.found.get(lower);
  if (earlier) return earlier;
  const plain = known.byName.get(lower) ?? [];
  const found = [...plain, ...known.others.filter((entry) => namesMatch(entry.names, lower))];
  known.found.set(lower, found);
  return found;
}

function namesMatch(names: string, name: string): boolean {
  if (names.startsWith('|')) return hashMatches(names, name);
  return patternListMatches(names.toLowerCase().split(','), name);
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt. */
function hashMatches(hashed: string, name: string): boolean {
  const [, version, salt, hash] = hashed.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return hashOf(name, Buffer.from(salt, 'base64')).equals(Buffer.from(hash, 'base64'));
}

function hashOf(name: string, salt: Buffer): Buffer {
  return createHmac('sha1', salt).update(name).digest();
}

/** A name as HashKnownHosts keeps it. @param salt 20 random bytes */
export function hashedName(name: string, salt: Buffer): string {
  return `|1|${salt.toString('base64')}|${hashOf(name, salt).toString('base64')}`;
}

/** A public key's fingerprint as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
