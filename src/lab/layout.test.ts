import { expect, test } from 'vitest';
import { CaravanError } from '../values/error.js';
import { etcHosts, labHosts, parseLabOptions } from './layout.js';

test('parseLabOptions gives three control planes and two workers when nothing is asked for', () => {
  expect(parseLabOptions({})).toEqual({
    controlPlanes: 3,
    workers: 2,
    kubernetes: 'v1.36.3',
    install: false,
  });
});

test.each([
  [{ controlPlanes: 0 }],
  [{ controlPlanes: 6 }],
  [{ workers: 21 }],
  [{ workers: 1.5 }],
  [{ kubernetes: '1.36' }],
  [{ nodes: 3 }],
])('parseLabOptions refuses %j', (given) => {
  expect(() => parseLabOptions(given)).toThrow(CaravanError);
});

test('labHosts gives every host an address of its own on the bridge at the largest size', () => {
  const hosts = labHosts({ controlPlanes: 5, workers: 20 });
  const addresses = hosts.map((host) => host.address);
  expect(hosts).toHaveLength(26);
  expect(new Set(addresses).size).toBe(26);
  expect(addresses).not.toContain('10.89.0.1');
  expect(hosts[0]).toEqual({ name: 'cp1', role: 'control_plane', address: '10.89.0.11' });
  expect(hosts.at(-1)?.role).toBe('balancer');
});

test('etcHosts names all hosts', () => {
  const text = etcHosts(labHosts({ controlPlanes: 1, workers: 1 }));
  expect(text).toContain('10.89.0.11 cp1\n10.89.0.21 w1\n10.89.0.10 lb\n');
});
