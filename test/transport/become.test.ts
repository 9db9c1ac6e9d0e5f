import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../../src/transport/local.js';
import { openShell } from '../../src/transport/open-shell.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { sh } from '../../src/values/shell.js';
import { processesWith, until } from './ended.js';
import { startSshd, type Sshd } from './sshd.js';

const asRoot = userInfo().uid === 0;
const hasSudo = spawnSync('sudo', ['-V']).status === 0;

describe.runIf(asRoot && hasSudo)('become', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(async () => {
    await sshd.stop();
  });

  test('runs steps as the other user, each level in a shell of its own, and ends them', async () => {
    const become = { enabled: true, user: 'nobody' };
    const connection = await createTransport().connect(sshd.target({ become }));
    expect((await connection.run(sh`id -un`)).stdout).toBe('nobody\n');
    expect((await connection.run(sh`id -un`, { become: false })).stdout).toBe('root\n');
    const sleep = `${process.pid}77777`;
    const step = connection.run(sh`sleep ${sleep} & sleep ${sleep}`, { timeoutMs: 500 });
    await expect(step).rejects.toThrow('were ended');
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    await connection.close();
  });

  test('uses no sudo where the login is that user already', async () => {
    const become = { enabled: true, user: sshd.user };
    const connection = await createTransport().connect(sshd.target({ become }));
    expect((await connection.run(sh`echo "\${SUDO_USER-none}"`)).stdout).toBe('none\n');
    await connection.close();
  });

  test('refuses a user who does not exist', async () => {
    const become = { enabled: true, user: 'no-such-user' };
    const connection = await createTransport().connect(sshd.target({ become }));
    await expect(connection.run(sh`id`)).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('no-such-user') as string,
      detail: { host: 'web01' },
    });
    await connection.close();
  });
});

// Another shadow and sudoers, seen by the processes of one mount namespace only.
const canUnshare = asRoot && hasSudo && spawnSync('unshare', ['-m', 'true']).status === 0;
describe.runIf(canUnshare)('become of a user whom sudo asks for a password', () => {
  const password = "s3cret 'word";
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'caravan-sudo-'));
    const input = password;
    const hash = execFileSync('openssl', ['passwd', '-6', '-stdin'], { input, encoding: 'utf8' });
    const shadow = readFileSync('/etc/shadow', 'utf8');
    writeFileSync(
      join(folder, 'shadow'),
      shadow.replace(/^nobody:.*$/m, `nobody:${hash.trim()}:19000:0:99999:7:::`),
      { mode: 0o600 },
    );
    const sudoers = 'Defaults timestamp_timeout=0\nroot ALL=(ALL) ALL\nnobody ALL=(ALL) ALL\n';
    writeFileSync(join(folder, 'sudoers'), sudoers, { mode: 0o440 });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** As nobody, in a mount namespace of its own. */
  const open = (commandLine: string) =>
    Promise.resolve(
      startChild('unshare', [
        '-m',
        '/bin/sh',
        '-c',
        'mount --bind "$1/shadow" /etc/shadow && mount --bind "$1/sudoers" /etc/sudoers &&' +
          ' exec sudo -n -u nobody -- /bin/sh -c "$2"',
        'sh',
        folder,
        commandLine,
      ]),
    );
  const become = (secret?: string) =>
    openShell(open, {
      host: 'web01',
      become: { user: 'root', ...(secret === undefined ? {} : { password: new Secret(secret) }) },
    });

  test('gives the password when it is asked, and to nothing else', async () => {
    const shell = await become(password);
    expect(await shell.run({ script: sh`id -un` })).toEqual({
      code: 0,
      stdout: 'root\n',
      stderr: '',
    });
    expect(processesWith(password)).toEqual([]);
    shell.end();
  });

  test('refuses a wrong password', async () => {
    await expect(become('wrong')).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('did not accept the password to become root') as string,
      detail: { host: 'web01' },
    });
  });

  test('says how to give a password where none was given', async () => {
    const shell = await become();
    await expect(shell.run({ script: sh`id` })).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('a password is required') as string,
      detail: { hint: expect.stringContaining('--ask-become-pass') as string },
    });
  });
});

describe('become by a sudo that asks for more than a password', () => {
  const late = { kind: 'timeout' };
  let folder: string;
  let asks: string;
  let sshd: Sshd;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'caravan-factor-'));
    asks = join(folder, 'asks');
    const sudo = `#!/bin/sh
[ ! -e ${asks} ] || read -r factor || exit 1
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
`;
    writeFileSync(join(folder, 'sudo'), sudo, { mode: 0o755 });
    sshd = await startSshd({ config: [`SetEnv PATH=${folder}:/usr/bin:/bin`] });
  });
  afterAll(async () => {
    await sshd.stop();
    rmSync(folder, { recursive: true });
  });

  test.each(['ssh2', 'openssh'] as const)(
    'leaves the sessions of a host free for other steps, %s',
    async (transport) => {
      const become = { enabled: true, user: 'nobody', password: new Secret('x') };
      const connection = await createTransport().connect(sshd.target({ become, transport }));
      writeFileSync(asks, '');
      for (let i = 0; i < 10; i++)
        await expect(connection.run(sh`:`, { timeoutMs: 200 })).rejects.toMatchObject({
          ...late,
          message: expect.stringContaining('before its shell was open') as string,
        });
      const limits = { timeoutMs: 10_000 };
      expect((await connection.run(sh`:`, { become: false, ...limits })).code).toBe(0);
      rmSync(asks);
      expect((await connection.run(sh`:`, limits)).code).toBe(0);
      await connection.close();
    },
  );

  test('keeps transfers to their deadline, and to a cancellation', async () => {
    const become = { enabled: true, user: 'nobody', password: new Secret('x') };
    const connection = await createTransport().connect(sshd.target({ become }));
    writeFileSync(asks, '');
    const path = join(folder, 'sudo');
    const about = { path, size: 9, sha256: '0'.repeat(64) };
    const to = join(folder, 'got');
    const send = (options: object): Promise<void> =>
      connection.sendFile({ path: to, source: about }, options);
    await expect(send({ timeoutMs: 200 })).rejects.toMatchObject(late);
    await expect(send({ signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    const received = connection.receiveFile({ ...about, to }, { timeoutMs: 200 });
    await expect(received).rejects.toMatchObject(late);
    rmSync(asks);
    await connection.close();
  });
});
