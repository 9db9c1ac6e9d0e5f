import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { podRoutes } from './cluster.js';
import { inventoryText } from './inventory-file.js';
import { labHosts } from './layout.js';
import { stateOf } from './status.js';

const hosts = labHosts({ controlPlanes: 1, workers: 1 });

test('inventoryText is an ordinary Ansible inventory', () => {
  const text = inventoryText({ hosts, privateKey: '/k/id', knownHosts: '/k/known' });
  expect(parse(text)).toEqual({
    all: {
      vars: {
        ansible_user: 'ops',
        ansible_become: true,
        ansible_ssh_private_key_file: '/k/id',
        ansible_ssh_common_args: '-o UserKnownHostsFile=/k/known',
      },
      children: {
        control_plane: { hosts: { cp1: { ansible_host: '10.89.0.11' } } },
        workers: { hosts: { w1: { ansible_host: '10.89.0.21' } } },
        balancer: { hosts: { lb: { ansible_host: '10.89.0.10' } } },
      },
    },
  });
});

test('podRoutes leads to all pods but those of the host itself', () => {
  const nodes = hosts.filter((host) => host.role !== 'balancer');
  const cidrs = new Map([
    ['cp1', '10.244.0.0/24'],
    ['w1', '10.244.1.0/24'],
  ]);
  expect(podRoutes(nodes[0]!, nodes, cidrs)).toBe('10.244.1.0/24 via 10.89.0.21\n');
  expect(podRoutes(hosts.at(-1)!, nodes, cidrs).split('\n')).toHaveLength(3);
});

test('stateOf is up only when every host runs and every node is Ready', () => {
  const on = hosts.map((host) => ({ ...host, running: true, ready: true }));
  const off = on.map((host, i) => (i === 0 ? { ...host, running: false } : host));
  expect(stateOf(true, on)).toBe('up');
  expect(stateOf(true, off)).toBe('stopped');
  expect(stateOf(false, on)).toBe('partial');
});
