import { createHash, createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { encode, members, readTime } from './der.js';
import { readAuthorityKeyId, readBasicConstraints, readSubjectKeyId } from './extension.js';
import { nameToText } from './name.js';
import { readTbs } from './tbs.js';

/** An X.509 certificate: its bytes, and what a rotation asks of it. All hex is lower case. */
export interface Certificate {
  /** One PEM block, lines of 64 characters, newline at the end. */
  readonly pem: string;
  readonly der: Buffer;
  /** Most specific part first: `CN=kubernetes-admin,O=kubeadm:cluster-admins` (RFC 4514). */
  readonly subject: string;
  /** As `subject`. Two CAs can have one name: use {@link signedBy} to tell who signed. */
  readonly issuer: string;
  /** Hex, without leading zero octets. */
  readonly serial: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whether basicConstraints says CA:TRUE. */
  readonly isCa: boolean;
  /** Subject Key Identifier, hex. */
  readonly subjectKeyId?: string;
  /** The keyIdentifier of the Authority Key Identifier, hex. */
  readonly authorityKeyId?: string;
  /**
   * SHA-256 of the SubjectPublicKeyInfo's DER, hex: what follows `sha256:` in kubeadm's
   * `--discovery-token-ca-cert-hash` (kubernetes/cmd/kubeadm/app/util/pubkeypin).
   */
  readonly publicKeySha256: string;
  /** SHA-256 of the DER, hex: the identity of a certificate. */
  readonly fingerprintSha256: string;
}

/** A CA that can sign: one certificate and its private key in PEM. */
export interface Authority {
  readonly certificate: Certificate;
  readonly key: Secret;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** DER bytes as one PEM block with the label (RFC 7468). */
export function toPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/**
 * The certificate that DER bytes hold.
 *
 * @throws CaravanError `input` when they hold none.
 */
export function fromDer(der: Buffer): Certificate {
  try {
    new X509Certificate(der);
    const tbs = readTbs(der);
    const [notBefore, notAfter] = members(tbs.validity);
    const subjectKeyId = readSubjectKeyId(tbs.extensions);
    const authorityKeyId = readAuthorityKeyId(tbs.extensions);
    return {
      pem: toPem('CERTIFICATE', der),
      der,
      subject: nameToText(tbs.subject),
      issuer: nameToText(tbs.issuer),
      serial: tbs.serial.toString('hex').replace(/^(00)+(?=..)/, ''),
      notBefore: readTime(notBefore),
      notAfter: readTime(notAfter),
      isCa: readBasicConstraints(tbs.extensions).isCa,
      ...(subjectKeyId !== undefined && { subjectKeyId }),
      ...(authorityKeyId !== undefined && { authorityKeyId }),
      publicKeySha256: sha256(encode(tbs.publicKey)),
      fingerprintSha256: sha256(der),
    };
  } catch (cause) {
    throw new CaravanError('input', 'A certificate was expected, but its DER cannot be read.', {
      cause,
    });
  }
}

/** The lines around a certificate, each alone on its line, as Go's encoding/pem finds them. */
const BEGIN = /(?<=^|\n)-----BEGIN CERTIFICATE-----[ \t]*\r?(?=\n)/;
const END = /(?<=\n)-----END CERTIFICATE-----[ \t]*\r?(?=\n|$)/;

/**
 * All certificates of a PEM text, in order. Other blocks and comments are passed over, and so is a
 * BEGIN line with anything before it, which Go (and with it all of Kubernetes) does not see
 * either; a text without certificates gives an empty list.
 *
 * @throws CaravanError `input` when a CERTIFICATE block has no end or does not hold a certificate;
 * it names the block by its number in the text.
 */
export function parseCertificates(pem: string): Certificate[] {
  return pem
    .split(BEGIN)
    .slice(1)
    .map((rest, index) => {
      const place = `Certificate ${index + 1} of the text`;
      const hint = 'Kubernetes passes over a certificate whose END line is not alone on its line.';
      const end = rest.search(END);
      if (end < 0) {
        const line = '"-----END CERTIFICATE-----" line';
        throw new CaravanError('input', `${place} has no ${line}.`, { hint });
      }
      const base64 = rest.slice(0, end).replace(/\s/g, '');
      if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
        const where = 'between its BEGIN and END lines';
        throw new CaravanError('input', `${place} is not base64 ${where}.`, { hint });
      }
      try {
        return fromDer(Buffer.from(base64, 'base64'));
      } catch (cause) {
        throw new CaravanError('input', `${place} cannot be read as an X.509 certificate.`, {
          cause,
        });
      }
    });
}

/**
 * Whether `ca` issued `leaf`: the issuer's name is the CA's subject byte for byte (as Go's
 * crypto/x509 compares) and the CA's public key verifies the signature. Right for two CAs of one
 * name. Says nothing about validity, CA:TRUE or usages.
 */
export function signedBy(leaf: Certificate, ca: Certificate): boolean {
  if (!encode(readTbs(leaf.der).issuer).equals(encode(readTbs(ca.der).subject))) return false;
  try {
    return new X509Certificate(leaf.der).verify(new X509Certificate(ca.der).publicKey);
  } catch {
    return false; // a public key that OpenSSL cannot read verifies nothing
  }
}

/**
 * A private key from PEM: PKCS #1, SEC 1 or PKCS #8, not encrypted.
 *
 * @throws CaravanError `input` for anything else. The error holds nothing of the key.
 */
export function readPrivateKey(keyPem: Secret): KeyObject {
  try {
    return createPrivateKey(keyPem.reveal());
  } catch (cause) {
    throw new CaravanError('input', 'The private key is not PEM of a key that can be used.', {
      hint: 'Give an unencrypted RSA, ECDSA or Ed25519 key in PKCS #1, SEC 1 or PKCS #8.',
      cause,
    });
  }
}

/**
 * Whether the key is the private half of the certificate's public key.
 *
 * @throws CaravanError `input` when the text is not a usable private key.
 */
export function matchesKey(cert: Certificate, keyPem: Secret): boolean {
  return new X509Certificate(cert.der).checkPrivateKey(readPrivateKey(keyPem));
}
