import { execFileSync, spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startChild } from '../../src/transport/local.js';
import { openShell } from '../../src/transport/open-shell.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { sh } from '../../src/values/shell.js';
import { processesWith } from './ended.js';
import { startSshd, type Sshd } from './sshd.js';

const asRoot = userInfo().uid === 0;
const USER = `caravan-su-${process.pid}`;
const PASSWORD = "s3cret 'word";

describe.runIf(asRoot)('become by su', () => {
  let sshd: Sshd;
  beforeAll(async () => {
    execFileSync('useradd', ['--create-home', '--shell', '/bin/sh', USER]);
    execFileSync('chpasswd', { input: `${USER}:${PASSWORD}\n` });
    sshd = await startSshd();
  });
  afterAll(async () => {
    await sshd.stop();
    spawnSync('userdel', ['--remove', USER], { stdio: 'ignore' });
  });

  test.each(['ssh', 'local'] as const)('root becomes another user, over %s', async (kind) => {
    const become = { enabled: true, user: USER, method: 'su' as const };
    const connection = await createTransport().connect(sshd.target({ kind, become }));
    expect(await connection.run(sh`id -un; echo "$HOME"; echo err >&2; exit 3`)).toEqual({
      code: 3,
      stdout: `${USER}\n/home/${USER}\n`,
      stderr: 'err\n',
    });
    await connection.close();
  });

  test('a user whose shell is nologin is become too, and one who does not exist is refused', async () => {
    const become = { enabled: true, user: 'nobody', method: 'su' as const };
    const connection = await createTransport().connect(sshd.target({ become }));
    expect((await connection.run(sh`id -un`)).stdout).toBe('nobody\n');
    await connection.close();
    const nobody = { ...become, user: 'no-such-user' };
    const other = await createTransport().connect(sshd.target({ become: nobody }));
    await expect(other.run(sh`id`)).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringMatching(/su on web01 refused to become no-such-user/) as string,
    });
    await other.close();
  });

  describe('from a user whom it asks for a password', () => {
    /** As nobody, who may become no one without a password. */
    const open = (commandLine: string) =>
      Promise.resolve(
        startChild('setpriv', [
          ...['--reuid=nobody', '--regid=nogroup', '--clear-groups'],
          ...['/bin/sh', '-c', `echo 'of a start-up file' >&2; ${commandLine}`],
        ]),
      );
    const become = (secret?: string) =>
      openShell(open, {
        host: 'web01',
        become: {
          ...{ user: USER, method: 'su' },
          ...(secret === undefined ? {} : { password: new Secret(secret) }),
        },
      });

    test('gives the password when it is asked, and to nothing else', async () => {
      const shell = await become(PASSWORD);
      expect(await shell.run({ script: sh`id -un; cat` })).toEqual({
        code: 0,
        stdout: `${USER}\n`,
        stderr: '',
      });
      expect(processesWith(PASSWORD)).toEqual([]);
      shell.end();
    });

    test('refuses a wrong password, and says how to give one where there is none', async () => {
      await expect(become('wrong')).rejects.toMatchObject({
        kind: 'auth',
        message: expect.stringContaining(`did not accept the password to become ${USER}`) as string,
      });
      await expect(become()).rejects.toMatchObject({
        kind: 'auth',
        detail: { hint: expect.stringContaining('--ask-become-pass') as string },
      });
    });
  });
});
