import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { makeKey, startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
const agents: number[] = [];
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  for (const pid of agents) process.kill(pid);
  await sshd.stop();
});
afterEach(() => {
  vi.unstubAllEnvs();
});

/** A new key that may log in, and its file. */
function goodKey(name: string, passphrase = ''): string {
  const file = join(sshd.folder, name);
  const key = makeKey(file, 'ed25519', passphrase);
  appendFileSync(join(sshd.folder, 'authorized_keys'), `${key}\n`);
  return file;
}

/** A real agent with these keys, added with these options; gives its socket. */
function agentWith(files: readonly string[], ...options: string[]): string {
  const socket = join(sshd.folder, `agent${agents.length}`);
  const env = { ...process.env, SSH_AUTH_SOCK: socket, SSH_ASKPASS: '/bin/false' };
  const started = execFileSync('ssh-agent', ['-s', '-a', socket], { encoding: 'utf8', env });
  agents.push(Number(/SSH_AGENT_PID=(\d+)/.exec(started)?.[1]));
  execFileSync('ssh-add', ['-q', ...options, ...files], { env, stdio: 'ignore' });
  return socket;
}

/** Adds a key that is encrypted on disk, by way of a copy that is not. */
function addOpened(socket: string, file: string, passphrase: string): void {
  const copy = `${file}.opened`;
  copyFileSync(file, copy);
  execFileSync('ssh-keygen', ['-q', '-p', '-P', passphrase, '-N', '', '-f', copy]);
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  execFileSync('ssh-add', ['-q', copy], { env, stdio: 'ignore' });
  rmSync(copy);
}

/** A home where the key that may log in is `~/.ssh/id_ed25519`; gives that file. */
function homeWithKey(): string {
  const home = mkdtempSync(join(sshd.folder, 'home'));
  vi.stubEnv('HOME', home);
  mkdirSync(join(home, '.ssh'));
  copyFileSync(sshd.userKey, join(home, '.ssh', 'id_ed25519'));
  return join(home, '.ssh', 'id_ed25519');
}

/** Logs in with an agent and lines of ssh_config; no key is named unless `changes` do. */
async function login(
  socket: string,
  config: Readonly<Record<string, string>>,
  changes: Partial<ConnectionTarget> = {},
  signal = new AbortController().signal,
): Promise<void> {
  const { address, port, user, knownHosts } = sshd;
  const transport = createTransport({ environment: { SSH_AUTH_SOCK: socket } });
  const target: ConnectionTarget = {
    ...{ host: 'web01', kind: 'ssh', address, port, user },
    become: { enabled: false, user: 'root' },
    knownHostsFiles: [knownHosts],
    sshOptions: Object.entries(config).map(([keyword, value]) => ({
      keyword: keyword.toLowerCase(),
      values: [value],
    })),
    ...changes,
  };
  const connection = await transport.connect(target, { signal });
  await connection.close();
}

test('connect goes on to a key where the agent is gone or does not sign', async () => {
  const IdentityFile = sshd.userKey;
  await login('/nonexistent/agent', { IdentityFile });
  // The agent asks before it uses a key added so, and here nobody says yes.
  const refusing = agentWith([goodKey('asked')], '-c');
  await login(refusing, { IdentityFile });
  await expect(login(refusing, { IdentityFile: 'none' })).rejects.toMatchObject({
    kind: 'auth',
    message: expect.stringMatching(/tried: SSH agent \(.*fail.*\)/i) as string,
  });
});

test('connect tries the default keys with IdentitiesOnly where nothing names one', async () => {
  homeWithKey();
  await login('', { IdentitiesOnly: 'yes' });
});

/** Six keys of no use: as many tries as sshd lets one have (MaxAuthTries). */
function strangers(): string[] {
  return Array.from({ length: 6 }, (_, index) => {
    const file = join(mkdtempSync(join(sshd.folder, 'stranger')), `key${index}`);
    makeKey(file, 'ed25519');
    return file;
  });
}

test('connect tries configured keys that the agent holds before the others it holds', async () => {
  const key = goodKey('configured', 'opens it');
  const opened = goodKey('opened');
  const socket = agentWith([...strangers(), opened]);
  addOpened(socket, key, 'opens it');
  await expect(login(socket, {})).rejects.toThrow(/Too many authentication failures/);
  await login(socket, { IdentityFile: key });
  rmSync(opened); // its .pub is left
  await login(socket, { IdentityFile: opened });
  await login(socket, { IdentityFile: `${opened}.pub`, IdentitiesOnly: 'yes' });
  rmSync(`${key}.pub`);
  await login(socket, {}, { privateKeyFile: key });
  const named = { privateKeyFile: goodKey('elsewhere', 'opens it') };
  await expect(login(socket, {}, named)).rejects.toThrow(/no passphrase was given/);
});

test('connect ends where the agent says nothing', async () => {
  const silent = createServer((agent) => agent.resume());
  const socket = join(sshd.folder, 'silent');
  const named = { privateKeyFile: goodKey('unopened', 'opens it') };
  await new Promise<void>((resolve) => silent.listen(socket, resolve));
  const closed = once(silent, 'connection').then(([agent]) => once(agent as Socket, 'close'));
  await expect(login(socket, {}, { ...named, connectTimeoutMs: 300 })).rejects.toMatchObject({
    kind: 'timeout',
    message: expect.stringMatching(
      /within 0.3 s: the SSH agent \(\S+silent\) did not answer/,
    ) as string,
  });
  await closed; // nothing is left that would keep the process
  await expect(login(socket, {}, named, AbortSignal.timeout(50))).rejects.toMatchObject({
    kind: 'cancelled',
  });
  silent.close();
});

test('connect leaves a default key with a certificate to OpenSSH, unless there is a password', async () => {
  writeFileSync(`${homeWithKey()}-cert.pub`, '');
  await expect(login('', {}, { transport: 'ssh2' })).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(/by ssh2: \S+id_ed25519-cert.pub is a certificate/) as string,
  });
  await login('', {}, { password: new Secret('unused') });
});

test('connect by ssh2 passes over a default security key where an agent may hold another key', async () => {
  const key = homeWithKey();
  const socket = agentWith([key]);
  rmSync(key);
  writeFileSync(join(dirname(key), 'id_ed25519_sk.pub'), 'sk-ssh-ed25519@openssh.com AAAA\n');
  await login(socket, {}, { transport: 'ssh2' });
  await expect(login('', {}, { transport: 'ssh2' })).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(/by ssh2: \S+id_ed25519_sk is a security key/) as string,
  });
});
