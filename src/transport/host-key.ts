import { randomBytes } from 'node:crypto';
import { CaravanError } from '../values/error.js';
import { keyTypeOf } from './algorithms.js';
import { appendKnownHosts, knownHostsLine, knownHostsOf } from './known-hosts.file.js';
import { fingerprint, hashedName, keyType, type KnownHost } from './known-hosts.js';
import type { SshSettings } from './settings.js';

/** Asks the operator a yes or no. */
export type Confirm = (question: string) => Promise<boolean>;

/** The identity that a host must prove, from what known_hosts holds. */
export class HostKeyCheck {
  readonly #found: readonly KnownHost[];

  /** Reads the known_hosts files (each once, until it changes). */
  constructor(private readonly settings: SshSettings) {
    this.#found = knownHostsOf(settings);
  }

  /**
   * The algorithms to ask for. Only those of known keys, where any is known: a host that is asked
   * for its favourite instead looks changed, and a stranger could pass as new by showing another
   * type. First those of keys that may vouch.
   * @throws {CaravanError} host-key where that leaves none
   */
  get algorithms(): string[] {
    const offered = this.settings.algorithms.serverHostKey;
    const types = new Set(this.#trusted.map((entry) => entry.type));
    const known = offered.filter((name) => types.has(keyTypeOf(name)));
    const others = offered.filter((name) => !known.includes(name));
    const left = this.#own.length > 0 ? known : [...known, ...others];
    if (left.length === 0) throw this.#noneAllowed();
    return left;
  }

  /**
   * Throws a host-key error unless `key` is the host's. An unknown one is added where the policy is
   * accept-new, or is ask and the operator says yes.
   */
  async verify(key: Buffer, confirm?: Confirm): Promise<void> {
    const revoked = this.#found.find((e) => e.marker === 'revoked' && e.key.equals(key));
    if (revoked) throw this.#error(`the key ${shown(key)} is revoked by ${revoked.source}`);
    if (this.#trusted.some((entry) => entry.key.equals(key))) return;
    if (this.#own.length > 0) throw this.#changed(key);
    const authority = this.#found.find((entry) => entry.marker === 'cert-authority');
    if (authority) throw this.#onlyAuthority(authority, key);
    const { hostKeyPolicy, knownName, hostName } = this.settings;
    const question = `The host key of ${knownName} (${hostName}) is not known: ${shown(key)}\nIs it the right one? (yes/no) `;
    const accepted =
      hostKeyPolicy === 'accept-new' ||
      (hostKeyPolicy === 'ask' && (await confirm?.(question)) === true);
    if (!accepted) throw this.#unknown(key);
    this.#add(key);
  }

  /**
   * Throws where a new key would be accepted and cannot be kept. To be asked before ssh verifies the
   * host, which accepts it then too: any key would do, each time.
   */
  checkKeeps(): void {
    const { addKnownHostsTo: file, hostKeyPolicy } = this.settings;
    const mayAdd = hostKeyPolicy === 'accept-new' && this.#found.length === 0;
    if (mayAdd && file !== undefined) this.#append(file, []);
  }

  /** The error for a host that has none of the key types in {@link algorithms}. */
  noCommonType(): CaravanError {
    const needed = this.#needed;
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

  /** Without those that only vouch: the host must have one of these. */
  get #own(): readonly KnownHost[] {
    return this.#trusted.filter((entry) => entry.vouches !== true);
  }

  get #needed(): string {
    return this.#own.map((e) => `${shown(e.key)} (${e.source})`).join(', ');
  }

  #noneAllowed(): CaravanError {
    const needed = this.#needed || 'any that ssh2 can check';
    return this.#error(
      `HostKeyAlgorithms has none of the types of its known keys: ${needed}`,
      'Name one of them in HostKeyAlgorithms, or leave the option out.',
    );
  }

  #changed(key: Buffer): CaravanError {
    const needed = this.#own.map((e) => `${shown(e.key)} (${e.source})`).join(' or ');
    return this.#error(
      `its host key is not the known one. Found: ${shown(key)}. Needed: ${needed}`,
      `Someone may be listening in. If the host was reinstalled, remove the old key with: ssh-keygen -R '${this.settings.knownName}' -f ${this.settings.knownHostsFiles[0] ?? ''}, then ${this.#scanCommand}`,
    );
  }

  #onlyAuthority(authority: KnownHost, key: Buffer): CaravanError {
    return this.#error(
      `it is known only by a certificate authority (@cert-authority, ${authority.source}), which ssh2 cannot check. Found: ${shown(key)}`,
      `Add the host's own key: ${this.#scanCommand}`,
    );
  }

  #unknown(key: Buffer): CaravanError {
    return this.#error(
      `its host key is unknown. Found: ${shown(key)}. Looked for ${this.settings.knownName} in ${this.settings.knownHostsFiles.join(', ')}`,
      this.#scanHint,
    );
  }

  #add(key: Buffer): void {
    const { addKnownHostsTo: file, knownName, hashKnownHosts } = this.settings;
    if (file === undefined) throw this.#unknown(key);
    const name = hashKnownHosts ? hashedName(knownName, randomBytes(20)) : knownName;
    // Another connection to it may have added it meanwhile.
    if (knownHostsOf(this.settings).some((entry) => entry.key.equals(key))) return;
    this.#append(file, [knownHostsLine(name, key)]);
  }

  #append(file: string, lines: readonly string[]): void {
    try {
      appendKnownHosts(file, lines);
    } catch (cause) {
      throw this.#error(`its new host key could not be added to ${file}`, undefined, cause);
    }
  }

  get #scanCommand(): string {
    const { host, jumpFor } = this.settings;
    return `caravan hosts scan ${jumpFor === undefined ? `${host} -i INVENTORY` : `all -i ${host},`} --add`;
  }

  get #scanHint(): string {
    return `Compare the fingerprint with one read on the host itself (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), then: ${this.#scanCommand}`;
  }

  #error(found: string, hint?: string, cause?: unknown): CaravanError {
    const { host, hostName, port } = this.settings;
    return new CaravanError('host-key', `${host} (${hostName}:${port}) was refused: ${found}`, {
      host,
      ...(hint === undefined ? {} : { hint }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

function shown(key: Buffer): string {
  return `${keyType(key) ?? 'key'} ${fingerprint(key)}`;
}
