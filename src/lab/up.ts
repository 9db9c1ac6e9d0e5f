import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import type { ErrorKind } from '../values/error.js';
import { obtainBinaries } from './binaries.js';
import { adminKubeconfig, formCluster, kubeconfigWorks, waitForKubelets } from './cluster.js';
import { labCredentials } from './credentials.js';
import type { Credentials } from './credentials.js';
import { removeLab } from './down.js';
import { writeInventory } from './inventory-file.js';
import { keepKernelSettings } from './kernel-settings.js';
import { labHosts } from './layout.js';
import { locked } from './lock.js';
import { makeDisk, startHost } from './machine.js';
import { makeBridge, makeNamespace } from './network.js';
import { inventoryFolder, STATE_FOLDER } from './places.js';
import { step, together } from './program.js';
import { describe, readRecord, writeRecord } from './record.js';
import type { LabRecord } from './record.js';
import { checkRequirements } from './requirements.js';
import { tryOnHost, until } from './ssh.js';
import { labStatus } from './status.js';
import { labTemplate } from './template.js';
import type { Template } from './template.js';
import type { LabContext, LabDescription, LabHost, LabOptions } from './types.js';

/** Failures of a repair after which the lab is built anew. */
const GIVE_UP: readonly ErrorKind[] = ['timeout', 'command'];

/** How long a whole cluster whose hosts were started again may take before it is built anew. */
const REPAIR_MS = 120_000;

/**
 * A running lab: the one there when it is whole, its hosts started again when they were stopped,
 * and a new one in all other cases. Safe to call again after it was killed at any moment.
 * @throws CaravanError of kind input (a lab of another shape is there), privilege, command, timeout,
 * locked or cancelled
 */
export async function labUp(options: LabOptions, ctx: LabContext): Promise<LabDescription> {
  await checkRequirements(ctx, options);
  return locked(async () => {
    const present = await readRecord();
    if (present?.complete === true) {
      refuseOtherShape(present, options);
      const lab = await revive(ctx, { ...present, inventoryFolder: inventoryFolder(ctx) });
      if (lab !== undefined) return lab;
    }
    return buildLab(options, ctx);
  });
}

function refuseOtherShape(present: LabRecord, options: LabOptions): void {
  const shape = (one: Pick<LabOptions, 'controlPlanes' | 'workers' | 'kubernetes'>): string =>
    `${one.controlPlanes} control planes, ${one.workers} workers, Kubernetes ${one.kubernetes}`;
  if (shape(present) === shape(options)) return;
  throw new CaravanError(
    'input',
    `asked for a lab of ${shape(options)}; found one of ${shape(present)} on this machine`,
    { hint: '`caravan lab down` first, or ask for the one that is there' },
  );
}

/** Verifies a whole lab, starting hosts that do not run; undefined when it cannot be brought back. */
async function revive(ctx: LabContext, record: LabRecord): Promise<LabDescription | undefined> {
  const lab = describe(record);
  return step(ctx, 'check the lab that is there', async (line) => {
    const credentials = await labCredentials(ctx, lab.hosts);
    await writeRecord(record);
    await writeInventory(lab, credentials);
    let status = await labStatus(ctx);
    const stopped = status.hosts.filter((host) => !host.running);
    try {
      if (stopped.length > 0) {
        line(`starting ${stopped.map((host) => host.name).join(', ')}`);
        await makeBridge(ctx);
        await bootHosts(ctx, lab, stopped);
        await waitForKubelets(ctx, lab, stopped);
      }
      await until(ctx, 'the lab to be up', REPAIR_MS, async () => {
        status = await labStatus(ctx);
        return status.state === 'up';
      });
    } catch (thrown) {
      if (!(thrown instanceof CaravanError) || !GIVE_UP.includes(thrown.kind)) throw thrown;
      line(`${thrown.message}; building it anew`);
      return undefined;
    }
    if (!(await kubeconfigWorks(ctx, lab))) {
      line('kubeconfig taken from a control plane');
      await writeInventory(lab, credentials, await adminKubeconfig(ctx, lab));
    }
    return lab;
  });
}

async function buildLab(options: LabOptions, ctx: LabContext): Promise<LabDescription> {
  const binaries = await obtainBinaries(ctx, options);
  const template = await labTemplate(ctx, options, binaries);
  await removeLab(ctx);
  const record: LabRecord = {
    controlPlanes: options.controlPlanes,
    workers: options.workers,
    kubernetes: options.kubernetes,
    inventoryFolder: inventoryFolder(ctx),
    kubectl: binaries.path('kubectl'),
    complete: false,
  };
  await writeRecord(record);
  const lab = describe(record);
  // A kubeconfig of an earlier lab would point at this one and be refused by it.
  await rm(lab.kubeconfig, { force: true });
  const credentials = await labCredentials(ctx, lab.hosts);
  await writeInventory(lab, credentials);
  await step(ctx, `boot ${lab.hosts.length} hosts`, async () => {
    await keepKernelSettings();
    await makeBridge(ctx);
    await makeDisks(ctx, labHosts(options), template, credentials);
    await bootHosts(ctx, lab, lab.hosts);
  });
  await formCluster(ctx, lab);
  await writeInventory(lab, credentials, await adminKubeconfig(ctx, lab));
  await writeRecord({ ...record, complete: true });
  return lab;
}

async function makeDisks(
  ctx: LabContext,
  hosts: readonly LabHost[],
  template: Template,
  credentials: Credentials,
): Promise<void> {
  // What lies in these folders is seen by users who are not root: sshd's, ops's.
  const umask = process.umask(0o022);
  try {
    await mkdir(path.join(STATE_FOLDER, 'hosts'), { recursive: true });
    await together(ctx, hosts, (host, inner) =>
      makeDisk(inner, host, hosts, { template, credentials }),
    );
  } finally {
    process.umask(umask);
  }
}

/** Boots hosts at the same time; returns when root can log in to each and containerd answers. */
async function bootHosts(
  ctx: LabContext,
  lab: LabDescription,
  hosts: readonly LabHost[],
): Promise<void> {
  await together(ctx, hosts, async (host, inner) => {
    await makeNamespace(inner, host);
    await startHost(inner, host);
  });
  await together(ctx, hosts, (host, inner) =>
    until(inner, `${host.name} to boot`, 60_000, async () => {
      const ready = host.role === 'balancer' ? 'true' : 'test -S /run/containerd/containerd.sock';
      return (await tryOnHost(inner, lab, host, ready, { timeoutMs: 15_000 })).code === 0;
    }),
  );
}
