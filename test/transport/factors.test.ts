/** What servers ask for besides a key or a password, by servers of ssh2: sshd needs PAM for it. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import ssh2, { type AuthContext } from 'ssh2';
import type { ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { startSshd, type Sshd } from './sshd.js';

let sshd: Sshd; // whose keys are used
const servers: ssh2.Server[] = [];
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  for (const server of servers) server.close();
  await sshd.stop();
});

/** Logs in to a server that answers requests so, with a key and a password. */
async function login(
  answer: (request: AuthContext) => void,
  changes: Partial<ConnectionTarget> = {},
): Promise<void> {
  const hostKeys = [readFileSync(join(sshd.folder, 'host_ed25519'))];
  const server = new ssh2.Server({ hostKeys }, (client) => {
    client.on('authentication', answer).on('error', () => undefined);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const knownHosts = join(sshd.folder, `known_${port}`);
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${sshd.hostPublicKeys[0]}\n`);
  const target = sshd.target({ port, knownHostsFiles: [knownHosts], connectTimeoutMs: 5000 });
  const password = new Secret('hunter2');
  const connection = await createTransport().connect({ ...target, password, ...changes });
  await connection.close();
}

test('connect offers a key again that was refused before the first of two factors', async () => {
  const asked: string[] = [];
  let first = false;
  await login((request) => {
    asked.push(request.method);
    const wanted = first ? 'publickey' : 'password';
    if (request.method !== wanted) request.reject([wanted]);
    else if (first) request.accept();
    else request.reject(['publickey'], (first = true));
  });
  expect(asked).toEqual(['publickey', 'password', 'publickey']);
});

test('connect says that a password has expired', async () => {
  const answer = (request: AuthContext): void => {
    if (request.method === 'password')
      request.requestChange('Change it', () => {
        request.reject();
      });
    else request.reject(['password']);
  };
  await expect(login(answer)).rejects.toMatchObject({
    kind: 'auth',
    message: expect.stringMatching(/password of \w+ has expired/) as string,
    detail: { host: 'web01', hint: expect.stringMatching(/ssh -p \d+ \w+@127/) as string },
  });
});

test('connect answers with the password once, and shows what else is asked for', async () => {
  const answers: string[] = [];
  const answer = (request: AuthContext): void => {
    if (request.method !== 'keyboard-interactive') {
      request.reject(['keyboard-interactive']);
      return;
    }
    const ask = (): void => {
      request.prompt([{ prompt: 'Verification\u001b[2J code: ', echo: false }], (given) => {
        answers.push(...given);
        ask();
      });
    };
    ask();
  };
  await expect(login(answer)).rejects.toMatchObject({
    kind: 'auth',
    message: expect.stringMatching(/more than the password: "Verification \[2J code:"$/) as string,
  });
  expect(answers).toEqual(['hunter2']);
});
