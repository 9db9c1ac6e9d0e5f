import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { exists } from './cache.js';
import { STATE_FOLDER } from './places.js';

/**
 * Settings that a kubelet sets when it starts and that are the machine's, not a namespace's.
 * Source: `setupKernelTunables` in kubernetes/pkg/kubelet/cm/container_manager_linux.go, 1.36.
 */
const SETTINGS = [
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];

const KEPT = path.join(STATE_FOLDER, 'kernel-settings.json');

/** Notes the machine's own values before the first kubelet changes them. */
export async function keepKernelSettings(): Promise<void> {
  if (await exists(KEPT)) return;
  const values: Record<string, string> = {};
  for (const name of SETTINGS) {
    const value = await readFile(`/proc/sys/${name}`, 'utf8').catch(() => undefined);
    if (value !== undefined) values[name] = value.trim();
  }
  await writeFile(KEPT, JSON.stringify(values));
}

/** Gives the machine its own values back. */
export async function restoreKernelSettings(): Promise<void> {
  const text = await readFile(KEPT, 'utf8').catch(() => '{}');
  for (const [name, value] of Object.entries(
    z.record(z.string(), z.string()).parse(JSON.parse(text)),
  )) {
    await writeFile(`/proc/sys/${name}`, value);
  }
  await rm(KEPT, { force: true });
}
