import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { fromDer, readPrivateKey, type Certificate } from './certificate.js';
import {
  bits,
  content,
  decode,
  encode,
  members,
  nothing,
  oid,
  sequence,
  time,
  type Asn1,
} from './der.js';
import { readTbs, tbsNode, type Tbs } from './tbs.js';

/** The key types that this folder makes. It reads and signs with P-384 and P-521 as well. */
export type KeyAlgorithm = 'rsa2048' | 'ecdsa-p256' | 'ed25519';

/** When a certificate is valid. Whole seconds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A fresh private key as PKCS #8 PEM. */
export function newKey(algorithm: KeyAlgorithm): Secret {
  const pkcs8 = (key: KeyObject): Secret =>
    new Secret(key.export({ type: 'pkcs8', format: 'pem' }).toString());
  switch (algorithm) {
    case 'rsa2048':
      return pkcs8(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    case 'ecdsa-p256':
      return pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    case 'ed25519':
      return pkcs8(generateKeyPairSync('ed25519').privateKey);
  }
}

/** The SubjectPublicKeyInfo of a private key. */
export function publicKeyNode(key: KeyObject): Asn1 {
  return decode(createPublicKey(key).export({ type: 'spki', format: 'der' }));
}

/**
 * A key identifier: the first 160 bits of SHA-256 over the public key's bits (RFC 7093 section 2,
 * method 1), as Go makes them since 1.25. Hex.
 */
export function keyIdOf(publicKey: Asn1): string {
  const key = content(members(publicKey)[1]).subarray(1);
  return createHash('sha256').update(key).digest('hex').slice(0, 40);
}

/** The key identifier that certificates issued by this CA must carry. */
export function issuerKeyId(ca: Certificate): string {
  return ca.subjectKeyId ?? keyIdOf(readTbs(ca.der).publicKey);
}

/**
 * A Validity.
 *
 * @throws CaravanError `input` when it ends before it starts.
 */
export function validityNode({ notBefore, notAfter }: Validity): Asn1 {
  if (!(notBefore < notAfter)) {
    const span = `from ${notBefore.toISOString()} to ${notAfter.toISOString()}`;
    throw new CaravanError('input', `A certificate cannot be valid ${span}.`, {
      hint: 'A leaf is never made to outlive its CA: check the dates of the CA as well.',
    });
  }
  return sequence(time(notBefore), time(notAfter));
}

/** The validity, ended no later than the CA's: what kube-controller-manager's signer does too. */
export function within(ca: Certificate, validity: Validity): Validity {
  const { notBefore, notAfter } = validity;
  return { notBefore, notAfter: notAfter < ca.notAfter ? notAfter : ca.notAfter };
}

/**
 * The INTEGER bytes of a serial number in hex.
 *
 * @throws CaravanError `input` unless it is 1 to 20 octets and not zero (RFC 5280 section 4.1.2.2).
 */
export function serialBytes(hex: string): Buffer {
  if (!/^[0-9a-fA-F]{1,40}$/.test(hex) || /^0+$/.test(hex)) {
    throw new CaravanError('input', `"${hex}" is not a serial number: 1 to 20 octets in hex.`);
  }
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return bytes.subarray(bytes.findIndex((byte) => byte !== 0));
}

/** Signature algorithms by curve (RFC 5758 section 3.2). */
const ECDSA: Readonly<Record<string, readonly [hash: string, oid: string]>> = {
  prime256v1: ['sha256', '1.2.840.10045.4.3.2'],
  secp384r1: ['sha384', '1.2.840.10045.4.3.3'],
  secp521r1: ['sha512', '1.2.840.10045.4.3.4'],
};

function signatureOf(key: KeyObject): { hash: string | null; algorithm: Asn1 } {
  const type = key.asymmetricKeyType;
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  const ecdsa = type === 'ec' ? ECDSA[curve] : undefined;
  if (ecdsa) return { hash: ecdsa[0], algorithm: sequence(oid(ecdsa[1])) };
  // RFC 4055 section 5 (the parameters are NULL) and RFC 8410 section 3 (there are none).
  if (type === 'rsa') {
    return { hash: 'sha256', algorithm: sequence(oid('1.2.840.113549.1.1.11'), nothing()) };
  }
  if (type === 'ed25519') return { hash: null, algorithm: sequence(oid('1.3.101.112')) };
  throw new CaravanError(
    'input',
    `The CA's key is ${type ?? 'unknown'} ${curve}, which is not known.`,
    {
      hint: 'Use an RSA, ECDSA (P-256, P-384, P-521) or Ed25519 key.',
    },
  );
}

/**
 * A certificate from its parts, signed with a CA's key by the algorithm that fits the key.
 *
 * @throws CaravanError `input` when the key is of a type that cannot sign here.
 */
export function signTbs(tbs: Tbs, keyPem: Secret): Certificate {
  const key = readPrivateKey(keyPem);
  const { hash, algorithm } = signatureOf(key);
  const body = tbsNode(tbs, algorithm);
  const signature = sign(hash, encode(body), key);
  return fromDer(encode(sequence(body, algorithm, bits(signature))));
}
