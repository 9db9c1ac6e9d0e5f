import { expect, test } from 'vitest';
import { Locations } from './locations.js';

function paths(args: string, config?: string): Record<string, string> {
  const kubelet = { name: 'kubelet', ticks: 1, startedAt: 1, args: args.split(' ') } as const;
  const locations = new Locations({}, [kubelet], config);
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
  expect(paths('--kubeconfig-x=/c --v')['kubelet kubeconfig CA']).toBe(
    '/etc/kubernetes/kubelet.conf',
  );
});
