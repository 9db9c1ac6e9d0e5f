import type { HostOrder, SerialStep } from '../playbook/model.js';

function size(step: SerialStep, hosts: number): number {
  if ('count' in step) return step.count;
  return Math.max(1, Math.floor((step.percent / 100) * hosts));
}

/**
 * The hosts of a play in batches, by Ansible's arithmetic: a percentage is of all hosts of the
 * play, rounded down and at least one; the last step repeats; a step of 0 takes all that are left.
 */
export function batches<T>(hosts: readonly T[], serial: readonly SerialStep[]): T[][] {
  const found: T[][] = [];
  let at = 0;
  for (let i = 0; at < hosts.length; i += 1) {
    const step = serial[Math.min(i, serial.length - 1)];
    const count = step === undefined ? 0 : size(step, hosts.length);
    const end = count <= 0 ? hosts.length : at + count;
    found.push(hosts.slice(at, end));
    at = end;
  }
  return found;
}

/** Hosts in the order that a play asks for. `random` gives numbers from 0 up to 1. */
export function ordered<T extends { readonly name: string }>(
  hosts: readonly T[],
  order: HostOrder,
  random: () => number,
): T[] {
  const byName = (a: T, b: T): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  switch (order) {
    case 'inventory':
      return [...hosts];
    case 'reverse_inventory':
      return [...hosts].reverse();
    case 'sorted':
      return [...hosts].sort(byName);
    case 'reverse_sorted':
      return [...hosts].sort(byName).reverse();
    case 'shuffle':
      return hosts
        .map((host) => ({ host, at: random() }))
        .sort((a, b) => a.at - b.at)
        .map(({ host }) => host);
  }
}
