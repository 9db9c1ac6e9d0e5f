import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionTarget } from '../../src/transport/port.js';
import type { Terminal } from '../../src/transport/questions.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { sh } from '../../src/values/shell.js';
import { makeKey, startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
});
afterAll(async () => {
  await sshd.stop();
});

/** A terminal at which somebody always answers the same, and what was asked there. */
function terminal(yes: boolean, passphrase = '') {
  const asked: string[] = [];
  const answers: Terminal = {
    confirm: (question) => {
      asked.push(question);
      return Promise.resolve(yes);
    },
    secret: (prompt) => {
      asked.push(prompt);
      return Promise.resolve(new Secret(passphrase));
    },
  };
  return { asked, answers };
}

async function logins(
  count: number,
  changes: Partial<ConnectionTarget>,
  answers?: Terminal,
): Promise<string[]> {
  const transport = createTransport({ environment: {}, ...(answers ? { terminal: answers } : {}) });
  return Promise.all(
    Array.from({ length: count }, async () => {
      const connection = await transport.connect(sshd.target(changes));
      const { stdout } = await connection.run(sh`id -un`);
      await connection.close();
      return stdout.trim();
    }),
  );
}

describe('policy ask', () => {
  const asking = (file: string): Partial<ConnectionTarget> => ({
    knownHostsFiles: [join(sshd.folder, file)],
    hostKeyPolicy: 'ask',
  });

  test('asks once a key, adds it, and then knows it', async () => {
    const { asked, answers } = terminal(true);
    expect(await logins(3, asking('yes'), answers)).toEqual(Array(3).fill(sshd.user));
    expect(asked.length).toBe(1);
    // The key that costs least to check is preferred.
    expect(asked[0]).toMatch(/\[127.0.0.1\]:\d+.*ecdsa-sha2-nistp256 SHA256:\S{43}/);
    expect(readFileSync(join(sshd.folder, 'yes'), 'utf8').trim().split('\n').length).toBe(1);
    expect(await logins(1, { ...asking('yes'), hostKeyPolicy: 'strict' })).toEqual([sshd.user]);
  });

  test('refuses where the answer is no, and where nobody can be asked', async () => {
    const { asked, answers } = terminal(false);
    const refused = { kind: 'host-key', detail: { host: 'web01' } };
    await expect(logins(1, asking('no'), answers)).rejects.toMatchObject(refused);
    expect(asked.length).toBe(1);
    await expect(logins(1, asking('no'))).rejects.toMatchObject(refused);
  });

  test('never asks about a changed key', async () => {
    const file = join(sshd.folder, 'changed');
    const other = makeKey(join(sshd.folder, 'other'), 'ed25519');
    appendFileSync(file, `[127.0.0.1]:${sshd.port} ${other}\n`);
    const { asked, answers } = terminal(true);
    await expect(logins(1, asking('changed'), answers)).rejects.toThrow(/not the known one/);
    expect(asked).toEqual([]);
  });
});

test('the passphrase of a key is asked for once, and not at all without a terminal', async () => {
  const privateKeyFile = join(sshd.folder, 'encrypted');
  const key = makeKey(privateKeyFile, 'ed25519', 'opens it');
  appendFileSync(join(sshd.folder, 'authorized_keys'), `${key}\n`);
  const { asked, answers } = terminal(true, 'opens it');
  expect(await logins(3, { privateKeyFile }, answers)).toEqual(Array(3).fill(sshd.user));
  expect(asked).toEqual([`Passphrase of the key ${privateKeyFile}: `]);
  await expect(logins(1, { privateKeyFile })).rejects.toThrow(/no passphrase was given/);
  const wrong = terminal(true, 'wrong').answers;
  await expect(logins(1, { privateKeyFile }, wrong)).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(/passphrase does not open it/) as string,
  });
});

describe('weak algorithms', () => {
  const named = (keyword: string, value: string): Partial<ConnectionTarget> => ({
    sshOptions: [{ keyword, values: [value] }],
    transport: 'ssh2',
  });
  test.each([
    ['KexAlgorithms', 'diffie-hellman-group14-sha1', 'kexalgorithms'],
    ['Ciphers', 'aes128-cbc', 'ciphers'],
    ['MACs', 'hmac-sha1', 'macs'],
    ['HostKeyAlgorithms', 'ssh-rsa', 'hostkeyalgorithms'],
  ])('%s %s is used where it is asked for by name, and not else', async (line, name, keyword) => {
    const ctr = line === 'MACs' ? ['Ciphers aes128-ctr'] : [];
    const old = await startSshd({ hostKeys: ['rsa'], config: [`${line} ${name}`, ...ctr] });
    const connect = (changes: Partial<ConnectionTarget>) =>
      createTransport().connect(old.target(changes));
    await expect(connect({ transport: 'ssh2' })).rejects.toMatchObject({
      kind: expect.stringMatching(/connect|host-key/) as string,
    });
    const connection = await connect(named(keyword, `+${name}`));
    expect((await connection.run(sh`id -un`)).stdout).toBe(`${old.user}\n`);
    await connection.close();
    await old.stop();
  });
});
