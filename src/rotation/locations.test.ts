import { expect, test } from 'vitest';
import { CATALOGUE } from '../pki/catalogue.js';
import { foundItems, Locations } from './locations.js';

function paths(args: string, config?: string): Record<string, string> {
  const kubelet = { name: 'kubelet', ticks: 1, startedAt: 1, args: args.split(' ') } as const;
  const file =
    config === undefined ? undefined : { path: '/etc/kubelet/config.yaml', text: config };
  const locations = new Locations({}, [kubelet], file);
  return Object.fromEntries(locations.all().map(({ item, path }) => [item.name, path]));
}

const CONFIG = 'authentication:\n  x509:\n    clientCAFile: /pki/ca.crt\n';

test('the kubelet is found as its flags and its configuration say', () => {
  expect(paths('--config=/var/lib/kubelet/config.yaml', CONFIG)).toEqual({
    'kubelet client CA': '/pki/ca.crt',
    'kubelet kubeconfig CA': '/etc/kubernetes/kubelet.conf',
    'kubelet kubeconfig leaf': '/etc/kubernetes/kubelet.conf',
  });
  expect(paths('--kubeconfig=/a.conf --v 2')['kubelet kubeconfig CA']).toBe('/a.conf');
  expect(paths('--kubeconfig /a.conf --v 2')['kubelet kubeconfig CA']).toBe('/a.conf');
  expect(paths('--client-ca-file /b.crt', CONFIG)['kubelet client CA']).toBe('/b.crt');
  expect(paths('', CONFIG.replace('/pki', 'pki'))['kubelet client CA']).toBe(
    '/etc/kubelet/pki/ca.crt',
  );
  expect(paths('--kubeconfig-x=/c --v')['kubelet kubeconfig CA']).toBe(
    '/etc/kubernetes/kubelet.conf',
  );
});

test('a manifest, configuration or kubeconfig that cannot be read is named', () => {
  const broken = 'a: b: c';
  expect(() => new Locations({ 'kube-scheduler': broken }, [], undefined)).toThrow(
    '/etc/kubernetes/manifests/kube-scheduler.yaml: The static pod manifest is not YAML at line 1',
  );
  expect(() => paths('', broken)).toThrow(
    '/etc/kubelet/config.yaml: The kubelet configuration is not YAML at line 1',
  );
  const path = '/etc/kubernetes/admin.conf';
  const file = { path, text: broken, changedAt: 0, mode: 0o600, owner: 'root:root', hasKey: false };
  const item = CATALOGUE.find(({ name }) => name === 'admin.conf CA')!;
  expect(() => foundItems([{ item, path }], { [path]: file })).toThrow(
    `${path}: The kubeconfig is not YAML at line 1`,
  );
});
