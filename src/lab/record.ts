import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { put } from './inventory-file.js';
import { API_PORT, labHosts, POD_CIDR, SERVICE_CIDR } from './layout.js';
import { STATE_FOLDER } from './places.js';
import type { LabDescription } from './types.js';

const recordSchema = z.object({
  controlPlanes: z.number(),
  workers: z.number(),
  kubernetes: z.string(),
  inventoryFolder: z.string(),
  kubectl: z.string(),
  /** Whether the cluster has been whole once; what is not is never repaired, but built anew. */
  complete: z.boolean(),
});

/** What `up` was asked for, kept while the lab exists. */
export type LabRecord = z.infer<typeof recordSchema>;

const RECORD = path.join(STATE_FOLDER, 'lab.json');

/** The record of this machine's lab; undefined where there is none, or none that can be read. */
export async function readRecord(): Promise<LabRecord | undefined> {
  try {
    return recordSchema.parse(JSON.parse(await readFile(RECORD, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Keeps the record. */
export async function writeRecord(record: LabRecord): Promise<void> {
  await mkdir(STATE_FOLDER, { recursive: true });
  await put(RECORD, `${JSON.stringify(record, null, 2)}\n`, 0o644);
}

/** The lab that a record is about. */
export function describe(record: LabRecord): LabDescription {
  const hosts = labHosts(record);
  const folder = record.inventoryFolder;
  return {
    kubernetes: record.kubernetes,
    hosts,
    balancer: {
      address: hosts.find((host) => host.role === 'balancer')?.address ?? '',
      port: API_PORT,
    },
    inventoryFolder: folder,
    inventory: path.join(folder, 'hosts.yml'),
    kubeconfig: path.join(folder, 'kubeconfig'),
    knownHosts: path.join(folder, 'known_hosts'),
    privateKey: path.join(folder, 'id_ed25519'),
    podCidr: POD_CIDR,
    serviceCidr: SERVICE_CIDR,
    kubectl: record.kubectl,
  };
}
