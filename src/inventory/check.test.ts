import { expect, test } from 'vitest';
import { checkInventory } from './check.js';
import { InventoryData } from './data.js';
import { resolveInventory } from './resolve.js';
import { readYamlInventory } from './yaml-source.js';
import { parseYaml } from './yaml-text.js';

function findings(text: string): string[] {
  const data = new InventoryData();
  readYamlInventory(data, parseYaml(text, 'f'), { file: 'f', folder: '.', text });
  data.reconcile();
  const inventory = resolveInventory(data, { inventory: [], playbook: [] });
  return checkInventory(inventory).map(({ place, message }) => `${place}: ${message}`);
}

test('checkInventory has nothing to say about a plain inventory', () => {
  expect(findings('web:\n  hosts:\n    a: {ansible_host: 192.0.2.1}\n')).toEqual([]);
});

test('checkInventory names slips with their places', () => {
  const text = `web:
  hosts:
    a: {ansible_host: 192.0.2.1}
    b: {ansible_host: 192.0.2.1, ansible_pipelining: true}
  var: {}
  children:
    wep:
all:
  hosts: {lone: {ansible_connection: docker}}
`;
  expect(findings(text)).toEqual([
    'f:5:3: "var" in group "web" is none of vars, children and hosts; skipped, as Ansible does',
    'f:7:5: group "wep" has no hosts; did you mean "web"?',
    'f:9:11: host "lone" is in no group',
    'f:4:34: ansible_pipelining of "b" changes nothing: there is one connection a host, kept for the whole run',
    'f:9:18: ansible_connection of lone: "docker" is not supported: only ssh, smart, local',
    'f:4:9: "a" and "b" are both reached at 192.0.2.1 port 22',
  ]);
});

test('checkInventory says once what a group variable does to many hosts', () => {
  const text = 'web:\n  hosts: {a: , b: , c: }\n  vars:\n    ansible_ssh_common_args: -L x\n';
  expect(findings(text)).toEqual([
    expect.stringMatching(
      /^f:4:5: ansible_ssh_common_args of a: "-L x" is not supported. .* \(and 2 more hosts\)$/,
    ),
  ]);
});
