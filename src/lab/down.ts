import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import { endProcesses, labCgroups, labProcesses } from './cgroup.js';
import { restoreKernelSettings } from './kernel-settings.js';
import { locked } from './lock.js';
import { mountPoints, unmountUnder } from './machine.js';
import { labLinks, labNamespaces, removeNetwork } from './network.js';
import { STATE_FOLDER } from './places.js';
import { step } from './program.js';
import { describe, readRecord } from './record.js';
import type { LabContext } from './types.js';

/**
 * Removes the lab and all that it made on this machine, caches apart. Goes by what is there, not by
 * a record, so it also removes half of a lab.
 * @throws CaravanError of kind verify where something is left
 */
export async function labDown(ctx: LabContext): Promise<void> {
  await locked(() => removeLab(ctx));
}

/** {@link labDown} for who holds the lock already. */
export async function removeLab(ctx: LabContext): Promise<void> {
  if ((await leftovers(ctx)).length === 0) return;
  await step(ctx, 'remove the lab', async () => {
    const record = await readRecord();
    await endProcesses();
    await removeNetwork(ctx);
    await unmountUnder(ctx, STATE_FOLDER);
    await restoreKernelSettings();
    if (record !== undefined) {
      const lab = describe(record);
      for (const file of [lab.inventory, lab.kubeconfig, lab.knownHosts, lab.privateKey]) {
        await rm(file, { force: true });
      }
      await rmdir(lab.inventoryFolder).catch(() => undefined);
    }
    await rm(STATE_FOLDER, { recursive: true, force: true });
    // Folders that others have put something into stay.
    await rmdir(path.dirname(STATE_FOLDER)).catch(() => undefined);
    const left = await leftovers(ctx);
    if (left.length > 0) {
      throw new CaravanError('verify', `removed the lab; found left: ${left.join(', ')}`, {
        hint: 'try `caravan lab down` again',
      });
    }
  });
}

/** All that a lab has on this machine now, caches apart; empty when there is none. */
export async function leftovers(ctx: LabContext): Promise<string[]> {
  const files = await readdir(STATE_FOLDER).catch(() => []);
  const mounts = (await mountPoints()).filter((place) => place.startsWith(`${STATE_FOLDER}/`));
  return [
    ...(await labProcesses()).map((pid) => `process ${pid}`),
    ...(await labCgroups()).map((folder) => `cgroup ${folder}`),
    ...(await labNamespaces(ctx)).map((name) => `namespace ${name}`),
    ...(await labLinks(ctx)).map((name) => `link ${name}`),
    ...mounts.map((place) => `mount ${place}`),
    ...files.map((name) => `file ${path.join(STATE_FOLDER, name)}`),
  ];
}
