import {
  bits,
  content,
  decode,
  encode,
  hasTag,
  implicit,
  isBoolean,
  isTrue,
  members,
  octets,
  oid,
  readOid,
  sequence,
  type Asn1,
} from './der.js';

/** Object identifiers of the extensions that this folder reads or writes (RFC 5280 section 4.2). */
export const EXTENSION = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  freshestCrl: '2.5.29.46',
  authorityInfoAccess: '1.3.6.1.5.5.7.1.1',
  /** Signed certificate timestamps (RFC 6962 section 3.3): they vouch for one certificate alone. */
  sctList: '1.3.6.1.4.1.11129.2.4.2',
} as const;

/** One extension: what it is, and its value as it stands in the certificate. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  /** The DER inside the OCTET STRING. */
  readonly value: Buffer;
}

/** Bits of keyUsage that this folder sets (RFC 5280 section 4.2.1.3), as masks of the first octet. */
export const KEY_USAGE = {
  digitalSignature: 0x80,
  keyEncipherment: 0x20,
  keyCertSign: 0x04,
} as const;

/** One member of an Extensions SEQUENCE. */
export function readExtension(node: Asn1): Extension {
  const [type, second, third] = members(node);
  const value = content(isBoolean(second) ? third : second);
  return { oid: readOid(type), critical: isBoolean(second) && content(second)[0] !== 0, value };
}

/** The ASN.1 of an extension. FALSE, the default of `critical`, is left out as DER asks. */
export function extensionNode({ oid: type, critical, value }: Extension): Asn1 {
  return sequence(oid(type), ...(critical ? [isTrue()] : []), octets(value));
}

/** The extension with this identifier, if there is one. */
export function findExtension(
  extensions: readonly Extension[],
  type: string,
): Extension | undefined {
  return extensions.find((extension) => extension.oid === type);
}

/** What basicConstraints says; a certificate without it is no CA (RFC 5280 section 4.2.1.9). */
export function readBasicConstraints(extensions: readonly Extension[]): {
  readonly isCa: boolean;
  readonly pathLength?: number;
} {
  const found = findExtension(extensions, EXTENSION.basicConstraints);
  if (found === undefined) return { isCa: false };
  const [first, second] = members(decode(found.value));
  if (!isBoolean(first) || content(first)[0] === 0) return { isCa: false };
  if (second === undefined) return { isCa: true };
  return { isCa: true, pathLength: Number(`0x${content(second).toString('hex')}`) };
}

/** The subject key identifier in hex, if there is one. */
export function readSubjectKeyId(extensions: readonly Extension[]): string | undefined {
  const found = findExtension(extensions, EXTENSION.subjectKeyId);
  return found && content(decode(found.value)).toString('hex');
}

/** The keyIdentifier of the authority key identifier in hex, if there is one. */
export function readAuthorityKeyId(extensions: readonly Extension[]): string | undefined {
  const found = findExtension(extensions, EXTENSION.authorityKeyId);
  const keyId = found && members(decode(found.value)).find((member) => hasTag(member, 0));
  return keyId && content(keyId).toString('hex');
}

/** Whether the key may sign certificates: keyCertSign is set, or there is no keyUsage at all. */
export function maySignCertificates(extensions: readonly Extension[]): boolean {
  const found = findExtension(extensions, EXTENSION.keyUsage);
  if (found === undefined) return true;
  return ((content(decode(found.value))[1] ?? 0) & KEY_USAGE.keyCertSign) !== 0;
}

function extension(type: string, critical: boolean, value: Asn1): Extension {
  return { oid: type, critical, value: encode(value) };
}

/** basicConstraints, critical. */
export function basicConstraints(isCa: boolean): Extension {
  return extension(EXTENSION.basicConstraints, true, isCa ? sequence(isTrue()) : sequence());
}

/** keyUsage, critical, from an or of {@link KEY_USAGE} masks. */
export function keyUsage(mask: number): Extension {
  let unused = 0;
  while (((mask >> unused) & 1) === 0 && unused < 7) unused += 1;
  return extension(EXTENSION.keyUsage, true, bits(Buffer.of(mask), unused));
}

/** extKeyUsage (RFC 5280 section 4.2.1.12) of the purposes, as dotted identifiers. */
export function extKeyUsage(purposes: readonly string[]): Extension {
  return extension(EXTENSION.extKeyUsage, false, sequence(...purposes.map(oid)));
}

/** subjectKeyIdentifier from hex. */
export function subjectKeyId(hex: string): Extension {
  return extension(EXTENSION.subjectKeyId, false, octets(Buffer.from(hex, 'hex')));
}

/** authorityKeyIdentifier that holds a keyIdentifier alone, as Go writes it. */
export function authorityKeyId(hex: string): Extension {
  const keyId = implicit(0, Buffer.from(hex, 'hex'));
  return extension(EXTENSION.authorityKeyId, false, sequence(keyId));
}

/** subjectAltName of DNS names (RFC 5280 section 4.2.1.6). */
export function subjectAltName(dnsNames: readonly string[]): Extension {
  const names = dnsNames.map((name) => implicit(2, Buffer.from(name, 'latin1')));
  return extension(EXTENSION.subjectAltName, false, sequence(...names));
}
