import { createDecipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { isMapping } from './mapping.js';
import { SealedText, UnsafeText } from './marked-text.js';

/** A password for Ansible's vault, with the identity that encrypted text may name. */
export interface VaultPassword {
  /** `default` where none was given. */
  readonly id: string;
  readonly password: Secret;
}

const HEADER = /^\$ANSIBLE_VAULT;(1\.[12]);AES256(?:;([^\r\n]*))?\s*$/;

/** Whether text is encrypted by `ansible-vault`. */
export function isVaultText(text: string): boolean {
  return text.trimStart().startsWith('$ANSIBLE_VAULT;');
}

/** Opens what `ansible-vault` encrypted (formats 1.1 and 1.2, AES256). */
export class Vault {
  readonly #passwords: readonly VaultPassword[];
  readonly #opened = new Map<string, Secret>();

  constructor(passwords: readonly VaultPassword[] = []) {
    this.#passwords = passwords;
  }

  /** Whether there is any password. */
  get canOpen(): boolean {
    return this.#passwords.length > 0;
  }

  /**
   * The text in an encrypted one. Throws a CaravanError of kind `input` when it is malformed or no
   * password opens it.
   */
  open(text: string, file: string): Secret {
    const known = this.#opened.get(text);
    if (known) return known;
    const [first = '', ...rest] = text.trim().split(/\r?\n/);
    const header = HEADER.exec(first);
    if (!header) throw refuse(file, 'its vault header is none of 1.1 and 1.2 with AES256');
    const parts = unhex(rest.map((line) => line.trim()).join(''))
      ?.toString('latin1')
      .split('\n');
    const [salt, tag, cipher] = (parts ?? []).map(unhex);
    if (!salt || !tag || !cipher || cipher.length % 16 !== 0) {
      throw refuse(file, 'its vault text is damaged');
    }
    for (const { password } of this.#inOrder(header[2]?.trim())) {
      const plain = decrypt(password, salt, tag, cipher);
      if (plain === undefined) continue;
      const secret = new Secret(plain);
      this.#opened.set(text, secret);
      return secret;
    }
    throw this.canOpen
      ? refuse(file, `none of the ${this.#passwords.length} vault passwords opens it`)
      : refuse(
          file,
          'it is encrypted and no vault password was given',
          'Give --vault-password-file FILE or --ask-vault-pass.',
        );
  }

  /** Those of the identity that the text names, then the others, as Ansible tries them. */
  #inOrder(id: string | undefined): readonly VaultPassword[] {
    const named = this.#passwords.filter((one) => one.id === id);
    return [...named, ...this.#passwords.filter((one) => one.id !== id)];
  }
}

function refuse(file: string, reason: string, hint?: string): CaravanError {
  return new CaravanError('input', `${file}: ${reason}`, {
    source: file,
    ...(hint !== undefined && { hint }),
  });
}

function unhex(text: string): Buffer | undefined {
  return text !== '' && text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text)
    ? Buffer.from(text, 'hex')
    : undefined;
}

/** AES-256-CTR under keys of PBKDF2 (10,000 rounds), after HMAC-SHA-256 was checked. */
function decrypt(password: Secret, salt: Buffer, tag: Buffer, cipher: Buffer): string | undefined {
  const keys = pbkdf2Sync(password.reveal(), salt, 10_000, 80, 'sha256');
  const expected = createHmac('sha256', keys.subarray(32, 64)).update(cipher).digest();
  if (tag.length !== expected.length || !timingSafeEqual(tag, expected)) return undefined;
  const aes = createDecipheriv('aes-256-ctr', keys.subarray(0, 32), keys.subarray(64, 80));
  const padded = Buffer.concat([aes.update(cipher), aes.final()]);
  return padded.subarray(0, padded.length - (padded.at(-1) ?? 0)).toString('utf8');
}

/** A value from a file that is encrypted as a whole, with every text in it a secret. */
export function markSecret(value: unknown): unknown {
  if (typeof value === 'string') return new Secret(value);
  if (value instanceof UnsafeText) return new Secret(value.text);
  if (Array.isArray(value)) return value.map(markSecret);
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, markSecret(item)]));
}

/** Every sealed value below `value` opened, where there are passwords; in place, once a file. */
export function openSealed(value: unknown, vault: Vault, file: string): unknown {
  if (value instanceof SealedText) {
    return vault.canOpen ? vault.open(value.ciphertext, file) : value;
  }
  if (Array.isArray(value)) {
    value.forEach((item: unknown, i) => {
      value[i] = openSealed(item, vault, file);
    });
  } else if (isMapping(value)) {
    for (const key of Object.keys(value)) value[key] = openSealed(value[key], vault, file);
  }
  return value;
}
