import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { execCommand } from '../../src/cli/exec.js';
import { moduleText } from '../../src/cli/modules.js';
import { runFile } from '../../src/cli/run.js';
import { find } from '../../src/modules/find.js';
import { slurp } from '../../src/modules/slurp.js';
import { folder } from '../engine/fleet.js';
import { startSshd, type Sshd } from '../transport/sshd.js';
import { writeFiles } from './cli.js';

let sshd: Sshd;

beforeAll(async () => {
  sshd = await startSshd();
});

afterAll(() => sshd.stop());

/** What `caravan exec` writes and its exit code, on two hosts that are this machine over SSH. */
async function exec(...args: string[]): Promise<{ code: number; out: string }> {
  const path = await folder();
  const vars = [
    `ansible_host=${sshd.address}`,
    `ansible_port=${sshd.port}`,
    `ansible_user=${sshd.user}`,
    `ansible_ssh_private_key_file=${sshd.userKey}`,
    `ansible_ssh_common_args='-o UserKnownHostsFile=${sshd.knownHosts}'`,
  ];
  writeFiles(path, { hosts: ['[web]', 'h1', 'h2', '[web:vars]', ...vars, ''].join('\n') });
  let out = '';
  const streams = { out: { write: (text: string) => (out += text) }, err: { write: () => true } };
  const before = process.exitCode;
  const command = execCommand((file, options, _streams, readText) =>
    runFile(file, options, streams, readText),
  );
  try {
    await command.parseAsync(['-i', join(path, 'hosts'), ...args], { from: 'user' });
    return { code: Number(process.exitCode), out: out.replace(/\d+\.\ds/g, '0.0s') };
  } finally {
    process.exitCode = before;
  }
}

test('caravan exec runs one word with the shell, and folds what hosts print alike', async () => {
  const { code, out } = await exec('web', '--', 'echo one | tr a-z A-Z');
  expect(code).toBe(0);
  expect(out).toContain(
    "changed     h[1-2]  0.0s  run 'echo one | tr a-z A-Z'\n              ONE\n",
  );
});

test('caravan exec runs several words as a program with its arguments', async () => {
  const { out } = await exec('h1', '--', 'echo', 'a  b', '$HOME');
  expect(out).toContain('              a  b $HOME\n');
});

test('caravan exec runs a module, and gives 2 where it fails', async () => {
  const { code, out } = await exec('web', '-m', 'ansible.builtin.stat', '-a', 'path=/');
  expect(code).toBe(0);
  expect(out).toContain('"isdir": true');
  expect((await exec('web', '-m', 'fail', '-a', '{"msg": "no"}')).code).toBe(2);
});

test.each([
  [['web'], /no command/],
  [['web', '-m', 'stat', '--', 'uptime'], /not both/],
  [['web', '-m', 'stta', '-a', 'path=/'], /'stta' is neither a module/],
  [['wbe', '--', 'uptime'], /no host matches/],
])('caravan exec refuses %j', async (args, message) => {
  await expect(exec(...args)).rejects.toThrow(message);
});

test('moduleText tells keys, types, defaults and other names', () => {
  expect(moduleText(slurp)).toBe(
    [
      'slurp: Reads a file of up to 1 MiB, in base64 (`content | b64decode`).',
      '  src  string (needed)',
      "  A bare string is 'src'.",
      '  Other names: path is src.',
      '',
    ].join('\n'),
  );
  expect(moduleText(find)).toContain('file_type  file | directory | link | any (default "file")');
});
