import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import {
  matchesKey,
  parseCertificates,
  readPrivateKey,
  type Authority,
  type Certificate,
} from './certificate.js';
import {
  basicConstraints,
  KEY_USAGE,
  keyUsage,
  maySignCertificates,
  readBasicConstraints,
  subjectAltName,
  subjectKeyId,
} from './extension.js';
import { reissued } from './issue.js';
import { makeName } from './name.js';
import {
  keyIdOf,
  newKey,
  publicKeyNode,
  serialBytes,
  signTbs,
  validityNode,
  type KeyAlgorithm,
  type Validity,
} from './sign.js';
import { readTbs } from './tbs.js';

/**
 * A new self-signed CA as kubeadm makes it (client-go's cert.NewSelfSignedCACert): CN, CA:TRUE,
 * keyUsage, SAN DNS=CN; with a Subject Key Identifier. keyEncipherment is left out where the key
 * cannot do it (RFC 8410 section 5, RFC 5480 section 3).
 *
 * @throws CaravanError `input` when the dates or the serial number cannot be used.
 */
export function createAuthority(
  wanted: Validity & {
    /** Unique among the CAs of a cluster, so that verifiers never have to try two. */
    readonly commonName: string;
    readonly keyAlgorithm: KeyAlgorithm;
    /** Hex, see `newSerial`. */
    readonly serial: string;
  },
): Authority {
  const key = newKey(wanted.keyAlgorithm);
  const name = makeName(wanted.commonName);
  const publicKey = publicKeyNode(readPrivateKey(key));
  const encipher = wanted.keyAlgorithm === 'rsa2048' ? KEY_USAGE.keyEncipherment : 0;
  const isDnsName = /^[A-Za-z0-9._-]+$/.test(wanted.commonName);
  const certificate = signTbs(
    {
      serial: serialBytes(wanted.serial),
      issuer: name,
      validity: validityNode(wanted),
      subject: name,
      publicKey,
      extensions: [
        keyUsage(KEY_USAGE.digitalSignature | KEY_USAGE.keyCertSign | encipher),
        basicConstraints(true),
        subjectKeyId(keyIdOf(publicKey)),
        ...(isDnsName ? [subjectAltName([wanted.commonName])] : []),
      ],
    },
    key,
  );
  return { certificate, key };
}

/**
 * An operator's own CA, checked before anything rests on it.
 *
 * @throws CaravanError `input`: not exactly one certificate, not a CA, may not sign certificates,
 * not valid at `now`, or the key is not its own.
 */
export function readAuthority(certPem: string, keyPem: Secret, at: { now: Date }): Authority {
  const [certificate, ...more] = parseCertificates(certPem);
  const refuse = (problem: string, hint: string): never => {
    const name = certificate ? `The CA "${certificate.subject}"` : 'The CA file';
    throw new CaravanError('input', `${name} ${problem}.`, { hint });
  };
  if (!certificate) return refuse('holds no certificate', 'Give a PEM file with one certificate.');
  if (more.length > 0) {
    const count = `${more.length + 1} certificates`;
    return refuse(`comes with others: ${count} found, one needed`, 'A signer needs exactly one.');
  }
  const { extensions } = readTbs(certificate.der);
  if (!certificate.isCa) {
    return refuse('is not a CA: basicConstraints lacks CA:TRUE', 'Give a CA certificate.');
  }
  if (!maySignCertificates(extensions)) {
    return refuse('may not sign: keyUsage lacks keyCertSign', 'Give a CA made to sign leaves.');
  }
  if (at.now < certificate.notBefore) {
    const from = certificate.notBefore.toISOString();
    return refuse(`is not valid before ${from}; it is ${at.now.toISOString()}`, 'Check the clock.');
  }
  if (at.now > certificate.notAfter) {
    const end = certificate.notAfter.toISOString();
    return refuse(`expired at ${end}; it is ${at.now.toISOString()}`, 'Give a CA that is valid.');
  }
  if (!matchesKey(certificate, keyPem)) {
    return refuse('has another key than the one given', 'Give the CA certificate and its own key.');
  }
  return { certificate, key: keyPem };
}

/**
 * A cross-certificate: subject, public key, SKI and usages of the new CA, issued by the old one.
 * Who trusts only the old CA accepts a leaf of the new CA served as leaf + cross (RFC 5280 section
 * 3.2). It ends no later than the old CA.
 *
 * @throws CaravanError `input` when `newAuthority` is no CA, when the path length of `by` allows no
 * CA under it, or when dates or serial cannot be used.
 */
export function crossSign(
  newAuthority: Certificate,
  by: Authority,
  terms: Validity & { readonly serial: string },
): Certificate {
  if (!newAuthority.isCa) {
    throw new CaravanError(
      'input',
      `"${newAuthority.subject}" is not a CA: nothing to cross-sign.`,
    );
  }
  const { pathLength } = readBasicConstraints(readTbs(by.certificate.der).extensions);
  // A self-issued certificate does not count against it (RFC 5280 section 4.2.1.9).
  if (pathLength === 0 && newAuthority.subject !== by.certificate.subject) {
    const limit = 'its path length is 0';
    throw new CaravanError('input', `"${by.certificate.subject}" cannot cross-sign: ${limit}.`, {
      hint: 'Rotate without a cross-certificate, or give the new CA the name of the old one.',
    });
  }
  return reissued(newAuthority, by, terms);
}
