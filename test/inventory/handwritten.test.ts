import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectionTarget } from '../../src/inventory/connection.js';
import { kubernetesGroups } from '../../src/inventory/kubernetes-groups.js';
import { type LoadOptions, loadInventory } from '../../src/inventory/load.js';
import { printGraph, printHost, printList } from '../../src/inventory/print.js';
import { CaravanError } from '../../src/values/error.js';
import { Secret } from '../../src/values/secret.js';
import { Oracle } from './oracle.js';
import { ansible, Sandbox } from './sandbox.js';

const sandbox = new Sandbox();
const { home } = sandbox;
const write = sandbox.write.bind(sandbox);
let oracle: Oracle;

beforeAll(() => {
  oracle = new Oracle();
}, 300_000);

afterAll(() => {
  oracle.close();
  sandbox.remove();
});

/** The same to caravan, to the program ansible-inventory and to the oracle that stands for it. */
async function same(
  sources: readonly string[],
  options: LoadOptions = {},
  args: readonly string[] = [],
) {
  const inventory = await loadInventory(sources, options);
  const given = [...sources.flatMap((source) => ['-i', source]), ...args];
  const list = ansible('ansible-inventory', '--list', ...given);
  expect(`${printList(inventory)}\n`).toBe(list);
  expect(`${printGraph(inventory, 'all', { vars: true })}\n`).toBe(
    ansible('ansible-inventory', '--graph', '--vars', ...given),
  );
  const [first] = inventory.hosts;
  expect(`${printHost(inventory, first!.name)}\n`).toBe(
    ansible('ansible-inventory', '--host', first!.name, ...given),
  );
  if (args.length === 0) {
    const answer = await oracle.ask({ sources, dump: true });
    expect(`${answer.list}\n`).toBe(list);
  }
  return inventory;
}

function names(hosts: readonly { readonly name: string }[]): string[] {
  return hosts.map((host) => host.name);
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
  const groups = kubernetesGroups(await same([file]));
  expect([names(groups.controlPlane), names(groups.workers)]).toEqual([
    ['node1'],
    ['node2', 'node3'],
  ]);
});

test("an inventory of kubeasz' form is the same to both", async () => {
  const file = write(
    'kubeasz/hosts',
    `# 'etcd' has an odd number of members
[etcd]
192.0.2.1
192.0.2.[2:3]

[kube_master]
192.0.2.1 k8s_nodename='master-01'
192.0.2.2 k8s_nodename=''
[kube_node]
192.0.2.3:2222
[harbor]
#192.0.2.8 NEW_INSTALL=false
[ex_lb]
192.0.2.9 LB_ROLE=backup EX_APISERVER_PORT=8443 ON=yes N=1_000 T=True

[all:vars]
# --- main variables ---
SECURE_PORT="6443"
CONTAINER_RUNTIME=containerd
SERVICE_CIDR="10.68.0.0/16"
ansible_python_interpreter=/usr/bin/python3
`,
  );
  const groups = kubernetesGroups(await same([file]));
  expect([names(groups.controlPlane), names(groups.workers)]).toEqual([
    ['192.0.2.1', '192.0.2.2'],
    ['192.0.2.3'],
  ]);
});

test("an inventory of k3s-ansible's form is the same to both", async () => {
  const file = write(
    'k3s/inventory.yml',
    `---
k3s_cluster:
  children:
    server:
      hosts:
        192.0.2.11:
    agent:
      hosts:
        192.0.2.12:
        192.0.2.13: {ansible_port: 2222}
  vars:
    ansible_port: 22
    ansible_user: debian
    k3s_version: v1.31.12+k3s1
    api_endpoint: "{{ hostvars[groups['server'][0]]['ansible_host'] | default(groups['server'][0]) }}"
    server_config_yaml: |
      tls-san:
        - x
`,
  );
  const groups = kubernetesGroups(await same([file]));
  expect([names(groups.controlPlane), names(groups.workers)]).toEqual([
    ['192.0.2.11'],
    ['192.0.2.12', '192.0.2.13'],
  ]);
});

test('a folder, a host list and a script with and without _meta are the same to both', async () => {
  write(
    'folder/10-base.yml',
    'all:\n  hosts: {a: , b: {x: 1}}\n  vars: &v {y: 2}\nweb:\n  hosts: {a: {<<: *v, z: 3}}\n  vars: *v\n',
  );
  write('folder/20-more', '[web]\nc x="1 2"\n[db:children]\nweb\n');
  write('folder/30-sub/inner.ini', '[db]\nd\n');
  for (const name of [
    'skipped.cfg',
    'README.md',
    'old.ini~',
    'x.orig',
    'x.bak',
    '.hidden',
    'x.retry',
  ])
    write(`folder/${name}`, 'not read');
  write('folder/group_vars/web', 'q: 1\n');
  write('folder/group_vars/db/.hidden', 'not read');
  write('folder/group_vars/db/10.json', '{"r": 1, "s": [1.55e1, 2.5]}');
  write('folder/group_vars/db/20.yml', 'r: 2\n');
  write('folder/host_vars/a.yaml', 'own: yes\n');
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

test('the later source wins, and priorities decide between groups of one depth', async () => {
  const one = write('order/1/hosts.ini', '[web]\na v=1\n[b]\na\n[c]\na\n[web:vars]\nw=1\nx=1\n');
  const two = write(
    'order/2/hosts.yml',
    'web: {hosts: {a: {v: 2}}, vars: {w: 2}}\nb: {vars: {p: b, ansible_group_priority: 10}}\nc: {vars: {p: c}}\n',
  );
  write('order/1/group_vars/web.yml', 'x: file 1\ny: file 1\n');
  write('order/2/group_vars/web.yml', 'y: file 2\n');
  const vars = (await same([one, two])).select('a')[0]!.vars;
  expect(vars).toMatchObject({ v: 2, w: 2, x: 'file 1', y: 'file 2', p: 'b' });
});

test('values of both formats are the same to both', async () => {
  const yaml = write(
    'values/hosts.yml',
    `all:
  hosts: {a: , lone: }
  vars:
    base: &base {octal: 0644, flag: on, time: 1:30, none: ~, float: 1.25e+1}
    date: 2001-12-14
    merged: {<<: *base, flag: 'on'}
    nested: [{<<: *base, more: {<<: *base}}]
    folded: >-
      one
      two
    raw: !unsafe '{{ not rendered }}'
    raws: !unsafe {a: ['{{ x }}', 1]}
    big: 123456789012345678901234567890
    !!str 7: !!str 8
`,
  );
  const ini = write(
    'values/hosts.ini',
    `lone q='single' d="double word" l=[1,'a',None] m="{'k': True}" n=0x1f o=0644 e= h=a\\ b
[g]
a:2222 f=1.50 t=(1,2) s="'text'" # comment
[g:vars]
v = [1, {'a': (2, None)}]
w = 'quoted # kept'
x = plain # kept too
y="a" "b"
; comment
z={{ a }}
`,
  );
  await same([yaml, ini]);
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

test('the implicit localhost has the variables of all, and no Python', async () => {
  const file = write('local/hosts.ini', '[web]\na\n[all:vars]\nx=1\n');
  write('local/host_vars/localhost.yml', 'y: 2\n');
  const inventory = await loadInventory([file]);
  const theirs = JSON.parse(
    ansible('ansible-inventory', '-i', file, '--host', 'localhost'),
  ) as Record<string, unknown>;
  expect(theirs['ansible_python_interpreter']).toBeDefined();
  delete theirs['ansible_python_interpreter'];
  expect(JSON.parse(printHost(inventory, 'localhost'))).toEqual(theirs);
  expect(names(inventory.select('all'))).toEqual(['a']);
  expect(connectionTarget(inventory.select('localhost')[0]!).kind).toBe('local');
});

test('a plugin configuration is refused with what to do, and that can be done', async () => {
  const file = write('plugin/hosts.ini', '[web]\na ansible_host=192.0.2.1\nb\n');
  const plugin = write(
    'plugin/z.yml',
    'plugin: constructed\nstrict: true\ngroups: {reached: ansible_host is defined}\n',
  );
  const thrown: unknown = await loadInventory([file, plugin]).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(CaravanError);
  expect(thrown).toMatchObject({
    message: expect.stringContaining('plugin "constructed"') as unknown,
    detail: {
      source: `${plugin}:1:1`,
      hint: expect.stringContaining('--list > inventory.json') as unknown,
    },
  });
  const list = ansible('ansible-inventory', '-i', file, '-i', plugin, '--list');
  const saved = write('plugin/inventory.json', list);
  const inventory = await loadInventory([saved]);
  expect(names(inventory.select('reached'))).toEqual(['a']);
  expect(printList(inventory)).toBe(list.trimEnd());
});

test('what ansible-vault encrypts opens to what was encrypted', async () => {
  const password = write('vault/password', 'sesame\n');
  const one = ansible(
    ...(['ansible-vault', 'encrypt_string', '--vault-password-file', password] as const),
    ...(['--name', 'ansible_become_password', 'hunter2'] as const),
  );
  const indented = `${one}\n`.replace(/^(?=.)/gm, '    ');
  const file = write('vault/hosts.yml', `all:\n  hosts: {v1: }\n  vars:\n${indented}`);
  const opened = await loadInventory([file], {
    vaultPasswords: [{ id: 'default', password: new Secret('sesame') }],
  });
  const [host] = opened.select('v1');
  expect(connectionTarget(host!).become.password?.reveal()).toBe('hunter2');
  const wrong = [{ id: 'default', password: new Secret('wrong') }];
  await expect(loadInventory([file], { vaultPasswords: wrong })).rejects.toThrow(
    'none of the 1 vault passwords',
  );
  const [closed] = (await loadInventory([file])).select('v1');
  expect(() => connectionTarget(closed!)).toThrow('no vault password was given');
});
