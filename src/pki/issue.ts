import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { readPrivateKey, type Authority, type Certificate } from './certificate.js';
import { decode, encode, type Asn1 } from './der.js';
import {
  authorityKeyId,
  basicConstraints,
  EXTENSION,
  extKeyUsage,
  KEY_USAGE,
  keyUsage,
  type Extension,
} from './extension.js';
import { makeName } from './name.js';
import {
  issuerKeyId,
  newKey,
  publicKeyNode,
  serialBytes,
  signTbs,
  validityNode,
  within,
  type KeyAlgorithm,
  type Validity,
} from './sign.js';
import { readTbs } from './tbs.js';

/** What an issuer decides about a certificate. */
export interface Terms extends Validity {
  /** Hex, see `newSerial`. */
  readonly serial: string;
}

/** Extensions that speak of the issuer, or of one certificate alone: a new issuer cannot keep them. */
const BOUND_TO_ISSUER: readonly string[] = [
  EXTENSION.issuerAltName,
  EXTENSION.crlDistributionPoints,
  EXTENSION.freshestCrl,
  EXTENSION.authorityInfoAccess,
  EXTENSION.sctList,
];

function issued(
  by: Authority,
  terms: Terms,
  holder: { subject: Asn1; publicKey: Asn1; extensions: readonly Extension[] },
): Certificate {
  return signTbs(
    {
      serial: serialBytes(terms.serial),
      issuer: readTbs(by.certificate.der).subject,
      validity: validityNode(within(by.certificate, terms)),
      ...holder,
    },
    by.key,
  );
}

/** {@link reissue} for leaves and, as a cross-certificate, for CAs. */
export function reissued(cert: Certificate, by: Authority, terms: Terms): Certificate {
  if (!encode(decode(cert.der)).equals(cert.der)) {
    const what = `The certificate "${cert.subject}" is BER, not DER`;
    throw new CaravanError('input', `${what}: it cannot be issued again byte for byte.`);
  }
  const { subject, publicKey, extensions } = readTbs(cert.der);
  const keyId = authorityKeyId(issuerKeyId(by.certificate));
  const kept = extensions
    .filter(({ oid }) => !BOUND_TO_ISSUER.includes(oid))
    .map((found) => (found.oid === EXTENSION.authorityKeyId ? keyId : found));
  return issued(by, terms, {
    subject,
    publicKey,
    extensions: kept.includes(keyId) ? kept : [...kept, keyId],
  });
}

/**
 * The same leaf from another CA. Subject, public key, SANs, usages, basic constraints, SKI and
 * unknown extensions stay byte for byte; issuer, serial, validity and Authority Key Identifier are
 * new, and what only spoke of the old issuer (AIA, CRL distribution points, SCTs) goes. The leaf's
 * private key is not needed, so it never leaves its host. Ends no later than the CA.
 *
 * @throws CaravanError `input` when the certificate is a CA (see `crossSign`), or when dates, serial
 * or the CA's key cannot be used.
 */
export function reissue(leaf: Certificate, by: Authority, terms: Terms): Certificate {
  if (leaf.isCa) {
    throw new CaravanError('input', `"${leaf.subject}" is a CA, and a leaf was to be issued.`);
  }
  return reissued(leaf, by, terms);
}

/** id-kp-clientAuth (RFC 5280 section 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * A client leaf with a fresh key, for a canary or a probe: `commonName` is the user and
 * `organizations` are the groups that Kubernetes sees. Ends no later than the CA.
 *
 * @throws CaravanError `input` when dates, serial or the CA's key cannot be used.
 */
export function issueClient(
  wanted: Terms & {
    readonly commonName: string;
    readonly organizations: readonly string[];
    readonly by: Authority;
    readonly keyAlgorithm: KeyAlgorithm;
  },
): { readonly certificate: Certificate; readonly key: Secret } {
  const key = newKey(wanted.keyAlgorithm);
  const encipher = wanted.keyAlgorithm === 'rsa2048' ? KEY_USAGE.keyEncipherment : 0;
  const certificate = issued(wanted.by, wanted, {
    subject: makeName(wanted.commonName, wanted.organizations),
    publicKey: publicKeyNode(readPrivateKey(key)),
    extensions: [
      keyUsage(KEY_USAGE.digitalSignature | encipher),
      extKeyUsage([CLIENT_AUTH]),
      basicConstraints(false),
      authorityKeyId(issuerKeyId(wanted.by.certificate)),
    ],
  });
  return { certificate, key };
}
