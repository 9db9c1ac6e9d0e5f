import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ansible, buildCaravan, caravan, caravanOnTerminal, Sandbox } from './sandbox.js';

const sandbox = new Sandbox();
let hosts: string;

beforeAll(() => {
  buildCaravan();
  hosts = sandbox.write(
    'hosts.ini',
    '[web]\nweb[1:5]\n[db]\ndb[1:3] ansible_user=ops\n[site:children]\nweb\ndb\n',
  );
}, 300_000);

afterAll(() => {
  sandbox.remove();
});

test.each([
  ['all', undefined],
  ['web:!web2', undefined],
  ['site:&db', undefined],
  ['web[1:2],db[-1]', undefined],
  ['~(web|db)[13]', undefined],
  ['*2:localhost', undefined],
  ['all', 'db'],
  ['web', '!web1'],
  ['all', 'web[0:1]:db'],
  ['site', '@limit.txt'],
  ['web', '@limit.txt:!web4'],
  ['all', '@limit.txt,db2'],
])('--list-hosts %s --limit %s prints what ansible prints', (pattern, limit) => {
  const file = sandbox.write('limit.txt', 'web4\n\n  db3  \nweb[0]\n~db1\n');
  const limits = limit === undefined ? [] : ['--limit', limit.replace('@limit.txt', `@${file}`)];
  const ours = caravan('inventory', '-i', hosts, '--list-hosts', pattern, ...limits);
  expect(ours).toEqual({
    code: 0,
    stdout: ansible('ansible', pattern, '-i', hosts, '--list-hosts', ...limits),
    stderr: '',
  });
});

test.each([
  [['--list']],
  [['--list', '--export']],
  [['--list', '--limit', 'db']],
  [['--list', '--yaml', '--limit', 'web1,db2']],
  [['--host', 'db1']],
  [['--host', 'db1', '--yaml']],
  [['--graph']],
  [['--graph', 'site', '--vars']],
])('%j prints what ansible-inventory prints', (args) => {
  const { code, stdout, stderr } = caravan('inventory', '-i', hosts, ...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toBe(ansible('ansible-inventory', '-i', hosts, ...args));
});

test.each([
  [['--list-hosts', 'wbe'], /no host matches "wbe"[\s\S]*"web"/],
  [['--list-hosts', 'web', '--limit', 'db'], /--limit db leaves no host of "web"/],
  [['--list', '--limit', 'nope'], /no host matches "nope"/],
  [['--list', '--limit', '@missing.txt'], /missing\.txt cannot be read/],
  [['--host', 'web'], /--host takes one host; "web" names 5/],
  [['--graph', 'wbe'], /there is no group "wbe" to draw[\s\S]*"web"/],
  [[], /one of --list, --host/],
])('%j is refused', (args, message) => {
  const { code, stdout, stderr } = caravan('inventory', '-i', hosts, ...args);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(message);
});

test('--check names each slip with file, line and column', () => {
  const file = sandbox.write(
    'check/hosts.yml',
    [
      'web:',
      '  hosts: {a: , b: , c: }',
      '  children: {wep: }',
      'all:',
      '  hosts: {lone: {ansible_host: 192.0.2.9}}',
      '',
    ].join('\n'),
  );
  const home = join(sandbox.home, 'check');
  sandbox.write('check/group_vars/web.yml', '# x\nansible_pipelining: true\nbastion: "-A"\n');
  sandbox.write('check/group_vars/web.yaml', 'never: read\n');
  sandbox.write('check/group_vars/wbe/x.yml', 'a: 1\n');
  sandbox.write('check/host_vars/a.yml', 'n: 7\nansible_host: "192.0.2.{{ n }}"\n');
  sandbox.write('check/host_vars/b.yml', '---\nm: 7\nansible_host: 192.0.2.{{ m }}\n');
  sandbox.write('check/host_vars/c.yml', 'ansible_ssh_common_args: "{{ bastion }}"\n');
  sandbox.write('check/host_vars/lone.yml', 'ansible_user: "{{ who }}"\nwho: "{{ nobody }}"\n');
  const { code, stdout } = caravan('inventory', '-i', file, '--check');
  expect(stdout.replaceAll(`${home}/`, '').split('\n')).toEqual([
    'hosts.yml:3:14: group "wep" has no hosts; did you mean "web"?',
    'hosts.yml:5:11: host "lone" is in no group',
    'group_vars/wbe:1:1: no group is named "wbe"; did you mean "web"?',
    'group_vars/web.yaml:1:1: it is not read: "web.yml" stands for group "web"',
    `group_vars/web.yml:2:1: ansible_pipelining of "web" changes nothing: there is one connection a host, kept for the whole run`,
    expect.stringMatching(
      /^host_vars\/lone.yml:1:1: ansible_user of lone: 'nobody' is undefined in 'nobody': ansible_user -> who -> nobody/,
    ),
    'host_vars/b.yml:3:1: "a" and "b" are both reached at 192.0.2.7 port 22',
    expect.stringMatching(/^host_vars\/c.yml:1:1: ansible_ssh_common_args of c: "-A"/),
    '4 hosts, 8 remarks',
    '',
  ]);
  expect(code).toBe(1);
});

test.each([
  ['cycle.yml', 'a:\n  children:\n    b:\n      children:\n        a:\n', 'cycle.yml:3:5'],
  ['cycle.ini', '[a:children]\nb\n\n[b:children]\n  a\n', 'cycle.ini:5:3'],
])('--check names the place of a loop of groups in %s', (name, text, place) => {
  const file = sandbox.write(`check/${name}`, text);
  const { code, stderr } = caravan('inventory', '-i', file, '--check');
  expect(stderr).toMatch(/is a loop/);
  expect(stderr).toContain(place);
  expect(code).toBe(1);
});

const SECRETS = ['hunter2', 'tok-ä-en', 'whole-file'];

/** An inventory with values of vault 1.1 and 1.2 and a file that is encrypted whole. */
function vaulted(): { file: string; password: string; named: string } {
  const password = sandbox.write('vault/password', 'sesame\n');
  const named = sandbox.write('vault/named.sh', '#!/bin/sh\necho other\n', 0o755);
  const encrypt = (name: string, value: string, ...args: readonly string[]) =>
    ansible('ansible-vault', 'encrypt_string', ...args, '--name', name, value);
  const one = encrypt('pw', 'hunter2', '--vault-password-file', password);
  const two = encrypt('token', 'tok-ä-en', '--vault-id', `prod@${named}`);
  expect([one, two]).toEqual([
    expect.stringContaining('$ANSIBLE_VAULT;1.1;AES256\n'),
    expect.stringContaining('$ANSIBLE_VAULT;1.2;AES256;prod\n'),
  ]);
  const indented = `${one}\n${two}\n`.replace(/^(?=.)/gm, '    ');
  const file = sandbox.write('vault/hosts.yml', `web:\n  hosts: {v1: }\n  vars:\n${indented}`);
  const whole = sandbox.write('vault/host_vars/v1/secret.yml', 'deep: {key: [whole-file]}\n');
  ansible('ansible-vault', 'encrypt', '--vault-password-file', password, whole);
  return { file, password, named };
}

test('vault values are opened by files and programs, and printed only when asked', () => {
  const { file, password, named } = vaulted();
  const keys = ['--vault-password-file', password, '--vault-password-file', `prod@${named}`];
  for (const args of [
    ['--list'],
    ['--list', '--yaml'],
    ['--list', '--export'],
    ['--host', 'v1'],
    ['--graph', '--vars'],
    ['--check'],
  ]) {
    const hidden = caravan('inventory', '-i', file, ...args, ...keys);
    expect([args, hidden.code, hidden.stderr]).toEqual([args, 0, '']);
    for (const secret of SECRETS) expect(hidden.stdout).not.toContain(secret);
    if (args[0] === '--check') continue;
    expect(hidden.stdout).toContain('[secret]');
    const shown = caravan('inventory', '-i', file, ...args, ...keys, '--show-secrets');
    for (const secret of SECRETS) expect(shown.stdout).toContain(secret);
  }
});

test('vault values without a password stay closed, as ansible-inventory prints them', () => {
  const { file } = vaulted();
  const alone = sandbox.write('closed/hosts.yml', readFileSync(file, 'utf8'));
  const args = ['-i', alone, '--list'];
  const { stdout } = caravan('inventory', ...args);
  expect(stdout).toContain('"__ansible_vault": "$ANSIBLE_VAULT;1.2;AES256;prod');
  expect(stdout).toBe(ansible('ansible-inventory', ...args));
});

test('--ask-vault-pass asks on the terminal and shows nothing of what is typed', async () => {
  const { file, named } = vaulted();
  const args = ['inventory', '-i', file, '--host', 'v1', '--ask-vault-pass'];
  const more = ['--vault-password-file', `prod@${named}`, '--show-secrets'];
  const opened = await caravanOnTerminal([...args, ...more], 'Vault password: ', 'sesame\r');
  expect(opened.code).toBe(0);
  for (const secret of SECRETS) expect(opened.screen).toContain(secret);
  expect(opened.screen).not.toContain('sesame');
  const wrong = await caravanOnTerminal(args, 'Vault password: ', 'wrong\r');
  expect(wrong.code).toBe(1);
  expect(wrong.screen).toContain('none of the 1 vault passwords opens it');
  const ended = await caravanOnTerminal(args, 'Vault password: ', '\x04');
  expect(ended.code).toBe(99);
  const without = caravan(...args);
  expect(without.stderr).toContain('no terminal');
  expect(without.code).toBe(1);
});
