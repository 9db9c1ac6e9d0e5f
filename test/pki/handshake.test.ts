import { randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { createAuthority, crossSign } from '../../src/pki/authority.js';
import { bundle, includes } from '../../src/pki/bundle.js';
import { parseCertificates, type Authority, type Certificate } from '../../src/pki/certificate.js';
import { reissue } from '../../src/pki/issue.js';
import { newSerial } from '../../src/pki/serial.js';
import type { KeyAlgorithm } from '../../src/pki/sign.js';
import { Secret } from '../../src/values/secret.js';

const terms = () => ({
  notBefore: new Date(Date.now() - 300_000),
  notAfter: new Date(Date.now() + 3_600_000),
  serial: newSerial(randomBytes),
});

interface Shown {
  readonly chain: readonly Certificate[];
  readonly key: Secret;
}

/** A leaf for both sides, as etcd's peers have, made by openssl. */
function servingLeaf(by: Authority): Shown {
  const folder = mkdtempSync(join(tmpdir(), 'caravan-pki-'));
  const path = (name: string) => join(folder, name);
  writeFileSync(path('ca.crt'), by.certificate.pem);
  writeFileSync(path('ca.key'), by.key.reveal(), { mode: 0o600 });
  writeFileSync(
    path('ext'),
    'extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid',
  );
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  openssl(...'req -new -nodes -newkey rsa:2048 -keyout key -out csr -subj /CN=me'.split(' '));
  const signing = 'x509 -req -in csr -CA ca.crt -CAkey ca.key -days 1 -set_serial 7 -extfile ext';
  const chain = parseCertificates(openssl(...signing.split(' ')));
  const key = new Secret(readFileSync(path('key'), 'utf8'));
  rmSync(folder, { recursive: true });
  return { chain, key };
}

/** One TLS connection on loopback with certificates on both sides: who accepts whom? */
async function handshake(
  server: Shown & { readonly trusts: readonly Certificate[] },
  client: Shown & { readonly trusts: readonly Certificate[] },
): Promise<{ clientAccepts: boolean; serverAccepts: boolean }> {
  const side = ({ chain, key, trusts }: typeof server) => ({
    cert: bundle(chain),
    key: key.reveal(),
    ca: trusts.map((cert) => cert.pem),
    rejectUnauthorized: false,
  });
  const listener = createServer({ ...side(server), requestCert: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'secureConnection') as Promise<[{ authorized: boolean }]>;
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    ...side(client),
    port,
    host: '127.0.0.1',
    checkServerIdentity: () => undefined,
  });
  await once(socket, 'secureConnect');
  const [seen] = await accepted;
  const result = { clientAccepts: socket.authorized, serverAccepts: seen.authorized };
  socket.destroy();
  listener.close();
  return result;
}

describe.each<[string, KeyAlgorithm, string]>([
  ['rsa2048', 'rsa2048', 'kubernetes-2'],
  ['ecdsa-p256', 'ecdsa-p256', 'kubernetes'],
  ['ed25519', 'ed25519', 'kubernetes'],
])('a %s CA beside the old one', (_name, keyAlgorithm, commonName) => {
  const old = createAuthority({ commonName: 'kubernetes', keyAlgorithm: 'rsa2048', ...terms() });
  const young = createAuthority({ commonName, keyAlgorithm, ...terms() });
  const oldLeaf = servingLeaf(old);
  const again = reissue(oldLeaf.chain[0]!, young, terms());
  const newLeaf: Shown = { chain: [again], key: oldLeaf.key };
  const cross = crossSign(young.certificate, old, terms());
  const crossed: Shown = { chain: [...newLeaf.chain, cross], key: newLeaf.key };
  const [trustsOld, trustsNew] = [[old.certificate], [young.certificate]];

  test('who trusts only the old one accepts leaf + cross, on both sides', async () => {
    expect(includes(trustsOld, cross)).toBe(false);
    const both = await handshake(
      { ...crossed, trusts: trustsOld },
      { ...crossed, trusts: trustsOld },
    );
    expect(both).toEqual({ clientAccepts: true, serverAccepts: true });
  });

  test('who trusts only the new one accepts leaf + cross too', async () => {
    const both = await handshake(
      { ...crossed, trusts: trustsNew },
      { ...crossed, trusts: trustsNew },
    );
    expect(both).toEqual({ clientAccepts: true, serverAccepts: true });
  });

  test('without cross each accepts only leaves of what it trusts', async () => {
    const trusts = [...trustsOld, ...trustsNew];
    expect(await handshake({ ...newLeaf, trusts }, { ...oldLeaf, trusts: trustsOld })).toEqual({
      clientAccepts: false,
      serverAccepts: true,
    });
    expect(await handshake({ ...oldLeaf, trusts: trustsOld }, { ...newLeaf, trusts })).toEqual({
      clientAccepts: true,
      serverAccepts: false,
    });
  });
});
