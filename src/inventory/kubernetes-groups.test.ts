import { expect, test } from 'vitest';
import { InventoryData } from './data.js';
import { readIniInventory } from './ini-source.js';
import { kubernetesGroups } from './kubernetes-groups.js';
import { resolveInventory } from './resolve.js';

function inventory(text: string) {
  const data = new InventoryData();
  readIniInventory(data, { file: 'hosts', folder: '.', text });
  data.reconcile();
  return resolveInventory(data, { inventory: [], playbook: [] });
}

test('kubernetesGroups finds control planes and workers by name and says that it guessed', () => {
  const found = kubernetesGroups(inventory('[kube-master]\nm1\n[kube-node]\nm1\nw[1:2]\n'));
  expect(found.controlPlane.map((host) => host.name)).toEqual(['m1']);
  expect(found.workers.map((host) => host.name)).toEqual(['w1', 'w2']);
  expect(found.guessed).toContain('"kube-master"');
});

test('kubernetesGroups takes overrides as they are', () => {
  const found = kubernetesGroups(inventory('[cp]\na\n[w]\nb\n'), {
    controlPlane: 'cp',
    workers: 'w',
  });
  expect(found.guessed).toBeUndefined();
});

test('kubernetesGroups refuses an inventory without a control plane', () => {
  expect(() => kubernetesGroups(inventory('[web]\na\n'))).toThrow(
    /no control plane.*kube_control_plane.*web/,
  );
});

test('select names what is near when nothing matches', () => {
  expect(() => inventory('[workers]\na\n').select('wokers')).toThrow(
    expect.objectContaining({ kind: 'input', detail: { hint: 'Did you mean "workers"?' } }),
  );
});
