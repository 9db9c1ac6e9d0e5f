import { createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import ssh2, { type ParsedKey } from 'ssh2';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';

const cache = new Map<string, ParsedKey | CaravanError>();

/** What opens a key, and what it may be used for. */
export interface KeyUse {
  readonly passphrase?: Secret;
  /** Signs with SHA-1 where a server asks for that. */
  readonly sha1?: boolean;
}

/**
 * A private key from a file, parsed once for all hosts: an encrypted key costs some 190 ms of CPU
 * a time, and ssh2 would parse the PEM again for each signature.
 * @throws {CaravanError} input where the file cannot be used
 */
export function loadPrivateKey(path: string, { passphrase, sha1 }: KeyUse = {}): ParsedKey {
  const cacheKey = `${path}\0${sha1 === true}\0${passphrase?.reveal() ?? ''}`;
  let key = cache.get(cacheKey);
  if (!key) {
    key = readKey(path, passphrase, sha1);
    cache.set(cacheKey, key);
  }
  if (key instanceof CaravanError) throw key;
  return key;
}

function readKey(path: string, passphrase?: Secret, sha1 = false): ParsedKey | CaravanError {
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (cause) {
    return new CaravanError('input', `the private key ${path} could not be read`, { cause });
  }
  const key = parse(text, passphrase?.reveal());
  if (key instanceof Error) return unusable(path, key, passphrase !== undefined);
  const single = Array.isArray(key) ? (key as ParsedKey[])[0] : key;
  if (single?.isPrivateKey() !== true)
    return new CaravanError('input', `${path} holds no private key`);
  return signingFast(single, sha1);
}

function parse(text: Buffer, passphrase?: string): ReturnType<typeof ssh2.utils.parseKey> {
  const pkcs8 = /^-----BEGIN (ENCRYPTED )?PRIVATE KEY-----/m.exec(text.toString('latin1'));
  if (!pkcs8) return ssh2.utils.parseKey(text, passphrase);
  try {
    const secret = passphrase === undefined ? {} : { passphrase };
    return fromPkcs8(createPrivateKey({ key: text, ...secret }));
  } catch (cause) {
    // OpenSSL's words for a passphrase that is missing or wrong differ from key to key.
    const found = pkcs8[1] === undefined ? (cause as Error).message : 'it is encrypted';
    return new Error(found, { cause });
  }
}

/** A key in PKCS#8, as `openssl genpkey` writes it, by way of the form that ssh2 reads. */
function fromPkcs8(key: KeyObject): ReturnType<typeof ssh2.utils.parseKey> {
  const type = { rsa: 'pkcs1', ec: 'sec1' } as const;
  const kind = key.asymmetricKeyType;
  if (kind !== 'rsa' && kind !== 'ec')
    return new Error(
      `of PKCS#8 only RSA and ECDSA keys are read, and this is ${kind ?? 'neither'}`,
    );
  return ssh2.utils.parseKey(key.export({ type: type[kind], format: 'pem' }));
}

/**
 * The public half of a key, in the form of SSH's wire, where it can be told without a passphrase: from
 * the private key's own file (OpenSSH's format has it in the clear), from a file that is the public
 * half, or from the `.pub` beside it.
 */
export function publicHalf(path: string): Buffer | undefined {
  const text = textOf(path);
  return outerHalf(text) ?? lineHalf(text) ?? lineHalf(textOf(`${path}.pub`));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What OpenSSH's format has outside of what it encrypts (PROTOCOL.key). */
function outerHalf(text: string): Buffer | undefined {
  const armored = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)/.exec(text)?.[1];
  if (armored === undefined) return undefined;
  const bytes = Buffer.from(armored, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const next = (): Buffer => {
    const start = at + 4;
    at = start + bytes.readUInt32BE(at);
    return bytes.subarray(start, at);
  };
  try {
    next(); // cipher
    next(); // key derivation
    next(); // its options
    at += 4; // how many keys: one
    return next();
  } catch {
    return undefined; // it ends too early
  }
}

/** The key of a line `type base64 comment`. */
function lineHalf(text: string): Buffer | undefined {
  const base64 = /^(?:ssh|ecdsa)-\S+ (\S+)/.exec(text)?.[1];
  return base64 === undefined ? undefined : Buffer.from(base64, 'base64');
}

/** An error of a key that a passphrase would open. */
export class EncryptedKey extends CaravanError {}

function unusable(path: string, cause: Error, hasPassphrase: boolean): CaravanError {
  const encrypted = /encrypted|passphrase/i.test(cause.message);
  const found = encrypted
    ? hasPassphrase
      ? 'is encrypted and the passphrase does not open it'
      : 'is encrypted and no passphrase was given'
    : `cannot be used: ${cause.message}`;
  const kind = encrypted && !hasPassphrase ? EncryptedKey : CaravanError;
  return new kind('input', `the private key ${path} ${found}`, {
    cause,
    hint: encrypted
      ? `Add it to the SSH agent: ssh-add ${path}`
      : 'Give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form; sk- keys and certificates need --transport openssh.',
  });
}

const HASH_OF_TYPE: Readonly<Record<string, string | null>> = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
};

/** The same key, signing from a KeyObject: 42 us where ssh2's way from the PEM takes 391 us. */
function signingFast(key: ParsedKey, sha1: boolean): ParsedKey {
  const object: KeyObject = createPrivateKey(key.getPrivatePEM());
  key.sign = (data, algorithm) => {
    const hash = algorithm ?? HASH_OF_TYPE[key.type];
    // A server that knows no rsa-sha2-* asks for SHA-1; ssh2 would give it.
    if (hash === undefined || (hash === 'sha1' && !sha1))
      throw new Error('SHA-1 signatures are not made');
    return sign(hash, Buffer.from(data as Buffer), object);
  };
  return key;
}
