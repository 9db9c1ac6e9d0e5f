import { expect, test } from 'vitest';
import { endpointOf } from './api-server-proof.js';

const manifest = (...flags: string[]): string =>
  `spec:\n  containers:\n  - name: kube-apiserver\n    command:\n    - kube-apiserver\n${flags
    .map((flag) => `    - --${flag}\n`)
    .join('')}`;

test('endpointOf has what kubeadm and kube-apiserver take where flags say nothing', () => {
  const kubeadms = {
    address: '127.0.0.1',
    port: 6443,
    proxyName: 'front-proxy-client',
    userHeader: 'X-Remote-User',
    groupHeader: 'X-Remote-Group',
  };
  expect(endpointOf(manifest())).toEqual(kubeadms);
  // Any name is allowed.
  expect(endpointOf(manifest('requestheader-allowed-names='))).toEqual(kubeadms);
});

test('endpointOf speaks for users as kube-apiserver lets a front-proxy', () => {
  const flags = [
    'advertise-address=10.0.0.1',
    'secure-port=8443',
    'requestheader-allowed-names=aggregator, other',
    'requestheader-username-headers=X-User,X-Remote-User',
    'requestheader-group-headers=X-Group',
  ];
  expect(endpointOf(manifest(...flags))).toEqual({
    address: '10.0.0.1',
    port: 8443,
    proxyName: 'aggregator',
    userHeader: 'X-User',
    groupHeader: 'X-Group',
  });
});
