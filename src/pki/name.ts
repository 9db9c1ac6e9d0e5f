import { content, members, nameText, oid, readOid, sequence, setOf, type Asn1 } from './der.js';

/** Short names of attribute types (RFC 4514 section 3, and those that certificates of clusters hold). */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

const BMP_STRING = 30;

function attributeText(value: Asn1 | undefined): string {
  const bytes = content(value);
  if (Number(value?.type) !== BMP_STRING) return bytes.toString('utf8');
  // node-forge has decoded a BMPString into UTF-16 code units; content() cut them to bytes.
  return typeof value?.value === 'string' ? value.value : '';
}

function escaped(text: string): string {
  return text
    .replace(/[,+"\\<>;=]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ');
}

/** A Name as text, most specific part first: `CN=kubernetes-admin,O=kubeadm:cluster-admins` (RFC 4514). */
export function nameToText(name: Asn1): string {
  const parts = members(name).map((rdn) =>
    members(rdn)
      .map((attribute) => {
        const [type, value] = members(attribute);
        const dotted = readOid(type);
        return `${SHORT_NAMES[dotted] ?? dotted}=${escaped(attributeText(value))}`;
      })
      .join('+'),
  );
  return parts.reverse().join(',');
}

/** A Name of organizations (Kubernetes' groups) and a common name (its user), in kubeadm's order. */
export function makeName(commonName: string, organizations: readonly string[] = []): Asn1 {
  const attribute = (dotted: string, text: string): Asn1 =>
    setOf(sequence(oid(dotted), nameText(text)));
  return sequence(
    ...organizations.map((organization) => attribute('2.5.4.10', organization)),
    attribute('2.5.4.3', commonName),
  );
}
