import { appendFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { CaravanError } from '../values/error.js';
import {
  findKnownHosts,
  fingerprint,
  keyType,
  knownHostName,
  parseKnownHosts,
  type KnownHost,
  type KnownHosts,
} from './known-hosts.js';
import type { ConnectionTarget } from './port.js';

/** All that is offered. SHA-1 (`ssh-rsa`) and DSA are not: RFC 8332, RFC 9142. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
};

/** Where keys are looked up when the target names no file. */
const DEFAULT_FILES = [join(homedir(), '.ssh', 'known_hosts'), '/etc/ssh/ssh_known_hosts'];

/** The identity that a host must prove, from what known_hosts holds. */
export class HostKeyCheck {
  readonly #name: string;
  readonly #files: readonly string[];
  readonly #found: readonly KnownHost[];

  /** Reads the known_hosts files (each once, until it changes). */
  constructor(private readonly target: ConnectionTarget) {
    this.#name = knownHostName(target.address, target.port);
    this.#files = target.knownHostsFiles ?? DEFAULT_FILES;
    this.#found = this.#lookUp();
  }

  /**
   * The key types to ask for. Only those that are known, where any is: a host that is asked for
   * its favourite instead looks changed, and a stranger could pass as new by showing another type.
   */
  get algorithms(): ServerHostKeyAlgorithm[] {
    const types = new Set(this.#trusted.map((entry) => entry.type));
    const wanted = types.size > 0 ? [...types] : Object.keys(ALGORITHMS);
    return wanted.flatMap((type) => ALGORITHMS[type] ?? []);
  }

  /** Throws a host-key error unless `key` is the host's; adds it where the policy is accept-new. */
  verify(key: Buffer): void {
    const revoked = this.#found.find((e) => e.marker === 'revoked' && e.key.equals(key));
    if (revoked) throw this.#error(`the key ${shown(key)} is revoked by ${revoked.source}`);
    if (this.#trusted.some((entry) => entry.key.equals(key))) return;
    if (this.#trusted.length > 0) throw this.#changed(key);
    const authority = this.#found.find((entry) => entry.marker === 'cert-authority');
    if (authority) throw this.#onlyAuthority(authority, key);
    if (this.target.hostKeyPolicy === 'accept-new') this.#add(key);
    else throw this.#unknown(key);
  }

  /** The error for a host that has none of the key types in {@link algorithms}. */
  noCommonType(): CaravanError {
    const needed = this.#trusted.map((e) => `${shown(e.key)} (${e.source})`).join(', ');
    return needed === ''
      ? this.#error(
          'it offers no host key type that is safe to use',
          'Give the host an Ed25519, ECDSA or RSA key (sshd -T | grep hostkey). SHA-1 signatures, certificates and sk- keys are not accepted.',
        )
      : this.#error(`it offers no key of a known type; needed: ${needed}`, this.#scanHint);
  }

  get #trusted(): readonly KnownHost[] {
    return this.#found.filter((entry) => entry.marker === undefined);
  }

  #lookUp(): readonly KnownHost[] {
    const read = this.#files.map(readKnownHosts);
    const find = (name: string): KnownHost[] =>
      read.flatMap((known) => findKnownHosts(known, name));
    const found = find(this.#name);
    // As OpenSSH: what is known without a port also vouches for the host on another port.
    const vouched = found.some((entry) => entry.marker === undefined);
    return vouched || this.target.port === 22 ? found : [...found, ...find(this.target.address)];
  }

  #changed(key: Buffer): CaravanError {
    const needed = this.#trusted.map((e) => `${shown(e.key)} (${e.source})`).join(' or ');
    return this.#error(
      `its host key is not the known one. Found: ${shown(key)}. Needed: ${needed}`,
      `Someone may be listening in. If the host was reinstalled, remove the old key with: ssh-keygen -R '${this.#name}' -f ${this.#files[0] ?? ''}, then ${this.#scanCommand}`,
    );
  }

  #onlyAuthority(authority: KnownHost, key: Buffer): CaravanError {
    return this.#error(
      `it is known only by a certificate authority (@cert-authority, ${authority.source}), which is not supported yet. Found: ${shown(key)}`,
      `Add the host's own key: ${this.#scanCommand}`,
    );
  }

  #unknown(key: Buffer): CaravanError {
    return this.#error(
      `its host key is unknown. Found: ${shown(key)}. Looked for ${this.#name} in ${this.#files.join(', ')}`,
      this.#scanHint,
    );
  }

  #add(key: Buffer): void {
    const [file] = this.#files;
    if (file === undefined) throw this.#unknown(key);
    const line = `${this.#name} ${keyType(key) ?? ''} ${key.toString('base64')}\n`;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      appendFileSync(file, endsInMidLine(file) ? `\n${line}` : line, { mode: 0o600 });
    } catch (cause) {
      throw this.#error(`its new host key could not be added to ${file}`, undefined, cause);
    }
  }

  get #scanCommand(): string {
    const { address, port } = this.target;
    return `ssh-keyscan -p ${port} ${address} >> ${this.#files[0] ?? ''}`;
  }

  get #scanHint(): string {
    return `Compare the fingerprint with one read on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: ${this.#scanCommand}`;
  }

  #error(found: string, hint?: string, cause?: unknown): CaravanError {
    const { host, address, port } = this.target;
    return new CaravanError('host-key', `${host} (${address}:${port}) was refused: ${found}`, {
      host,
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

const parsed = new Map<string, { readonly version: string; readonly known: KnownHosts }>();

/** Parsed once and again when the file changes: a fleet asks the same file thousands of times. */
function readKnownHosts(file: string): KnownHosts {
  const path = file.replace(/^~(?=\/)/, homedir());
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return { byName: new Map(), others: [] };
  const version = `${stat.ino}:${stat.mtimeMs}:${stat.size}`;
  const cached = parsed.get(path);
  if (cached?.version === version) return cached.known;
  const known = parseKnownHosts(readFileSync(path, 'utf8'), file);
  parsed.set(path, { version, known });
  return known;
}

function endsInMidLine(file: string): boolean {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.size > 0 && !readFileSync(file, 'utf8').endsWith('\n');
}

function shown(key: Buffer): string {
  return `${keyType(key) ?? 'key'} ${fingerprint(key)}`;
}
