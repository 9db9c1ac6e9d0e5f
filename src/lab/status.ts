import { readyNodes } from './cluster.js';
import { labProcesses } from './cgroup.js';
import { leftovers } from './down.js';
import { describe, readRecord } from './record.js';
import type { LabContext, LabStatus } from './types.js';

/** What there is of a lab on this machine. Changes nothing; needs root to reach the hosts. */
export async function labStatus(ctx: LabContext): Promise<LabStatus> {
  const record = await readRecord();
  if (record === undefined) {
    return { state: (await leftovers(ctx)).length === 0 ? 'absent' : 'partial', hosts: [] };
  }
  const description = describe(record);
  const running = new Map<string, boolean>();
  for (const host of description.hosts) {
    running.set(host.name, (await labProcesses(host.name)).length > 0);
  }
  // Any control plane can tell; the first that runs and answers does.
  let ready: string[] = [];
  for (const host of description.hosts) {
    if (host.role !== 'control_plane' || running.get(host.name) !== true) continue;
    ready = await readyNodes(ctx, description, host);
    if (ready.length > 0) break;
  }
  const hosts = description.hosts.map((host) => {
    const runs = running.get(host.name) === true;
    return {
      ...host,
      running: runs,
      ready: runs && (host.role === 'balancer' || ready.includes(host.name)),
    };
  });
  return { state: stateOf(record.complete, hosts), hosts, description };
}

/** The state that a record and its hosts make. */
export function stateOf(complete: boolean, hosts: LabStatus['hosts']): LabStatus['state'] {
  if (!complete) return 'partial';
  return hosts.every((host) => host.running && host.ready) ? 'up' : 'stopped';
}
