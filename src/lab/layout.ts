import * as z from 'zod';
import { CaravanError } from '../values/error.js';
import type { LabHost, LabOptions } from './types.js';

/** What the names of all bridges, links, namespaces and cgroups of the lab begin with. */
export const PREFIX = 'cvn-';

/** The bridge that all hosts hang on. */
export const BRIDGE = `${PREFIX}br0`;

/** The lab's network; the controller is `.1`. */
export const NETWORK = '10.89.0.0/24';

/** This machine's address on {@link NETWORK}. */
export const CONTROLLER_ADDRESS = '10.89.0.1';

/** Addresses of pods and of Services. */
export const POD_CIDR = '10.244.0.0/16';
/** Kubernetes' own default. */
export const SERVICE_CIDR = '10.96.0.0/12';

/** Port of the API on the balancer and on each control plane. */
export const API_PORT = 6443;

const FIRST = { balancer: 10, control_plane: 11, worker: 21 } as const;

/** The shape of {@link LabOptions}, with its defaults. */
export const labOptionsSchema = z.strictObject({
  controlPlanes: z.number().int().min(1).max(5).default(3),
  workers: z.number().int().min(0).max(20).default(2),
  kubernetes: z
    .string()
    .regex(/^v1\.\d+\.\d+$/, 'a version such as v1.36.3')
    .default('v1.36.3'),
  binaries: z.string().min(1).optional(),
  install: z.boolean().default(false),
});

/**
 * Options with defaults filled in.
 * @throws CaravanError of kind input that names each option that cannot be used
 */
export function parseLabOptions(given: unknown): LabOptions {
  const parsed = labOptionsSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new CaravanError('input', `read the lab's options; found ${found.join('; ')}`);
}

/** The hosts of a lab, the balancer last. */
export function labHosts(shape: Pick<LabOptions, 'controlPlanes' | 'workers'>): LabHost[] {
  const some = (count: number, prefix: string, role: 'control_plane' | 'worker'): LabHost[] =>
    Array.from({ length: count }, (_, i) => ({
      name: `${prefix}${i + 1}`,
      role,
      address: `10.89.0.${FIRST[role] + i}`,
    }));
  return [
    ...some(shape.controlPlanes, 'cp', 'control_plane'),
    ...some(shape.workers, 'w', 'worker'),
    { name: 'lb', role: 'balancer', address: `10.89.0.${FIRST.balancer}` },
  ];
}

/** `/etc/hosts` of every host: kubeadm looks all node names up. */
export function etcHosts(hosts: readonly LabHost[]): string {
  const lines = hosts.map((host) => `${host.address} ${host.name}`);
  return ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n');
}
