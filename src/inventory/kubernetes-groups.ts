import { CaravanError } from '../values/error.js';
import type { Inventory, InventoryHost } from './inventory.js';

/**
 * Names under which kubeadm, kubespray, kubeasz, k3s-ansible and Ansible's examples keep control
 * planes, in the order in which they are looked for.
 */
export const CONTROL_PLANE_GROUPS: readonly string[] = [
  'kube_control_plane',
  'kube-control-plane',
  'control_plane',
  'control-plane',
  'controlplane',
  'kube_controlplane',
  'kube-controlplane',
  'kube_master',
  'kube-master',
  'masters',
  'master',
  'servers',
  'server',
];

/** Names under which the same projects keep workers, in the order in which they are looked for. */
export const WORKER_GROUPS: readonly string[] = [
  'workers',
  'worker',
  'kube_worker',
  'kube-worker',
  'kube_node',
  'kube-node',
  'nodes',
  'node',
  'agents',
  'agent',
];

/** Group names that the operator gives instead of the known ones. */
export interface KubernetesGroupNames {
  readonly controlPlane?: string;
  readonly workers?: string;
}

/** The hosts of a cluster by their part in it. */
export interface KubernetesGroups {
  readonly controlPlane: readonly InventoryHost[];
  /** Without those that are control planes. */
  readonly workers: readonly InventoryHost[];
  /** What was taken for granted, as one sentence for the operator; undefined when all was named. */
  readonly guessed: string | undefined;
}

/**
 * Finds control planes and workers by the groups' names. Throws a CaravanError of kind `input`
 * when no control plane is found, saying which names were looked for and how to give another.
 */
export function kubernetesGroups(
  inventory: Inventory,
  overrides: KubernetesGroupNames = {},
): KubernetesGroups {
  const control = overrides.controlPlane ?? firstGroup(inventory, CONTROL_PLANE_GROUPS);
  if (control === undefined) throw noControlPlane(inventory);
  const controlPlane = inventory.select(control);
  const names = new Set(controlPlane.map((host) => host.name));
  const worker = overrides.workers ?? firstGroup(inventory, WORKER_GROUPS);
  const workers = (worker === undefined ? [] : inventory.select(worker)).filter(
    (host) => !names.has(host.name),
  );
  const guesses = [
    overrides.controlPlane === undefined
      ? `control planes are the hosts of group "${control}"`
      : '',
    overrides.workers !== undefined
      ? ''
      : worker === undefined
        ? 'there are no workers'
        : `workers are the hosts of group "${worker}"`,
  ].filter((guess) => guess !== '');
  return {
    controlPlane,
    workers,
    guessed: guesses.length === 0 ? undefined : `Guessed by name: ${guesses.join('; ')}.`,
  };
}

function firstGroup(inventory: Inventory, names: readonly string[]): string | undefined {
  return names.find((name) => (inventory.groups.get(name) ?? []).length > 0);
}

function noControlPlane(inventory: Inventory): CaravanError {
  const there = [...inventory.groups.keys()].join(', ');
  return new CaravanError(
    'input',
    `the inventory has no control plane: looked for a group with hosts named ${CONTROL_PLANE_GROUPS.join(', ')}; found ${there}`,
    { hint: 'Name yours with --control-plane-group GROUP.' },
  );
}
