import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostsCommand } from '../../src/cli/hosts.js';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { freePort, startSshd, type Sshd } from '../transport/sshd.js';

let sshd: Sshd;
let bastion: Sshd;
let dead: number;
beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  bastion = await startSshd();
  dead = await freePort();
});
afterAll(async () => {
  await Promise.all([sshd.stop(), bastion.stop()]);
});

/** `caravan hosts`: the command line's own code, in this process. */
async function hosts(...args: string[]) {
  const texts = { stdout: '', stderr: '' };
  const before = process.exitCode;
  try {
    await hostsCommand({
      out: { write: (text: string) => (texts.stdout += text) },
      err: { write: (text: string) => (texts.stderr += text) },
    }).parseAsync(args, { from: 'user' });
    return { ...texts, code: Number(process.exitCode) };
  } finally {
    process.exitCode = before;
  }
}

function inventory(knownHosts: string, args = '', port = sshd.port): string {
  const file = join(sshd.folder, 'hosts.ini');
  writeFileSync(
    file,
    `web01 ansible_host=127.0.0.1 ansible_port=${port}\n` +
      `dead01 ansible_host=127.0.0.1 ansible_port=${dead}\n` +
      `[all:vars]\nansible_ssh_common_args='-o UserKnownHostsFile=${knownHosts} ${args}'\n`,
  );
  return file;
}

test('hosts scan prints lines of known_hosts, shows fingerprints, and adds nothing', async () => {
  const file = join(sshd.folder, 'none');
  const { code, stdout, stderr } = await hosts('scan', 'web01', '-i', inventory(file));
  expect(code).toBe(0);
  expect(stdout.trim().split('\n').sort()).toEqual(
    sshd.hostPublicKeys.map((key) => `[127.0.0.1]:${sshd.port} ${key}`).sort(),
  );
  expect(stderr.match(/^web01 \[127.0.0.1\]:\d+ \S+ SHA256:\S{43}$/gm)?.length).toBe(3);
  expect(existsSync(file)).toBe(false);
});

test('hosts scan --add adds what is new, once, and names who was not seen', async () => {
  const file = join(sshd.folder, 'added');
  const args = ['scan', 'all', '-i', inventory(file), '--add'];
  const first = await hosts(...args);
  expect(first.code).toBe(4);
  expect(first.stderr).toMatch(/Added to .*added: 3 of /);
  expect(first.stderr).toMatch(/Not seen: dead01\n$/);
  expect(readFileSync(file, 'utf8').trim().split('\n').length).toBe(3);
  const again = await hosts(...args);
  expect(again.stderr.match(/ \(known\)$/gm)?.length).toBe(3);
  expect(readFileSync(file, 'utf8').trim().split('\n').length).toBe(3);
  const connection = await createTransport().connect(sshd.target({ knownHostsFiles: [file] }));
  expect((await connection.run(sh`echo hello`)).stdout).toBe('hello\n');
  await connection.close();
});

test('hosts scan --add never adds a key that differs from the known one', async () => {
  const file = join(sshd.folder, 'other');
  const known = `[127.0.0.1]:${sshd.port} ${bastion.hostPublicKeys[0]!}\n`;
  writeFileSync(file, known);
  const { stderr } = await hosts('scan', 'web01', '-i', inventory(file), '--add');
  expect(stderr).toMatch(/ssh-ed25519 SHA256:\S+ \(NOT the known one: .*other:1\)/);
  expect(readFileSync(file, 'utf8')).not.toContain(sshd.hostPublicKeys[0]);
});

test('hosts scan goes over jump hosts', async () => {
  const config = join(sshd.folder, 'config');
  writeFileSync(
    config,
    `Host bastion\n HostName 127.0.0.1\n Port ${bastion.port}\n IdentityFile ${bastion.userKey}\n` +
      ` UserKnownHostsFile ${bastion.knownHosts}\n`,
  );
  const source = inventory(join(sshd.folder, 'none'), `-F ${config} -J bastion`);
  const { code, stdout } = await hosts('scan', 'web01', '-i', source);
  expect(code).toBe(0);
  expect(stdout).toContain(sshd.hostPublicKeys[0]);
});

test('hosts scan sees a server that has post-quantum key exchange only', async () => {
  const config = ['KexAlgorithms sntrup761x25519-sha512@openssh.com'];
  const own = await startSshd({ hostKeys: ['ed25519', 'ecdsa'], config });
  try {
    const source = inventory(join(sshd.folder, 'none'), '', own.port);
    const { code, stdout } = await hosts('scan', 'web01', '-i', source);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').sort()).toEqual(
      own.hostPublicKeys.map((key) => `[127.0.0.1]:${own.port} ${key}`).sort(),
    );
  } finally {
    await own.stop();
  }
});
