import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createAuthority, crossSign, readAuthority } from '../../src/pki/authority.js';
import { bundle } from '../../src/pki/bundle.js';
import {
  type Authority,
  parseCertificates,
  signedBy,
  matchesKey,
  type Certificate,
} from '../../src/pki/certificate.js';
import { issueClient, reissue } from '../../src/pki/issue.js';
import { newSerial } from '../../src/pki/serial.js';
import type { KeyAlgorithm } from '../../src/pki/sign.js';
import { Secret } from '../../src/values/secret.js';

const folder = mkdtempSync(join(tmpdir(), 'caravan-pki-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const notBefore = new Date(Date.now() - 300_000);
const notAfter = new Date(Date.now() + 3_600_000);
const terms = () => ({ notBefore, notAfter, serial: newSerial(randomBytes) });

function file(name: string, text: string): string {
  const path = join(folder, `${randomBytes(4).toString('hex')}-${name}`);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What `openssl verify` says: exit code 0 or not, with `-x509_strict` as the CAs here are meant to pass. */
function verifies(leaf: Certificate, trusted: Certificate[], untrusted: Certificate[] = []) {
  const extra = untrusted.length > 0 ? ['-untrusted', file('chain.pem', bundle(untrusted))] : [];
  const args = ['verify', '-x509_strict', '-CAfile', file('ca.pem', bundle(trusted)), ...extra];
  const run = spawnSync('openssl', [...args, file('leaf.pem', leaf.pem)], { encoding: 'utf8' });
  return { ok: run.status === 0, said: run.stdout + run.stderr };
}

function authority(commonName: string, keyAlgorithm: KeyAlgorithm): Authority {
  return createAuthority({ commonName, keyAlgorithm, ...terms() });
}

const NEWKEY: Record<string, string[]> = {
  rsa: ['rsa:2048'],
  p256: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  p384: ['ec', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['ed25519'],
};

/** A CA and a serving leaf made by openssl alone, as an operator's own would be. */
function opensslAuthority(commonName: string, kind: string): Authority {
  const key = join(folder, `${commonName}-${kind}-${randomBytes(4).toString('hex')}.key`);
  const pem = openssl(
    ...['req', '-x509', '-nodes', '-newkey', ...NEWKEY[kind]!, '-keyout', key, '-days', '2'],
    ...['-subj', `/O=Ops, Inc./CN=${commonName}`],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  );
  return readAuthority(pem, new Secret(openssl('pkey', '-in', key)), { now: new Date() });
}

const LEAF_EXTENSIONS = `
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:kubernetes,DNS:kubernetes.default.svc,DNS:localhost,IP:10.96.0.1,IP:127.0.0.1,IP:fd00::1,URI:spiffe://a/b
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid,issuer
authorityInfoAccess=caIssuers;URI:http://old.example/ca.crt
1.2.3.4=ASN1:UTF8String:kept
`;

function opensslLeaf(by: Authority, kind: string): { certificate: Certificate; key: Secret } {
  const key = join(folder, `leaf-${kind}-${randomBytes(4).toString('hex')}.key`);
  const csr = openssl(
    ...['req', '-new', '-nodes', '-newkey', ...NEWKEY[kind]!, '-keyout', key, '-utf8'],
    ...['-subj', '/O=system:nodes/O=Zweite Gruppe ü/CN=system:node:n1'],
  );
  const pem = openssl(
    ...['x509', '-req', '-in', file('csr', csr), '-days', '1', '-set_serial', '0x8f01'],
    ...['-CA', file('ca.crt', by.certificate.pem), '-CAkey', file('ca.key', by.key.reveal())],
    ...['-extfile', file('ext', LEAF_EXTENSIONS)],
  );
  const [certificate] = parseCertificates(pem);
  return { certificate: certificate!, key: new Secret(openssl('pkey', '-in', key)) };
}

/** Lines of `openssl x509 -text` from the subject on, without what an issuer changes. */
function lasting(cert: Certificate): string[] {
  const lines = openssl('x509', '-noout', '-text', '-in', file('c', cert.pem)).split('\n');
  const keyId = (cert.authorityKeyId ?? '').toUpperCase().match(/../g)?.join(':') ?? '-';
  const titles = 'Authority Key Identifier|Authority Information|CA Issuers|DirName:|serial:';
  const drop = new RegExp(`${titles}|${keyId}`);
  const from = lines.findIndex((line) => line.includes('Subject:'));
  const to = lines.findLastIndex((line) => line.includes('Signature Algorithm:'));
  const head = lines[from]!.trim();
  return [head, ...lines.slice(from + 1, to)].filter((line) => !drop.test(line));
}

const ALGORITHMS: Record<string, string> = {
  rsa: 'sha256WithRSAEncryption',
  p256: 'ecdsa-with-SHA256',
  p384: 'ecdsa-with-SHA384',
  ed25519: 'ED25519',
};

describe.each(['rsa', 'p256', 'p384', 'ed25519'])('with a new CA of %s', (caKind) => {
  const old = opensslAuthority('kubernetes', 'rsa');
  const by = opensslAuthority('kubernetes-2', caKind);

  test.each(['rsa', 'p256', 'ed25519'])('reissue keeps all of a %s leaf but its issuer', (kind) => {
    const leaf = opensslLeaf(old, kind);
    const again = reissue(leaf.certificate, by, terms());
    expect(verifies(again, [by.certificate])).toMatchObject({ ok: true });
    expect(verifies(again, [old.certificate]).ok).toBe(false);
    expect(lasting(again)).toEqual(lasting(leaf.certificate));
    const text = openssl('x509', '-noout', '-text', '-in', file('c', again.pem));
    expect(text).toContain(`Signature Algorithm: ${ALGORITHMS[caKind]!}`);
    expect(text).not.toContain('old.example');
    expect(text).toContain('1.2.3.4');
    expect(again.authorityKeyId).toBe(by.certificate.subjectKeyId);
    expect(again.subjectKeyId).toBe(leaf.certificate.subjectKeyId);
    expect(matchesKey(again, leaf.key)).toBe(true);
    expect(matchesKey(again, by.key)).toBe(false);
    expect(signedBy(again, by.certificate)).toBe(true);
    expect(signedBy(again, old.certificate)).toBe(false);
  });

  test('crossSign lets a leaf of the new CA pass under the old one', () => {
    const leaf = opensslLeaf(by, 'p256').certificate;
    const cross = crossSign(by.certificate, old, terms());
    expect(verifies(leaf, [old.certificate], [cross])).toMatchObject({ ok: true });
    expect(verifies(leaf, [old.certificate]).ok).toBe(false);
    expect(signedBy(cross, old.certificate)).toBe(true);
    expect(cross.publicKeySha256).toBe(by.certificate.publicKeySha256);
  });
});

describe.each<KeyAlgorithm>(['rsa2048', 'ecdsa-p256', 'ed25519'])(
  'createAuthority of %s',
  (kind) => {
    const made = authority('kubernetes-ca-2', kind);

    test('looks like a CA of kubeadm', () => {
      const text = openssl('x509', '-noout', '-text', '-in', file('c', made.certificate.pem));
      expect(text).toMatch(/Basic Constraints: critical\s+CA:TRUE\n/);
      const encipher = kind === 'rsa2048' ? 'Key Encipherment, ' : '';
      expect(text).toContain(`Digital Signature, ${encipher}Certificate Sign`);
      expect(text).toContain('DNS:kubernetes-ca-2');
      expect(text).toContain('Subject Key Identifier');
      const again = readAuthority(made.certificate.pem, made.key, { now: new Date() });
      expect(again.certificate).toEqual(made.certificate);
    });

    test.each<KeyAlgorithm>(['rsa2048', 'ecdsa-p256', 'ed25519'])(
      'issues a client of %s',
      (key) => {
        const organizations = ['system:masters', 'a, b'];
        const wanted = {
          commonName: 'canary',
          organizations,
          by: made,
          keyAlgorithm: key,
          ...terms(),
        };
        const client = issueClient(wanted);
        expect(verifies(client.certificate, [made.certificate])).toMatchObject({ ok: true });
        expect(client.certificate.subject).toBe('CN=canary,O=a\\, b,O=system:masters');
        const text = openssl('x509', '-noout', '-text', '-in', file('c', client.certificate.pem));
        expect(text).toContain('TLS Web Client Authentication');
        expect(matchesKey(client.certificate, client.key)).toBe(true);
      },
    );

    test('works beside an old CA of the same name', () => {
      const old = authority('kubernetes-ca-2', 'rsa2048');
      const leaf = issueClient({
        ...{ commonName: 'u', organizations: [], by: made, keyAlgorithm: 'ecdsa-p256' as const },
        ...terms(),
      }).certificate;
      const cross = crossSign(made.certificate, old, terms());
      expect(signedBy(leaf, made.certificate)).toBe(true);
      expect(signedBy(leaf, old.certificate)).toBe(false);
      for (const both of [
        [old.certificate, made.certificate],
        [made.certificate, old.certificate],
      ]) {
        expect(verifies(leaf, both)).toMatchObject({ ok: true });
      }
      expect(verifies(leaf, [old.certificate], [cross])).toMatchObject({ ok: true });
      expect(verifies(leaf, [old.certificate]).ok).toBe(false);
    });
  },
);

test('parseCertificates agrees with openssl x509', () => {
  const leaf = opensslLeaf(opensslAuthority('kubernetes', 'rsa'), 'p256').certificate;
  const path = file('c', leaf.pem);
  const field = (...args: string[]) => openssl('x509', '-noout', '-in', path, ...args).trim();
  expect(field('-subject', '-nameopt', 'RFC2253,-esc_msb,utf8')).toBe(`subject=${leaf.subject}`);
  expect(field('-issuer', '-nameopt', 'RFC2253')).toBe(`issuer=${leaf.issuer}`);
  expect(field('-serial')).toBe('serial=8F01');
  expect(leaf.serial).toBe('8f01');
  const print = field('-fingerprint', '-sha256').replace(/.*=|:/g, '').toLowerCase();
  expect(leaf.fingerprintSha256).toBe(print);
  expect(new Date(field('-enddate').slice('notAfter='.length))).toEqual(leaf.notAfter);
  expect(new Date(field('-startdate').slice('notBefore='.length))).toEqual(leaf.notBefore);
  const spki = openssl('pkey', '-pubin', '-in', file('p', field('-pubkey')), '-pubout');
  expect(spki).toContain('PUBLIC KEY');
  const script = `openssl x509 -pubkey -noout -in ${path} | openssl pkey -pubin -outform der | sha256sum`;
  expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' })).toContain(leaf.publicKeySha256);
});
