import {
  content,
  decode,
  explicit,
  hasTag,
  members,
  sequence,
  unsignedInteger,
  type Asn1,
} from './der.js';
import { extensionNode, readExtension, type Extension } from './extension.js';

/** What a certificate says before it is signed (RFC 5280 section 4.1: TBSCertificate). */
export interface Tbs {
  /** Big-endian bytes as they stand in the INTEGER. */
  readonly serial: Buffer;
  readonly issuer: Asn1;
  readonly validity: Asn1;
  readonly subject: Asn1;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Asn1;
  readonly extensions: readonly Extension[];
}

/**
 * The parts of a DER certificate.
 *
 * @throws Error when the bytes do not have the shape of an X.509 certificate.
 */
export function readTbs(der: Buffer): Tbs {
  const fields = [...members(members(decode(der))[0])];
  if (hasTag(fields[0], 0)) fields.shift();
  const [serial, , issuer, validity, subject, publicKey, ...rest] = fields;
  if (!issuer || !validity || !subject || !publicKey) throw new Error('fields are missing');
  const wrapped = rest.find((field) => hasTag(field, 3));
  const extensions = wrapped ? members(members(wrapped)[0]).map(readExtension) : [];
  return { serial: content(serial), issuer, validity, subject, publicKey, extensions };
}

/** A TBSCertificate of version 3, as ASN.1. */
export function tbsNode(tbs: Tbs, signatureAlgorithm: Asn1): Asn1 {
  const version = explicit(0, unsignedInteger(Buffer.of(2)));
  return sequence(
    version,
    unsignedInteger(tbs.serial),
    signatureAlgorithm,
    tbs.issuer,
    tbs.validity,
    tbs.subject,
    tbs.publicKey,
    ...(tbs.extensions.length === 0
      ? []
      : [explicit(3, sequence(...tbs.extensions.map(extensionNode)))]),
  );
}
