import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { Secret } from '../../src/values/secret.js';
import { sh } from '../../src/values/shell.js';
import { until, untilThere } from './ended.js';
import { freePort, makeKey, startSshd, type Sshd } from './sshd.js';

const PQ = 'sntrup761x25519-sha512@openssh.com';
const text = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
  vi.stubEnv('TMPDIR', sshd.folder); // so that what is left there is ours
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sshd.stop();
});

async function whoAmI(target: ConnectionTarget): Promise<string> {
  const connection = await createTransport().connect(target);
  try {
    return (await connection.run(sh`id -un`)).stdout.trim();
  } finally {
    await connection.close();
  }
}

/** Command lines of processes whose command line has this in it. */
function commandLines(part: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')];
      } catch {
        return [];
      }
    })
    .filter((line) => line.includes(part));
}

test('connect leaves ProxyJump to ssh where only ssh can judge the configuration', async () => {
  const sshConfigFile = join(sshd.folder, 'undecided');
  const jump = `Host ${sshd.address}\n ProxyJump 127.0.0.9:1\n`;
  const match = `Match host ${sshd.address} exec`;
  writeFileSync(sshConfigFile, `${match} "true"\n ProxyJump none\n${jump}`);
  expect(await whoAmI(sshd.target({ sshConfigFile }))).toBe(sshd.user);
  writeFileSync(sshConfigFile, `${match} "false"\n ProxyJump none\n${jump}`);
  await expect(whoAmI(sshd.target({ sshConfigFile }))).rejects.toThrow(/127\.0\.0\.9/);
});

describe('over OpenSSH', () => {
  const by = (changes: Partial<ConnectionTarget> = {}) =>
    sshd.target({ transport: 'openssh', ...changes });

  test('a step whose connection breaks says so, though its own ssh is the first to end', async () => {
    const folder = mkdtempSync(join(sshd.folder, 'slow-'));
    // An ssh that tells when it has ended, and as a master is not gone before it may be.
    writeFileSync(
      join(folder, 'ssh'),
      `#!/bin/sh
${execFileSync('sh', ['-c', 'command -v ssh'], { encoding: 'utf8' }).trim()} "$@"
case " $* " in
*" -M "*) until [ -e ${folder}/go ]; do sleep 0.05; done ;;
*) echo >${folder}/ended ;;
esac
`,
      { mode: 0o755 },
    );
    const environment = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const connection = await createTransport({ environment }).connect(by());
    const step = expect(connection.run(sh`kill -9 $PPID; sleep 60`)).rejects.toMatchObject({
      kind: 'connect',
      message: text(/connection broke/),
    });
    await untilThere(join(folder, 'ended'));
    writeFileSync(join(folder, 'go'), '');
    await step;
    await connection.close();
  });

  test('a connection runs steps, keeps standard error apart, writes files and forwards', async () => {
    const connection = await createTransport().connect(by());
    expect(await connection.run(sh`echo out; echo err >&2; exit 3`)).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const path = join(sshd.folder, 'written');
    await connection.writeFile({ path, content: Buffer.alloc(3 << 20, 'x') });
    expect(readFileSync(path).length).toBe(3 << 20);
    const stream = await connection.forward(sshd.address, sshd.port);
    const banner = await new Promise((resolve) => stream.once('data', resolve));
    expect(String(banner)).toMatch(/^SSH-2.0-/);
    stream.destroy();
    await connection.close();
    await until(() => commandLines(`-p ${sshd.port}`).length === 0, 'no ssh is left');
    expect(readdirSync(sshd.folder).filter((name) => name.startsWith('caravan-ssh-'))).toEqual([]);
  });

  test('a step is ended with its children past its deadline', async () => {
    const connection = await createTransport().connect(by());
    const sleep = `${process.pid}55555`;
    await expect(
      connection.run(sh`sleep ${sleep} & sleep ${sleep}`, { timeoutMs: 500 }),
    ).rejects.toThrow('were ended');
    await until(() => commandLines(`sleep ${sleep}`).length === 0, 'no sleep is left');
    await connection.close();
  });

  test('a lost connection says so, and is not dialled again behind our back', async () => {
    const connection = await createTransport().connect(by());
    await connection.run(sh`true`);
    const master = commandLines(`-p ${sshd.port}`).filter((line) => line.startsWith('ssh -M'));
    expect(master.length).toBe(1);
    const pid = readdirSync('/proc').find((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') === master[0];
      } catch {
        return false;
      }
    });
    const step = connection.run(sh`sleep 30`);
    process.kill(Number(pid), 'SIGKILL');
    await expect(step).rejects.toMatchObject({ kind: 'connect', message: text(/in mid-step/) });
    await expect(connection.run(sh`true`)).rejects.toMatchObject({ kind: 'connect' });
    await connection.close();
  });

  test('connect names an unknown host key, a refused login and a closed port', async () => {
    await expect(whoAmI(by({ knownHostsFiles: ['/dev/null'] }))).rejects.toMatchObject({
      kind: 'host-key',
      message: text(/host key is known/),
    });
    makeKey(join(sshd.folder, 'stranger'), 'ed25519');
    const privateKeyFile = join(sshd.folder, 'stranger');
    await expect(whoAmI(by({ privateKeyFile }))).rejects.toMatchObject({
      kind: 'auth',
      message: text(/Permission denied/),
    });
    await expect(whoAmI(by({ port: await freePort() }))).rejects.toMatchObject({
      kind: 'connect',
      message: text(/Connection refused/),
    });
  });

  test('connect refuses passwords and passphrases, which ssh would have to be given', async () => {
    const hidden = new Secret('hunter2');
    await expect(whoAmI(by({ password: hidden }))).rejects.toMatchObject({
      kind: 'input',
      message: text(/takes keys and agents, not passwords/),
    });
    await expect(whoAmI(by({ privateKeyPassphrase: hidden }))).rejects.toThrow(/not passphrases/);
  });

  test('accept-new adds an unknown host', async () => {
    const file = join(sshd.folder, 'accepted');
    expect(await whoAmI(by({ knownHostsFiles: [file], hostKeyPolicy: 'accept-new' }))).toBe(
      sshd.user,
    );
    expect(readFileSync(file, 'utf8')).toContain(sshd.hostPublicKeys[0]);
  });

  test('accept-new refuses a host whose key cannot be kept, and needs no file for a known one', async () => {
    const file = '/proc/self/known_hosts';
    const hostKeyPolicy = 'accept-new';
    await expect(whoAmI(by({ knownHostsFiles: [file], hostKeyPolicy }))).rejects.toMatchObject({
      kind: 'host-key',
      message: text(/its new host key could not be added to \/proc\/self\/known_hosts/),
    });
    const both = [file, sshd.knownHosts];
    expect(await whoAmI(by({ knownHostsFiles: both, hostKeyPolicy }))).toBe(sshd.user);
  });

  test('connect tells what is wrong where the configuration wants ssh to be quiet', async () => {
    const sshConfigFile = join(sshd.folder, 'quiet');
    writeFileSync(sshConfigFile, 'LogLevel QUIET\n');
    await expect(whoAmI(by({ sshConfigFile, user: 'nobody' }))).rejects.toMatchObject({
      kind: 'auth',
    });
    const knownHostsFiles = [join(sshd.folder, 'none')];
    await expect(whoAmI(by({ sshConfigFile, knownHostsFiles }))).rejects.toMatchObject({
      kind: 'host-key',
    });
  });

  test('become goes through a session of its own', async () => {
    const connection = await createTransport().connect(
      by({ become: { enabled: true, user: 'nobody', method: 'su' } }),
    );
    expect((await connection.run(sh`id -un`)).stdout).toBe('nobody\n');
    expect((await connection.run(sh`id -un`, { become: false })).stdout).toBe(`${sshd.user}\n`);
    await connection.close();
  });
});

describe('chosen by itself', () => {
  test('for a host that is known by a certificate authority', async () => {
    const authority = join(sshd.folder, 'host_ca');
    const key = makeKey(authority, 'ed25519');
    const config = [`HostCertificate ${sshd.folder}/host_key-cert.pub`];
    const hostKey = join(sshd.folder, 'host_key');
    makeKey(hostKey, 'ed25519');
    execFileSync('ssh-keygen', [
      '-q',
      '-s',
      authority,
      '-I',
      'h',
      '-h',
      '-n',
      '127.0.0.1',
      `${hostKey}.pub`,
    ]);
    const own = await startSshd({ config: [...config, `HostKey ${hostKey}`] });
    const knownHosts = join(sshd.folder, 'by_authority');
    writeFileSync(knownHosts, `@cert-authority 127.0.0.* ${key}\n`);
    expect(await whoAmI(own.target({ knownHostsFiles: [knownHosts] }))).toBe(own.user);
    writeFileSync(knownHosts, `@cert-authority 127.0.0.* ${sshd.hostPublicKeys[0]}\n`);
    await expect(whoAmI(own.target({ knownHostsFiles: [knownHosts] }))).rejects.toMatchObject({
      kind: 'host-key',
    });
    await own.stop();
  });

  test('for a key with a certificate beside it', async () => {
    const authority = join(sshd.folder, 'user_ca');
    makeKey(authority, 'ed25519');
    const own = await startSshd({
      config: [`TrustedUserCAKeys ${authority}.pub`, 'AuthorizedKeysFile none'],
    });
    const privateKeyFile = join(sshd.folder, 'certified');
    makeKey(privateKeyFile, 'ed25519');
    await expect(whoAmI(own.target({ privateKeyFile }))).rejects.toMatchObject({ kind: 'auth' });
    execFileSync('ssh-keygen', [
      '-q',
      '-s',
      authority,
      '-I',
      'u',
      '-n',
      own.user,
      `${privateKeyFile}.pub`,
    ]);
    expect(await whoAmI(own.target({ privateKeyFile }))).toBe(own.user);
    await expect(whoAmI(own.target({ privateKeyFile, transport: 'ssh2' }))).rejects.toMatchObject({
      kind: 'input',
      message: text(/cannot be reached by ssh2: .*certified-cert.pub is a certificate/),
    });
    await own.stop();
  });

  test('for a host that has post-quantum key exchange only, and from then on', async () => {
    const own = await startSshd({ config: [`KexAlgorithms ${PQ}`] });
    const transport = createTransport();
    for (let i = 0; i < 2; i++) {
      const connection = await transport.connect(own.target());
      expect((await connection.run(sh`id -un`)).stdout).toBe(`${own.user}\n`);
      await connection.close();
    }
    await expect(whoAmI(own.target({ transport: 'ssh2' }))).rejects.toThrow(/key exchange/);
    await own.stop();
  });

  test('for a host of which post-quantum key exchange is asked', async () => {
    const asked = { sshOptions: [{ keyword: 'kexalgorithms', values: [PQ] }] };
    const connection = await createTransport().connect(sshd.target(asked));
    expect(commandLines(`kexalgorithms=${PQ}`).length).toBeGreaterThan(0);
    await connection.close();
    const without = await startSshd({ config: ['KexAlgorithms curve25519-sha256'] });
    await expect(whoAmI(without.target(asked))).rejects.toMatchObject({
      kind: 'connect',
      message: text(/no matching key exchange/),
    });
    await without.stop();
  });

  test('for a host with a ProxyCommand', async () => {
    const sshConfigFile = join(sshd.folder, 'proxy');
    const { address, port, userKey, knownHosts } = sshd;
    copyFileSync(knownHosts, join(sshd.folder, 'kh'));
    writeFileSync(
      sshConfigFile,
      `Host there\n HostName ${address}\n Port ${port}\n IdentityFile ${userKey}\n` +
        ` UserKnownHostsFile ${sshd.folder}/kh\n` +
        ` ProxyCommand ssh -F none -i ${userKey} -o UserKnownHostsFile=${knownHosts} -p %p -W %h:%p %h\n`,
    );
    const { become, host } = sshd.target();
    expect(await whoAmI({ host, kind: 'ssh', address: 'there', become, sshConfigFile })).toBe(
      sshd.user,
    );
  });
});
