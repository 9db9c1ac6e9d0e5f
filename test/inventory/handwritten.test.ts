import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectionTarget } from '../../src/inventory/connection.js';
import { type LoadOptions, loadInventory } from '../../src/inventory/load.js';
import { printGraph, printHost, printList } from '../../src/inventory/print.js';
import { Secret } from '../../src/values/secret.js';
import { ansiblePrograms } from './oracle.js';

let bin: string;
let home: string;
const CONFIG = join(import.meta.dirname, 'ansible.cfg');

beforeAll(() => {
  bin = ansiblePrograms();
  home = mkdtempSync(join(tmpdir(), 'caravan-inventory-'));
}, 300_000);

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

function write(name: string, text: string, mode = 0o644): string {
  const path = join(home, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

function ansible(program: string, ...args: readonly string[]): string {
  return execFileSync(join(bin, program), args, {
    encoding: 'utf8',
    env: { ...process.env, ANSIBLE_CONFIG: CONFIG },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function same(
  sources: readonly string[],
  options: LoadOptions = {},
  args: readonly string[] = [],
) {
  const inventory = await loadInventory(sources, options);
  const given = [...sources.flatMap((source) => ['-i', source]), ...args];
  expect(`${printList(inventory)}\n`).toBe(ansible('ansible-inventory', '--list', ...given));
  expect(`${printGraph(inventory, 'all', { vars: true })}\n`).toBe(
    ansible('ansible-inventory', '--graph', '--vars', ...given),
  );
  const [first] = inventory.hosts;
  if (first) {
    expect(`${printHost(inventory, first.name)}\n`).toBe(
      ansible('ansible-inventory', '--host', first.name, ...given),
    );
  }
  return inventory;
}

test("an inventory of kubespray's form is the same to both", async () => {
  const file = write(
    'kubespray/inventory.ini',
    `# ## Configure 'ip' variable
[all]
node1 ansible_host=95.54.0.12  ip=10.3.0.1 etcd_member_name=etcd1
node2 ansible_host=95.54.0.13  # ip=10.3.0.2 etcd_member_name=etcd2
node3 ansible_host=95.54.0.14 labels="{'a': 'b', 'n': [1, 2]}"

[kube_control_plane]
node1
[etcd:children]
kube_control_plane
[kube_node]
node[2:3]
[calico_rr]

[k8s_cluster:children]
kube_control_plane
kube_node
calico_rr

[k8s_cluster:vars]
ansible_user=ops
`,
  );
  write(
    'kubespray/group_vars/all/all.yml',
    'bin_dir: /usr/local/bin\nloadbalancer: {port: 6443}\n',
  );
  write('kubespray/group_vars/k8s_cluster/k8s-net.yml', 'kube_proxy: on\nmode: 0644\n');
  write('kubespray/host_vars/node3.yaml', 'own: [~, 1:30]\n');
  await same([file]);
});

test('a folder, a host list and a script with and without _meta are the same to both', async () => {
  write(
    'folder/10-base.yml',
    'all:\n  hosts: {a: , b: {x: 1}}\n  vars: &v {y: 2}\nweb:\n  hosts: {a: {<<: *v, z: 3}}\n  vars: *v\n',
  );
  write('folder/20-more', '[web]\nc x="1 2"\n[db:children]\nweb\n');
  write('folder/skipped.cfg', 'not read');
  write('folder/README.md', 'not read');
  write('folder/group_vars/web', 'q: 1\n');
  const script = (name: string, list: unknown, host: unknown) =>
    write(
      name,
      `#!/bin/sh\nif [ "$1" = --list ]; then echo '${JSON.stringify(list)}'; else echo '${JSON.stringify(host)}'; fi\n`,
      0o755,
    );
  const meta = script(
    'meta.sh',
    {
      web: { hosts: ['s1'], vars: { v: 1 }, children: ['sub'] },
      sub: ['s2'],
      _meta: { hostvars: { s1: { k: [1] } } },
    },
    {},
  );
  const plain = script('plain.sh', { old: ['o1', 'o2'] }, { asked: true });
  await same([join(home, 'folder'), 'l1,l2:2222,[2001:db8::1]:22,10.0.0.1,', meta, plain]);
});

test('variables beside the playbook count as in ansible', async () => {
  const file = write('beside/hosts.ini', '[web]\na\n[db]\na\n');
  write('beside/group_vars/web.yml', 'one: inventory\ntwo: inventory\n');
  write('play/group_vars/web.yml', 'one: play\n');
  write('play/group_vars/all.yml', 'one: all\nthree: all\n');
  write('play/host_vars/a.yml', 'two: host\n');
  await same([file], { playbookFolder: join(home, 'play') }, [
    '--playbook-dir',
    join(home, 'play'),
  ]);
});

test('loadInventory opens what ansible-vault encrypts, and only shows it when asked', async () => {
  const password = write('vault/password', 'sesame\n');
  const named = write('vault/named', 'other\n');
  const one = ansible(
    'ansible-vault',
    'encrypt_string',
    '--vault-password-file',
    password,
    '--name',
    'ansible_become_password',
    'hunter2',
  );
  const two = ansible(
    'ansible-vault',
    'encrypt_string',
    '--vault-id',
    `prod@${named}`,
    '--name',
    'token',
    'pässword',
  );
  const file = write(
    'vault/hosts.yml',
    `all:\n  hosts: {v1: }\n  vars:\n${`${one}\n${two}\n`.replace(/^(?=.)/gm, '    ')}`,
  );
  const whole = write('vault/host_vars/v1/secret.yml', 'deep: {key: whole file}\n');
  ansible('ansible-vault', 'encrypt', '--vault-password-file', password, whole);
  const vaultPasswords = [
    { id: 'default', password: new Secret('sesame') },
    { id: 'prod', password: new Secret('other') },
  ];
  const inventory = await loadInventory([file], { vaultPasswords });
  const [host] = inventory.select('v1');
  expect(connectionTarget(host!).become.password?.reveal()).toBe('hunter2');
  const printed = printList(inventory);
  expect(printed).not.toMatch(/hunter2|pässword|whole file/);
  const shown = printList(inventory, { showSecrets: true });
  for (const text of ['hunter2', 'pässword', 'whole file']) expect(shown).toContain(text);
  const wrong = [{ id: 'default', password: new Secret('wrong') }];
  await expect(loadInventory([file], { vaultPasswords: wrong })).rejects.toThrow(
    'none of the 1 vault passwords',
  );
  const sealed = (await loadInventory([file])).data.all.vars['token'];
  expect(String(sealed)).toBe('[vault]');
});

test('what ansible-inventory --list writes is a source', async () => {
  const file = write('export/hosts.ini', '[web]\na x=1\n[db:children]\nweb\n');
  const json = write('export/saved.json', ansible('ansible-inventory', '-i', file, '--list'));
  expect(printList(await loadInventory([json]))).toBe(printList(await loadInventory([file])));
});
