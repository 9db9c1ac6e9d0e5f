import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { ansiblePrograms } from '../inventory/oracle.js';
import { startSshd, type Sshd } from '../transport/sshd.js';
import { caravanRun, writeFiles } from './cli.js';

let sshd: Sshd;

beforeAll(async () => {
  sshd = await startSshd();
}, 300_000);

afterAll(() => sshd.stop());

/** Each secret, by where it is planted. */
const CANARIES = {
  inventory: 'canary-inventory-4f1d',
  varsFile: 'canary-vars-file-77aa',
  included: 'canary-included-c20b',
  become: 'canary-become-91e3',
  environment: 'canary-environment-0b5c',
  noLog: 'canary-no-log-d8d8',
  item: 'canary-item-3e3e',
  failed: 'canary-failed-6a6a',
};

const PLAYBOOK = `
- hosts: web
  vars_files: [secret.yml]
  environment: { TOKEN: "{{ from_file }}" }
  tasks:
    - { name: shows, debug: { msg: "{{ from_inventory }} {{ from_file }}" } }
    - { name: shows one, debug: { var: from_inventory } }
    - { name: includes, include_vars: included.yml, no_log: true }
    - { name: shows included, debug: { msg: "{{ from_included }}" } }
    - { name: prints, shell: 'echo "$TOKEN $OTHER"', environment: { OTHER: "{{ from_included }}" } }
    - { name: writes, copy: { content: "{{ from_file }}", dest: "{{ at }}/written", mode: "0600" } }
    - { name: edits, lineinfile: { path: "{{ at }}/edited", line: ${CANARIES.noLog}, create: true }, no_log: true }
    - { name: hides, command: echo ${CANARIES.noLog}, no_log: true, register: hidden }
    - { name: loops, command: "echo {{ item }}", loop: [${CANARIES.item}], no_log: true }
    - { name: fails, shell: "echo ${CANARIES.failed} >&2; exit 1", no_log: true, ignore_errors: true }
    - { name: fails openly, shell: 'echo "$TOKEN" >&2; exit 1', ignore_errors: true }
    - { name: asks again, shell: "echo ${CANARIES.noLog}; exit 1", no_log: true, until: false, retries: 1, delay: 0, ignore_errors: true }
    - { name: ends, fail: { msg: "because of {{ from_inventory }}" } }
`;

/** A value as `ansible-vault` seals it, indented for YAML. */
function sealed(path: string, text: string): string {
  const program = join(ansiblePrograms(), 'ansible-vault');
  return execFileSync(
    program,
    ['encrypt_string', '--vault-password-file', join(path, 'vault'), text],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
}

/** Every file under a folder, as text. */
function texts(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? texts(join(path, entry.name))
      : [readFileSync(join(path, entry.name), 'latin1')],
  );
}

let path: string;

beforeAll(async () => {
  path = join(await persistent(), 'run');
  mkdirSync(path);
  writeFileSync(join(path, 'vault'), 'open sesame\n');
  writeFiles(path, {
    'secret.yml': `from_file: ${sealed(path, CANARIES.varsFile)}\n`,
    'included.yml': `from_included: ${sealed(path, CANARIES.included)}\n`,
    'hosts.yml': [
      'web:',
      '  hosts: { h1: {}, h2: {} }',
      '  vars:',
      `    ansible_host: ${sshd.address}`,
      `    ansible_port: ${sshd.port}`,
      `    ansible_user: ${sshd.user}`,
      `    ansible_ssh_private_key_file: ${sshd.userKey}`,
      `    ansible_ssh_common_args: -o UserKnownHostsFile=${sshd.knownHosts}`,
      `    ansible_become_password: ${sealed(path, CANARIES.become).replaceAll('\n', '\n    ')}`,
      `    from_inventory: ${sealed(path, CANARIES.inventory).replaceAll('\n', '\n    ')}`,
      '',
    ].join('\n'),
    'site.yml': PLAYBOOK,
  });
}, 300_000);

/** Gone with the folder of the sshd. */
function persistent(): Promise<string> {
  const made = join(sshd.folder, 'canaries');
  mkdirSync(made);
  return Promise.resolve(made);
}

test.each(['text', 'json', 'junit'])('no secret is in --output %s with -vvvv', async (output) => {
  const at = await folder();
  const called = await caravanRun(
    path,
    ...['-i', 'hosts.yml', '--vault-password-file', 'vault', '-vvvv', '--diff', '-b'],
    ...['-e', `at=${at}`, '--output', output, '--retry-file', join(at, 'retry'), 'site.yml'],
  );
  const all = called.out + called.err;
  // It ran to its end, and showed what it may.
  expect(called.code).toBe(2);
  expect(all).toContain('[secret]');
  expect(all).toContain('ends');
  expect(readFileSync(join(at, 'written'), 'utf8')).toBe(CANARIES.varsFile);
  const keyLines = readFileSync(sshd.userKey, 'utf8')
    .split('\n')
    .filter((line) => line.length > 20 && !line.startsWith('-'));
  for (const secret of [...Object.values(CANARIES), ...keyLines]) expect(all).not.toContain(secret);
  const others = texts(at).filter(
    (text) => ![CANARIES.varsFile, `${CANARIES.noLog}\n`].includes(text),
  );
  for (const secret of Object.values(CANARIES))
    for (const text of others) expect(text).not.toContain(secret);
});
