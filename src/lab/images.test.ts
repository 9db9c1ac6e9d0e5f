import { expect, test } from 'vitest';
import { CaravanError } from '../values/error.js';
import { archiveName, imageConfig, labImages } from './images.js';

test('labImages takes tags from kubeadm and adds the practice image', () => {
  const images = labImages(
    'registry.k8s.io/etcd:3.6.8-0\nregistry.k8s.io/coredns/coredns:v1.14.2\n',
  );
  expect(images.map((image) => image.reference)).toEqual([
    'registry.k8s.io/etcd:3.6.8-0',
    'registry.k8s.io/coredns/coredns:v1.14.2',
    'registry.k8s.io/e2e-test-images/agnhost:2.53',
  ]);
  expect(images.map(archiveName)).toEqual([
    'etcd-3.6.8-0.tar',
    'coredns-v1.14.2.tar',
    'agnhost-2.53.tar',
  ]);
});

test('labImages refuses an image that it cannot make', () => {
  expect(() => labImages('registry.k8s.io/new-thing:v1\n')).toThrow(CaravanError);
});

test('imageConfig names its layer by digest', () => {
  const [image] = labImages('registry.k8s.io/pause:3.10.2\n');
  expect(JSON.parse(imageConfig(image!, 'ab', 'amd64'))).toMatchObject({
    architecture: 'amd64',
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
    rootfs: { diff_ids: ['sha256:ab'] },
  });
});
