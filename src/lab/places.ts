import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabContext } from './types.js';

/** The package's own data: build modules, scripts, haproxy.cfg. The same from src/ and from dist/. */
export const DATA_FOLDER = fileURLToPath(new URL('../../lab', import.meta.url));

/** What exists while a lab does, and nothing else: one folder a host, the keys, the record. */
export const STATE_FOLDER = '/var/lib/caravan/lab';

/** Root of all that is kept between labs. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return path.join(
    base !== undefined && base !== '' ? base : path.join(homedir(), '.cache'),
    'caravan',
  );
}

/** Folder of one host of the running lab. */
export function hostFolder(name: string): string {
  return path.join(STATE_FOLDER, 'hosts', name);
}

/** Folder that the inventory is written to. */
export function inventoryFolder(ctx: LabContext): string {
  return path.resolve(ctx.inventoryFolder ?? 'inventory/lab');
}
