import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionTarget } from '../../src/transport/port.js';
import { createTransport, type TransportOptions } from '../../src/transport/transport.js';
import type { CaravanError } from '../../src/values/error.js';
import { Secret } from '../../src/values/secret.js';
import { sh } from '../../src/values/shell.js';
import { startFaultProxy } from './fault-proxy.js';
import { writeKnownHosts } from './faults.js';
import { freePort, makeKey, startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
let otherKey: string;
beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
  otherKey = makeKey(join(sshd.folder, 'other'), 'ed25519');
});
afterAll(async () => {
  await sshd.stop();
});

async function login(changes: Partial<ConnectionTarget> = {}, options?: TransportOptions) {
  const connection = await createTransport(options).connect(sshd.target(changes));
  try {
    return (await connection.run(sh`id -un`)).stdout.trim();
  } finally {
    await connection.close();
  }
}
function hostsFile(name: string, text: string): Partial<ConnectionTarget> {
  const file = join(sshd.folder, name);
  writeFileSync(file, text);
  return { knownHostsFiles: [file] };
}
/** Debian's own configuration hashes names. */
const inTheClear = { sshOptions: [{ keyword: 'hashknownhosts', values: ['no'] }] };
const here = (): string => `[127.0.0.1]:${sshd.port}`;
const text = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

test('connect asks for the host key type that known_hosts holds', async () => {
  const rsa = hostsFile('rsa', `${here()} ${sshd.hostPublicKeys[1]}\n`);
  expect(await login(rsa)).toBe(sshd.user);
});

test('connect finds a name that ssh-keygen hashed', async () => {
  const hashed = hostsFile('hashed', readFileSync(sshd.knownHosts, 'utf8'));
  execFileSync('ssh-keygen', ['-q', '-H', '-f', join(sshd.folder, 'hashed')], { stdio: 'ignore' });
  expect(readFileSync(join(sshd.folder, 'hashed'), 'utf8')).toMatch(/^\|1\|/);
  expect(await login(hashed)).toBe(sshd.user);
});

test('connect refuses a host whose key is another', async () => {
  const wrong = hostsFile('wrong', `# one line\n${here()} ${otherKey}\n`);
  await expect(login(wrong)).rejects.toMatchObject({
    kind: 'host-key',
    message: text(/not the known one. Found: ssh-ed25519 SHA256:\S+. Needed: .*wrong:2/),
    detail: { host: 'web01', hint: text(/ssh-keygen -R .* caravan hosts scan web01/) },
  });
});

test('connect refuses an unknown host, and one that is only vouched for by an authority', async () => {
  await expect(login(hostsFile('none', ''))).rejects.toMatchObject({
    kind: 'host-key',
    message: text(/unknown. Found: ssh-ed25519 SHA256:/),
    detail: { hint: text(/caravan hosts scan web01 -i INVENTORY --add/) },
  });
  await expect(login({ knownHostsFiles: ['/nonexistent'] })).rejects.toMatchObject({
    kind: 'host-key',
  });
  const authority = hostsFile('authority', `@cert-authority * ${otherKey}\n`);
  await expect(login({ ...authority, transport: 'ssh2' })).rejects.toThrow(
    /known by a certificate authority \(.*authority:1\)/,
  );
});

test('connect refuses a revoked key, known or not', async () => {
  const known = readFileSync(sshd.knownHosts, 'utf8');
  const revoked = hostsFile('revoked', `${known}@revoked * ${sshd.hostPublicKeys[0]}\n`);
  await expect(login(revoked)).rejects.toThrow(/revoked by .*revoked:3/);
});

test('connect refuses a host that has no key of the known type', async () => {
  const ecdsa = makeKey(join(sshd.folder, 'ecdsa'), 'ecdsa');
  const needed = hostsFile('type', `${here()} ${ecdsa}\n`);
  await expect(login(needed)).rejects.toMatchObject({
    kind: 'host-key',
    message: text(/no key of a known type; needed: ecdsa.*type:1/),
  });
});

test('accept-new adds an unknown host once, and still refuses a changed one', async () => {
  const fresh = { knownHostsFiles: [join(sshd.folder, 'new', 'known_hosts')], ...inTheClear };
  expect(await login({ ...fresh, hostKeyPolicy: 'accept-new' })).toBe(sshd.user);
  expect(await login({ ...fresh, hostKeyPolicy: 'accept-new' })).toBe(sshd.user);
  expect(await login(fresh)).toBe(sshd.user);
  expect(readFileSync(fresh.knownHostsFiles[0]!, 'utf8')).toBe(
    `${here()} ${sshd.hostPublicKeys[0]}\n`,
  );
  const wrong = hostsFile('changed', `${here()} ${otherKey}\n`);
  await expect(login({ ...wrong, hostKeyPolicy: 'accept-new' })).rejects.toMatchObject({
    kind: 'host-key',
  });
});

test('accept-new adds a host by a hash of its name with HashKnownHosts, as ssh-keygen finds it', async () => {
  const file = join(sshd.folder, 'by-hash');
  const sshOptions = [{ keyword: 'hashknownhosts', values: ['yes'] }];
  const fresh = { knownHostsFiles: [file], sshOptions };
  expect(await login({ ...fresh, hostKeyPolicy: 'accept-new' })).toBe(sshd.user);
  expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|\S+ ssh-ed25519 \S+\n$/);
  const name = `[${sshd.address}]:${sshd.port}`;
  const found = execFileSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
  expect(found).toContain(`# Host ${name} found: line 1`);
  expect(await login(fresh)).toBe(sshd.user);
});

test("accept-new never adds a key to the system's file", async () => {
  const system = join(sshd.folder, 'system');
  writeFileSync(system, '');
  const sshConfigFile = join(sshd.folder, 'nofile');
  writeFileSync(sshConfigFile, `UserKnownHostsFile none\nGlobalKnownHostsFile ${system}\n`);
  const { address, port, user, userKey: privateKeyFile } = sshd;
  const target: ConnectionTarget = {
    ...{ host: 'web01', kind: 'ssh', address, port, user, privateKeyFile, sshConfigFile },
    ...{ become: { enabled: false, user: 'root' }, hostKeyPolicy: 'accept-new' },
  };
  await expect(createTransport().connect(target)).rejects.toThrow(/its host key is unknown/);
  expect(readFileSync(system, 'utf8')).toBe('');
  writeFileSync(system, `${here()} ${sshd.hostPublicKeys[0]}\n`);
  await (await createTransport().connect(target)).close();
});

test('a key that is known without the port vouches for the host, and contradicts nothing', async () => {
  const [, rsa] = sshd.hostPublicKeys;
  expect(await login(hostsFile('vouches', `127.0.0.1 ${rsa}\n`))).toBe(sshd.user);
  const ecdsa = makeKey(join(sshd.folder, 'another'), 'ecdsa');
  const plain = `127.0.0.1 ${otherKey}\n127.0.0.1 ${ecdsa}\n`;
  const other = hostsFile('portless', plain);
  await expect(login(other)).rejects.toThrow(/its host key is unknown/);
  expect(await login({ ...other, ...inTheClear, hostKeyPolicy: 'accept-new' })).toBe(sshd.user);
  expect(readFileSync(join(sshd.folder, 'portless'), 'utf8')).toBe(
    `${plain}${here()} ${sshd.hostPublicKeys[0]}\n`,
  );
  const revoked = hostsFile('portless', `@revoked 127.0.0.1 ${sshd.hostPublicKeys[0]}\n`);
  await expect(login({ ...revoked, hostKeyPolicy: 'accept-new' })).rejects.toThrow(/is revoked by/);
});

test('connect logs in with RSA, ECDSA and encrypted keys', async () => {
  const authorized = join(sshd.folder, 'authorized_keys');
  const keys = { rsa: '', ecdsa: '', ed25519: 'opens it' };
  for (const [type, passphrase] of Object.entries(keys)) {
    const privateKeyFile = join(sshd.folder, `key_${type}`);
    appendFileSync(authorized, `${makeKey(privateKeyFile, type, passphrase)}\n`);
    const secret = passphrase ? { privateKeyPassphrase: new Secret(passphrase) } : {};
    expect(await login({ privateKeyFile, ...secret })).toBe(sshd.user);
  }
  const encrypted = { privateKeyFile: join(sshd.folder, 'key_ed25519') };
  await expect(login(encrypted, { environment: {} })).rejects.toMatchObject({
    kind: 'input',
    message: text(/encrypted and no passphrase was given/),
    detail: { hint: text(/ssh-add/) },
  });
});

test('connect logs in with keys in PKCS#8, as openssl writes them', async () => {
  const algorithms = { RSA: 'rsa_keygen_bits:2048', EC: 'ec_paramgen_curve:P-256' };
  const encrypted = ['-aes-256-cbc', '-pass', 'pass:opens it'];
  for (const [algorithm, option] of Object.entries(algorithms)) {
    for (const cipher of [[], encrypted]) {
      const privateKeyFile = join(sshd.folder, `pkcs8_${algorithm}_${cipher.length}`);
      const make = ['genpkey', '-algorithm', algorithm, '-pkeyopt', option, ...cipher];
      execFileSync('openssl', [...make, '-out', privateKeyFile], { stdio: 'ignore' });
      chmodSync(privateKeyFile, 0o600);
      const open = ['-y', '-P', cipher.length > 0 ? 'opens it' : '', '-f', privateKeyFile];
      appendFileSync(join(sshd.folder, 'authorized_keys'), execFileSync('ssh-keygen', open));
      const secret = cipher.length > 0 ? { privateKeyPassphrase: new Secret('opens it') } : {};
      expect(await login({ privateKeyFile, ...secret })).toBe(sshd.user);
      if (cipher.length === 0) continue;
      const alone = login({ privateKeyFile }, { environment: {} });
      await expect(alone).rejects.toThrow(/encrypted and no passphrase was given/);
      const wrong = login({ privateKeyFile, privateKeyPassphrase: new Secret('no') });
      await expect(wrong).rejects.toThrow(/passphrase does not open it/);
    }
  }
});

/** Round trips of a login with a key, and all that a command costs behind it. */
async function tripsWith(privateKeyFile: string): Promise<readonly [login: number, step: number]> {
  const proxy = await startFaultProxy({ hostPort: sshd.port, delayMs: 40 });
  const knownHostsFiles = [writeKnownHosts(sshd, proxy.port, sshd.folder)];
  const target = sshd.target({ port: proxy.port, knownHostsFiles, privateKeyFile });
  const connection = await createTransport().connect(target);
  const { roundTrips: before } = proxy.seen();
  await connection.run(sh`:`);
  const { roundTrips: after } = proxy.seen();
  await connection.close();
  await proxy.stop();
  return [before, after - before];
}

test('connect takes three round trips, with an RSA key one more', async () => {
  const [login, step] = await tripsWith(sshd.target().privateKeyFile ?? '');
  const key = join(sshd.folder, 'key_rsa3');
  appendFileSync(join(sshd.folder, 'authorized_keys'), `${makeKey(key, 'rsa')}\n`);
  const rsa = await tripsWith(key);
  expect({ login, step, rsa }).toEqual({ login: 3, step: 3, rsa: [4, 3] });
});

test('connect does not call a login refused that was cut off, wherever that was', async () => {
  const messages: string[] = [];
  for (let atPiece = 1; ; atPiece += 1) {
    const fault = { kind: 'close', atPiece } as const;
    const proxy = await startFaultProxy({ hostPort: sshd.port, fault });
    const knownHostsFiles = [writeKnownHosts(sshd, proxy.port, sshd.folder)];
    const target = sshd.target({ port: proxy.port, knownHostsFiles });
    const ended = await createTransport()
      .connect(target)
      .then((connection) => connection.close())
      .catch((thrown: unknown) => thrown as CaravanError);
    const { faulted } = proxy.seen();
    await proxy.stop();
    if (!faulted) break;
    if (ended === undefined) continue; // cut before the server was seen, it is tried again
    expect(ended).toMatchObject({ kind: 'connect', detail: { host: 'web01' } });
    messages.push(ended.message);
  }
  expect(messages).toContainEqual(text(/gave no answer to the login as \w+ .*; tried: key/));
});

test('connect says what it tried when the login is refused', async () => {
  const privateKeyFile = join(sshd.folder, 'other');
  await expect(login({ privateKeyFile })).rejects.toMatchObject({
    kind: 'auth',
    message: text(/refused the login as \w+; tried: key .*other/),
    detail: { host: 'web01', hint: text(/authorized_keys/) },
  });
});

test('connect names a closed port, an unknown name and a silent host', async () => {
  await expect(login({ port: await freePort() })).rejects.toMatchObject({
    kind: 'connect',
    message: text(/nothing listens there/),
    detail: { host: 'web01', hint: text(/sshd/) },
  });
  await expect(login({ address: 'no-such-host.invalid' })).rejects.toMatchObject({
    kind: 'connect',
    message: text(/DNS/),
  });
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await expect(login({ port, connectTimeoutMs: 200 })).rejects.toMatchObject({
    kind: 'timeout',
    message: text(/not logged in to within 0.2 s/),
  });
  const cancelled = createTransport().connect(sshd.target({ port }), {
    signal: AbortSignal.timeout(50),
  });
  await expect(cancelled).rejects.toMatchObject({ kind: 'cancelled' });
  silent.close();
});

test('connect refuses a host that has only weak algorithms', async () => {
  const weak = await startSshd({ config: ['KexAlgorithms diffie-hellman-group14-sha1'] });
  await expect(createTransport().connect(weak.target())).rejects.toMatchObject({
    kind: 'connect',
    message: text(/no matching key exchange algorithm/),
    detail: { hint: text(/SHA-1/) },
  });
  await weak.stop();
});

test('connect never falls back on weak algorithms where the options leave none', async () => {
  const weak = await startSshd({
    hostKeys: ['rsa'],
    config: ['HostKeyAlgorithms ssh-rsa', 'KexAlgorithms diffie-hellman-group14-sha1'],
  });
  const withOptions = (...options: readonly string[]) => {
    const sshOptions = options.map((option) => {
      const [keyword = '', value = ''] = option.split('=');
      return { keyword, values: [value] };
    });
    return createTransport().connect(weak.target({ transport: 'ssh2', sshOptions }));
  };
  const kex = 'kexalgorithms=+diffie-hellman-group14-sha1';
  await expect(withOptions(kex, 'hostkeyalgorithms=ssh-ed25519')).rejects.toMatchObject({
    kind: 'host-key',
    message: text(/HostKeyAlgorithms has none of the types of its known keys: ssh-rsa .*hosts:1/),
  });
  await expect(withOptions('kexalgorithms=-*')).rejects.toThrow(/KexAlgorithms leaves none/);
  await expect(withOptions(kex, 'ciphers=-*')).rejects.toThrow(/Ciphers leaves none/);
  await expect(withOptions(kex, 'macs=-*')).rejects.toThrow(/MACs leaves none/);
  await weak.stop();
});
