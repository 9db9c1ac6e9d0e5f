import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CaravanError } from '../values/error.js';
import { FileCache, look } from '../values/file-cache.js';
import {
  findKnownHosts,
  keyType,
  knownHostName,
  NO_KNOWN_HOSTS,
  parseKnownHosts,
  type KnownHost,
  type KnownHosts,
} from './known-hosts.js';

const PARSED = new FileCache((path) => parseKnownHosts(readFileSync(path, 'utf8'), path));

/**
 * Parsed once and again when the file changes: a fleet asks the same file thousands of times.
 * @throws {CaravanError} input where there is a file that cannot be read
 */
export function readKnownHosts(path: string): KnownHosts {
  try {
    return PARSED.at(path) ?? NO_KNOWN_HOSTS;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaravanError('input', `the known hosts in ${path} could not be read: ${why}`, {
      cause,
    });
  }
}

/** Where a host is looked up, and by which name. */
export interface KnownHostQuery {
  readonly hostName: string;
  readonly port: number;
  readonly knownName: string;
  readonly knownHostsFiles: readonly string[];
}

/** All lines that speak of a host. */
export function knownHostsOf(query: KnownHostQuery): readonly KnownHost[] {
  const { hostName, port, knownName } = query;
  const read = query.knownHostsFiles.map(readKnownHosts);
  const find = (name: string): KnownHost[] => read.flatMap((known) => findKnownHosts(known, name));
  const found = find(knownName);
  // As OpenSSH: what is known without a port also vouches for the host on another port.
  const known = found.some((entry) => entry.marker === undefined);
  const plainToo = !known && port !== 22 && knownName === knownHostName(hostName, port);
  if (!plainToo) return found;
  return [...found, ...find(hostName).map((entry) => ({ ...entry, vouches: true as const }))];
}

/** A line of known_hosts. */
export function knownHostsLine(name: string, key: Buffer): string {
  return `${name} ${keyType(key) ?? ''} ${key.toString('base64')}`;
}

/** Adds lines to a file of known hosts, which is made where it is missing. */
export function appendKnownHosts(file: string, lines: readonly string[]): void {
  const text = lines.map((line) => `${line}\n`).join('');
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  appendFileSync(file, endsInMidLine(file) ? `\n${text}` : text, { mode: 0o600 });
}

function endsInMidLine(file: string): boolean {
  const found = look(file);
  return found !== undefined && found.size > 0 && !readFileSync(file, 'utf8').endsWith('\n');
}
