import type forge from 'node-forge';
// The ASN.1 layer alone: the rest of node-forge takes longer to load than most commands run.
import asn1 from 'node-forge/lib/asn1.js';

const { Class, Type } = asn1;

// Two of its functions with what they take, which is more than @types/node-forge says.
const { fromDer, create } = asn1 as unknown as {
  readonly fromDer: (
    bytes: string,
    options: { strict: boolean; parseAllBytes: boolean; decodeBitStrings: boolean },
  ) => Asn1;
  readonly create: (
    tagClass: number,
    type: number,
    constructed: boolean,
    value: string | Asn1[],
  ) => Asn1;
};

/** One ASN.1 value, as node-forge's ASN.1 layer holds it. */
export type Asn1 = forge.asn1.Asn1;

/**
 * The value that DER bytes hold. BIT STRINGs stay bytes: node-forge would guess at their content.
 *
 * @throws Error when the bytes are not one ASN.1 value.
 */
export function decode(der: Buffer): Asn1 {
  const options = { strict: true, parseAllBytes: true, decodeBitStrings: false };
  return fromDer(der.toString('latin1'), options);
}

/** The DER bytes of a value. */
export function encode(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1');
}

/** The members of a SEQUENCE, a SET or an explicit tag; throws an Error for any other value. */
export function members(value: Asn1 | undefined): readonly Asn1[] {
  if (value === undefined || typeof value.value === 'string') throw new Error('not a SEQUENCE');
  return value.value;
}

/** The content bytes of a primitive value; throws an Error for a constructed or missing one. */
export function content(value: Asn1 | undefined): Buffer {
  if (value === undefined || typeof value.value !== 'string') throw new Error('not a primitive');
  return Buffer.from(value.value, 'latin1');
}

/** Whether a value has the context-specific tag `[tag]`. */
export function hasTag(value: Asn1 | undefined, tag: number): value is Asn1 {
  return (
    value !== undefined &&
    value.tagClass === Class.CONTEXT_SPECIFIC &&
    (value.type as number) === tag
  );
}

/** Whether a value is a universal BOOLEAN. */
export function isBoolean(value: Asn1 | undefined): value is Asn1 {
  return value?.tagClass === Class.UNIVERSAL && value.type === Type.BOOLEAN;
}

/** An OBJECT IDENTIFIER as `2.5.29.14`. */
export function readOid(value: Asn1 | undefined): string {
  return asn1.derToOid(content(value).toString('latin1'));
}

/**
 * A UTCTime or GeneralizedTime as RFC 5280 section 4.1.2.5 has them: in UTC, with seconds; throws an
 * Error for any other, which Go refuses too.
 */
export function readTime(value: Asn1 | undefined): Date {
  const text = content(value).toString('latin1');
  const isUtc = value?.type === Type.UTCTIME;
  const date = isUtc ? asn1.utcTimeToDate(text) : asn1.generalizedTimeToDate(text);
  const again = isUtc ? asn1.dateToUtcTime(date) : asn1.dateToGeneralizedTime(date);
  if (again !== text) throw new Error('not a time');
  return date;
}

function primitive(type: number, bytes: Buffer): Asn1 {
  return create(Class.UNIVERSAL, type, false, bytes.toString('latin1'));
}

/** A SEQUENCE of the values. */
export function sequence(...values: readonly Asn1[]): Asn1 {
  return create(Class.UNIVERSAL, Type.SEQUENCE, true, [...values]);
}

/** A SET of one value, so that DER's order of members does not matter. */
export function setOf(value: Asn1): Asn1 {
  return create(Class.UNIVERSAL, Type.SET, true, [value]);
}

/** `[tag] EXPLICIT` around a value. */
export function explicit(tag: number, value: Asn1): Asn1 {
  return create(Class.CONTEXT_SPECIFIC, tag, true, [value]);
}

/** `[tag] IMPLICIT` with primitive content. */
export function implicit(tag: number, bytes: Buffer): Asn1 {
  return create(Class.CONTEXT_SPECIFIC, tag, false, bytes.toString('latin1'));
}

/** An OBJECT IDENTIFIER from `2.5.29.14`. */
export function oid(dotted: string): Asn1 {
  return primitive(Type.OID, Buffer.from(asn1.oidToDer(dotted).getBytes(), 'latin1'));
}

/** A positive INTEGER from its big-endian bytes. */
export function unsignedInteger(bytes: Buffer): Asn1 {
  const high = (bytes[0] ?? 0) >= 0x80 || bytes.length === 0;
  return primitive(Type.INTEGER, high ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** BOOLEAN TRUE. */
export function isTrue(): Asn1 {
  return primitive(Type.BOOLEAN, Buffer.of(0xff));
}

/** NULL. */
export function nothing(): Asn1 {
  return primitive(Type.NULL, Buffer.alloc(0));
}

/** An OCTET STRING. */
export function octets(bytes: Buffer): Asn1 {
  return primitive(Type.OCTETSTRING, bytes);
}

/** A BIT STRING; `unused` is how many of the last bits do not count. */
export function bits(bytes: Buffer, unused = 0): Asn1 {
  return primitive(Type.BITSTRING, Buffer.concat([Buffer.of(unused), bytes]));
}

/** A PrintableString where the text allows it, else a UTF8String: what Go writes into names. */
export function nameText(text: string): Asn1 {
  const printable = /^[A-Za-z0-9 '()+,./:=?-]*$/.test(text);
  return primitive(printable ? Type.PRINTABLESTRING : Type.UTF8, Buffer.from(text, 'utf8'));
}

/** UTCTime up to 2049 and GeneralizedTime after it (RFC 5280 section 4.1.2.5). Whole seconds. */
export function time(date: Date): Asn1 {
  const utc = date.getUTCFullYear() < 2050;
  const text = utc ? asn1.dateToUtcTime(date) : asn1.dateToGeneralizedTime(date);
  return primitive(utc ? Type.UTCTIME : Type.GENERALIZEDTIME, Buffer.from(text, 'latin1'));
}
