import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import {
  balancerConfiguration,
  initConfiguration,
  joinConfiguration,
  joinSecrets,
} from './kubeadm.js';
import { labHosts } from './layout.js';

const hosts = labHosts({ controlPlanes: 2, workers: 1 });
const [first, second, worker] = hosts as [(typeof hosts)[0], (typeof hosts)[0], (typeof hosts)[0]];
const endpoint = '10.89.0.10:6443';
const secrets = joinSecrets();

test('joinSecrets gives a token that kubeadm takes', () => {
  expect(secrets.token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
  expect(secrets.certificateKey).toMatch(/^[0-9a-f]{64}$/);
});

test('initConfiguration leaves the flags of API servers to kubeadm', () => {
  const text = initConfiguration(first, {
    kubernetes: 'v1.36.3',
    endpoint,
    secrets,
    systemdCgroup: false,
  });
  const documents = parseAllDocuments(text).map(
    (document) => document.toJS() as Record<string, unknown>,
  );
  expect(documents.map((document) => document['kind'])).toEqual([
    'InitConfiguration',
    'ClusterConfiguration',
    'KubeletConfiguration',
    'KubeProxyConfiguration',
  ]);
  expect(documents[1]).not.toHaveProperty('apiServer');
  expect(documents[1]).toMatchObject({ controlPlaneEndpoint: endpoint });
  expect(documents[2]).toMatchObject({ cgroupDriver: 'cgroupfs', failCgroupV1: false });
});

test('joinConfiguration makes a control plane of a control plane only', () => {
  const about = { endpoint, secrets, caKeyHash: 'sha256:00' };
  expect(joinConfiguration(second, about)).toContain('advertiseAddress: 10.89.0.12');
  expect(joinConfiguration(worker, about)).not.toContain('controlPlane:');
});

test('balancerConfiguration has a server line for each control plane', () => {
  const controlPlanes = hosts.filter((host) => host.role === 'control_plane');
  expect(balancerConfiguration('backend x\n@SERVERS@\n', controlPlanes)).toBe(
    'backend x\n  server cp1 10.89.0.11:6443\n  server cp2 10.89.0.12:6443\n',
  );
});
