import { randomBytes, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { CaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import { createAuthority, crossSign, readAuthority } from './authority.js';
import type { Authority } from './certificate.js';
import { bundle, includes, without } from './bundle.js';
import { fromDer, matchesKey, parseCertificates, signedBy } from './certificate.js';
import { basicConstraints, EXTENSION, KEY_USAGE, keyUsage, type Extension } from './extension.js';
import { issueClient, reissue } from './issue.js';
import { makeName } from './name.js';
import { newSerial } from './serial.js';
import { signTbs } from './sign.js';
import { readTbs } from './tbs.js';

const at = (text: string) => new Date(`${text}T00:00:00Z`);
const serial = () => newSerial(randomBytes);

function authority(commonName: string, notAfter = at('2036-01-01')): Authority {
  const notBefore = at('2026-01-01');
  return createAuthority({
    ...{ commonName, notBefore, notAfter, serial: serial() },
    keyAlgorithm: 'ecdsa-p256',
  });
}

function client(by: Authority, notAfter = at('2027-01-01')) {
  return issueClient({
    ...{ commonName: 'canary', organizations: ['o'], by, keyAlgorithm: 'ed25519' as const },
    ...{ notBefore: at('2026-01-01'), notAfter, serial: serial() },
  });
}

const one = authority('kubernetes');
const two = authority('kubernetes');
const now = at('2026-06-01');

/** A certificate of the key of `one` with its own name, or another, and these extensions. */
function withExtensions(extensions: readonly Extension[], name = 'kubernetes') {
  return signTbs({ ...readTbs(one.certificate.der), subject: makeName(name), extensions }, one.key);
}

const extension = (oid: string, hex: string): Extension => ({
  ...{ oid, critical: false },
  value: Buffer.from(hex, 'hex'),
});

/** What a call throws, as a CaravanError of kind `input`. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof CaravanError && error.kind === 'input') return error.message;
    throw error;
  }
  return 'nothing was refused';
}

test('parseCertificates finds every certificate between other blocks and comments', () => {
  const text = `# old\r\n${one.certificate.pem.replaceAll('\n', '\r\n')}${one.key.reveal()}\n${two.certificate.pem}`;
  const found = parseCertificates(text);
  expect(found).toEqual([one.certificate, two.certificate]);
  expect(parseCertificates('nothing')).toEqual([]);
});

test('parseCertificates names the block that is malformed', () => {
  const { pem } = one.certificate;
  const half = pem.slice(0, 200);
  expect(refusal(() => parseCertificates(pem + half))).toMatch(
    /^Certificate 2 .* has no "-----END/,
  );
  const broken = pem.replace(/\n.{64}\n/, '\n????\n');
  expect(refusal(() => parseCertificates(broken))).toContain('not base64');
  const cut = pem.replace(/\n.{64}\n/, '\n');
  expect(refusal(() => parseCertificates(cut))).toContain('cannot be read as an X.509');
});

// Go's encoding/pem and OpenSSL find no certificate there: nobody trusts it, whatever its file says.
test('parseCertificates takes no certificate that Kubernetes passes over', () => {
  const [{ pem }, other] = [one.certificate, two.certificate];
  const noLineEnd = pem.trimEnd();
  expect(refusal(() => parseCertificates(pem + noLineEnd + other.pem))).toMatch(
    /^Certificate 2 .* not base64 between its BEGIN and END lines/,
  );
  expect(refusal(() => parseCertificates(`${noLineEnd} # mine\n`))).toContain('has no "-----END');
  expect(refusal(() => parseCertificates(pem.replace(/\n(?=-----END)/, '')))).toContain('has no');
  for (const before of ['# ', '  ', '\ufeff', 'see\r']) {
    expect(parseCertificates(before + pem + other.pem)).toEqual([other]);
  }
  expect(parseCertificates(pem.replaceAll('\n', ' \t\r\n') + noLineEnd)).toHaveLength(2);
});

test('bundle keeps the order and drops what is there twice', () => {
  const both = bundle([two.certificate, one.certificate, two.certificate]);
  expect(both).toBe(two.certificate.pem + one.certificate.pem);
  expect(bundle([])).toBe('');
  expect(includes(parseCertificates(both), one.certificate)).toBe(true);
  expect(without(parseCertificates(both), one.certificate)).toEqual([two.certificate]);
});

test('signedBy tells two CAs of one name apart', () => {
  const leaf = client(two).certificate;
  expect(leaf.issuer).toBe(one.certificate.subject);
  expect(signedBy(leaf, one.certificate)).toBe(false);
  expect(signedBy(leaf, two.certificate)).toBe(true);
});

test('signedBy compares the name besides the key', () => {
  const leaf = client(one).certificate;
  const [same, renamed] = ['kubernetes', 'other'].map((name) => withExtensions([], name));
  expect([same!, renamed!].map((ca) => signedBy(leaf, ca))).toEqual([true, false]);
});

test('a public key that cannot be read has signed nothing', () => {
  const { der } = two.certificate;
  const { x } = new X509Certificate(der).publicKey.export({ format: 'jwk' });
  const point = der.indexOf(Buffer.from(x!, 'base64url'));
  const broken = fromDer(Buffer.from(der).fill(0xff, point, point + 32));
  expect(signedBy(client(two).certificate, broken)).toBe(false);
});

test('a date that is none is refused, as Go refuses it', () => {
  const { der } = one.certificate;
  const at = der.indexOf('260101000000Z');
  for (const text of ['2601010000xxZ', '261301000000Z', '260101000060Z', '260101000000+']) {
    const changed = Buffer.from(der);
    changed.write(text, at, 'latin1');
    expect(refusal(() => fromDer(changed))).toContain('cannot be read');
  }
});

test('reissue drops what only spoke of the old issuer, and keeps what it does not know', () => {
  const bound = ['issuerAltName', 'crlDistributionPoints', 'freshestCrl', 'authorityInfoAccess'];
  const leaf = withExtensions([
    ...[...bound, 'sctList'].map((name) =>
      extension(EXTENSION[name as keyof typeof EXTENSION], '0400'),
    ),
    extension('1.2.3.4', '00ff'),
  ]);
  const terms = { notBefore: now, notAfter: at('2027-01-01'), serial: serial() };
  const { extensions } = readTbs(reissue(leaf, two, terms).der);
  expect(extensions.map(({ oid }) => oid)).toEqual(['1.2.3.4', EXTENSION.authorityKeyId]);
  expect(extensions[0]!.value.toString('hex')).toBe('00ff');
});

test('reissue refuses what is not DER, and so would not stay byte for byte', () => {
  const { der } = client(one).certificate;
  // The outer length in one octet more than it needs.
  const head = Buffer.from([0x30, 0x83, 0, ...der.subarray(2, 4)]);
  const leaf = fromDer(Buffer.concat([head, der.subarray(4)]));
  const terms = { notBefore: now, notAfter: at('2027-01-01'), serial: serial() };
  expect(refusal(() => reissue(leaf, two, terms))).toContain('is BER, not DER');
});

test('newSerial is positive and 20 octets long for any randomness', () => {
  for (const byte of [0, 0x7f, 0x80, 0xff]) {
    expect(newSerial((size) => Buffer.alloc(size, byte))).toMatch(/^[4-7][0-9a-f]{39}$/);
  }
});

test('readAuthority refuses each thing that is wrong with a CA by its name', () => {
  const { pem } = one.certificate;
  const read = (cert: string, key: Secret, when = now) =>
    refusal(() => readAuthority(cert, key, { now: when }));
  expect(read('', one.key)).toContain('holds no certificate');
  expect(read(pem + two.certificate.pem, one.key)).toContain('2 certificates found, one needed');
  const leaf = client(one);
  expect(read(leaf.certificate.pem, leaf.key)).toContain('is not a CA');
  expect(read(pem, one.key, at('2025-01-01'))).toContain('not valid before 2026-01-01');
  expect(read(pem, one.key, at('2037-01-01'))).toContain('expired at 2036-01-01');
  expect(read(pem, two.key)).toContain('has another key');
  expect(read(pem, new Secret('hunter2'))).toContain('private key is not PEM');
  const signsNothing = withExtensions([
    basicConstraints(true),
    keyUsage(KEY_USAGE.digitalSignature),
  ]);
  expect(read(signsNothing.pem, one.key)).toContain('may not sign');
  const noCa = withExtensions([extension(EXTENSION.basicConstraints, '3003010100')]);
  expect(read(noCa.pem, one.key)).toContain('is not a CA');
  expect(readAuthority(pem, one.key, { now })).toEqual(one);
});

test('a leaf and a cross-certificate end no later than their CA', () => {
  const short = authority('short', at('2026-07-01'));
  expect(client(short).certificate.notAfter).toEqual(at('2026-07-01'));
  const terms = { notBefore: now, notAfter: at('2036-01-01'), serial: serial() };
  expect(crossSign(one.certificate, short, terms).notAfter).toEqual(at('2026-07-01'));
  const late = { ...terms, notBefore: at('2026-08-01') };
  expect(refusal(() => crossSign(one.certificate, short, late))).toContain('cannot be valid from');
});

test('crossSign refuses a CA whose path length allows no CA of another name under it', () => {
  const last = withExtensions([extension(EXTENSION.basicConstraints, '30060101ff020100')]);
  const by = { certificate: last, key: one.key };
  const terms = { notBefore: now, notAfter: at('2027-01-01'), serial: serial() };
  expect(refusal(() => crossSign(authority('new').certificate, by, terms))).toContain(
    'path length is 0',
  );
  expect(signedBy(crossSign(two.certificate, by, terms), last)).toBe(true);
});

test('dates from 2050 on survive', () => {
  const long = authority('long', at('2060-01-01'));
  expect(long.certificate.notAfter).toEqual(at('2060-01-01'));
  expect(new X509Certificate(long.certificate.pem).validTo).toContain('2060');
});

test('reissue and crossSign refuse each other’s work, and a serial that is none', () => {
  const terms = { notBefore: now, notAfter: at('2027-01-01'), serial: serial() };
  const leaf = client(one).certificate;
  expect(refusal(() => reissue(two.certificate, one, terms))).toContain('is a CA');
  expect(refusal(() => crossSign(leaf, one, terms))).toContain('is not a CA');
  for (const bad of ['', '0', '-1', 'xyz', 'f'.repeat(41)]) {
    expect(refusal(() => reissue(leaf, one, { ...terms, serial: bad }))).toContain('serial number');
  }
  expect(reissue(leaf, one, { ...terms, serial: '00F1' }).serial).toBe('f1');
});

test('matchesKey compares key and certificate', () => {
  const { certificate, key } = client(one);
  expect(matchesKey(certificate, key)).toBe(true);
  expect(matchesKey(certificate, one.key)).toBe(false);
});
