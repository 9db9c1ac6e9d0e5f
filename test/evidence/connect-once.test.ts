import { execFileSync, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectOnce, servedChain, type ProbeTarget } from '../../src/evidence/probe.js';
import { Secret } from '../../src/values/secret.js';
import { Authority, client, type Leaf } from './authority.js';
import { ApiServer, listen } from './server.js';

const get = { kind: 'get', path: '/version' } as const;
let oldCa: Authority;
let newCa: Authority;
let serving: Leaf;
let admin: Leaf;
let api: ApiServer;
let target: ProbeTarget;

beforeAll(() => {
  oldCa = new Authority('old CA');
  newCa = new Authority('new CA');
  serving = oldCa.leaf('apiserver');
  admin = oldCa.leaf('admin');
});
afterAll(() => {
  oldCa.dispose();
  newCa.dispose();
});
afterEach(async () => {
  await api.close();
});

async function serve(leaf = serving, clientTrust = oldCa.certificate): Promise<void> {
  api = new ApiServer(leaf, clientTrust);
  target = await listen(api.server);
}

test('connectOnce passes with a trusted leaf, and never resumes a session', async () => {
  await serve();
  const old = client('old', oldCa.certificate, admin);
  for (let i = 0; i < 3; i += 1) {
    expect(await connectOnce(target, old, get)).toMatchObject({ kind: 'pass', status: 200 });
  }
  expect(api.seen).toHaveLength(3);
  expect(api.seen.map((seen) => seen.resumed)).toEqual([false, false, false]);
  expect(api.seen[0]).toMatchObject({ url: '/version', user: 'admin' });
});

test('connectOnce trusts each CA of a bundle', async () => {
  await serve(newCa.leaf('apiserver'));
  const both = client('both', oldCa.certificate + newCa.certificate, admin);
  expect(await connectOnce(target, both, get)).toMatchObject({ kind: 'pass' });
});

test('connectOnce sends a bearer token, and shows it nowhere', async () => {
  await serve();
  const token = { ...client('token', oldCa.certificate), token: new Secret('s3cr3t') };
  const outcome = await connectOnce(target, token, get);
  expect(outcome.kind).toBe('pass');
  expect(api.seen[0]?.authorization).toBe('Bearer s3cr3t');
  expect(inspect([token, outcome])).not.toContain('s3cr3t');
});

test('connectOnce asks for the last log line of a container', async () => {
  await serve();
  const call = { kind: 'logs', namespace: 'kube-system', pod: 'p', container: 'c' } as const;
  expect(await connectOnce(target, client('old', oldCa.certificate, admin), call)).toMatchObject({
    kind: 'pass',
  });
  expect(api.seen[0]?.url).toBe(
    '/api/v1/namespaces/kube-system/pods/p/log?container=c&tailLines=1',
  );
});

test('connectOnce says refused-by-server when the server does not trust the leaf', async () => {
  await serve(serving, newCa.certificate);
  expect(await connectOnce(target, client('old', oldCa.certificate, admin), get)).toMatchObject({
    kind: 'refused-by-server',
    reason: 'HTTP 401',
  });
});

test('connectOnce says refused-by-server when a TLS alert refuses the leaf', async () => {
  await serve();
  const probeSocket = createServer();
  const { port } = await listen(probeSocket);
  await new Promise((resolve) => probeSocket.close(resolve));
  const child = spawn(
    'openssl',
    [
      ...['s_server', '-accept', `127.0.0.1:${String(port)}`, '-www', '-Verify', '1'],
      ...['-verify_return_error', '-CAfile', newCa.path('ca.crt')],
      ...['-cert', oldCa.path('apiserver.crt'), '-key', oldCa.path('apiserver.key')],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  try {
    for await (const text of child.stdout) if (String(text).includes('ACCEPT')) break;
    const old = client('old', oldCa.certificate, admin);
    const outcome = await connectOnce({ ...target, port }, old, get);
    expect(outcome).toMatchObject({
      kind: 'refused-by-server',
      reason: expect.stringMatching(/ALERT.*unknown ca/i) as unknown,
    });
  } finally {
    child.kill();
    await once(child, 'exit');
  }
});

test('connectOnce says refused-by-client when the served chain is not trusted', async () => {
  await serve();
  const outcome = await connectOnce(target, client('new', newCa.certificate, admin), get);
  expect(outcome).toMatchObject({ kind: 'refused-by-client' });
  expect(outcome.reason).toMatch(/^(UNABLE_TO_|SELF_SIGNED_)/);
  expect(api.seen).toEqual([]);
});

test('connectOnce says error when the served certificate has another name', async () => {
  await serve(oldCa.leaf('elsewhere', 'DNS:elsewhere'));
  const outcome = await connectOnce(target, client('old', oldCa.certificate, admin), get);
  expect(outcome).toMatchObject({ kind: 'error' });
  expect(outcome.reason).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
});

test('connectOnce checks an IP address as server name', async () => {
  await serve();
  const byAddress = { ...target, servername: '127.0.0.1' };
  const old = client('old', oldCa.certificate, admin);
  expect(await connectOnce(byAddress, old, get)).toMatchObject({ kind: 'pass' });
  expect(await connectOnce({ ...byAddress, servername: '127.0.0.2' }, old, get)).toMatchObject({
    kind: 'error',
  });
});

test('connectOnce says error with the status when the server answers 500', async () => {
  await serve();
  api.status = 500;
  expect(await connectOnce(target, client('old', oldCa.certificate, admin), get)).toMatchObject({
    kind: 'error',
    reason: 'HTTP 500: answer',
  });
});

const OK = 'HTTP/1.1 200 OK\r\n';

test.each([
  ['is whole', `${OK}Content-Length: 2\r\n\r\nok`, 'pass', 'HTTP 200'],
  ['has no body', 'HTTP/1.1 204 No Content\r\n\r\n', 'pass', 'HTTP 204'],
  ['is cut in its body', `${OK}Content-Length: 9\r\n\r\nok`, 'error', 'end of the answer'],
  ['is cut in its head', `${OK}Content-Le`, 'error', 'waiting for answer'],
  [
    'is cut between chunks',
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n`,
    'error',
    'end of the answer',
  ],
  ['is none at all', '', 'error', 'waiting for answer'],
  ['is no HTTP', 'what?\r\n\r\n', 'error', 'waiting for answer'],
  [
    'leads elsewhere',
    'HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n',
    'error',
    'HTTP 302',
  ],
  ['switches protocols unasked', 'HTTP/1.1 101 Go\r\nUpgrade: x\r\n\r\n', 'error', ''],
])('connectOnce judges an answer that %s', async (_what, answer, kind, reason) => {
  await serve();
  const raw = createTlsServer({ cert: serving.certificate, key: serving.key }, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(answer));
  });
  const plain = await listen(raw);
  const outcome = await connectOnce(plain, client('old', oldCa.certificate, admin), get);
  raw.close();
  expect(outcome.kind).toBe(kind);
  expect(outcome.reason).toContain(reason);
});

test('connectOnce says error when nothing listens', async () => {
  await serve();
  await api.close();
  const outcome = await connectOnce(target, client('old', oldCa.certificate, admin), get);
  expect(outcome).toMatchObject({ kind: 'error' });
  expect(outcome.reason).toMatch(/ECONNREFUSED.*TCP connect/);
});

async function withPlain(server: Server, check: (target: ProbeTarget) => Promise<void>) {
  await serve();
  const plain = await listen(server);
  try {
    await check(plain);
  } finally {
    server.close();
  }
}

test('connectOnce ends at its deadline when the server never answers', async () => {
  await withPlain(createServer(), async (plain) => {
    const outcome = await connectOnce(plain, client('old', oldCa.certificate, admin), get, 100);
    expect(outcome).toMatchObject({ kind: 'error' });
    expect(outcome.reason).toBe('no end within 100 ms (waiting for TLS handshake)');
    expect(outcome.ms).toBeGreaterThanOrEqual(95);
  });
});

test('connectOnce says error when the connection is closed in the handshake', async () => {
  const closing = createServer((socket) => socket.destroy());
  await withPlain(closing, async (plain) => {
    const outcome = await connectOnce(plain, client('old', oldCa.certificate, admin), get);
    expect(outcome).toMatchObject({ kind: 'error' });
    expect(outcome.reason).toMatch(/ECONNRESET.*TLS handshake/);
  });
});

test('connectOnce rejects with input when a PEM cannot be read', async () => {
  await serve();
  const broken = client('broken', oldCa.certificate, { ...admin, key: 'no key' });
  await expect(connectOnce(target, broken, get)).rejects.toMatchObject({ kind: 'input' });
});

test('servedChain gives what is served, leaf first, whoever signed it', async () => {
  await serve({ ...serving, certificate: serving.certificate + oldCa.certificate });
  const chain = await servedChain(target);
  expect(chain.map((pem) => new X509Certificate(pem).subject)).toEqual([
    'CN=apiserver',
    'CN=old CA',
  ]);
  expect(
    execFileSync('openssl', ['x509', '-noout', '-subject'], { input: chain[0] }).length,
  ).not.toBe(0);
});

test('servedChain gives the leaf alone when no more is served', async () => {
  // OpenSSL completes the chain that it serves from its own store: keep the issuer out of it.
  await serve(serving, newCa.certificate);
  expect(await servedChain(target)).toHaveLength(1);
  await api.close();
  await expect(servedChain(target)).rejects.toMatchObject({ kind: 'connect' });
});
