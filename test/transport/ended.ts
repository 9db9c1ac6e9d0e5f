import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';

/** Process ids, zombies left out, whose command line holds `text`. Linux. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(text);
      } catch {
        return false; // it ended while we looked
      }
    })
    .map(Number);
}

/** Resolves once `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await expect.poll(condition, { timeout: 10_000, interval: 10, message: what }).toBe(true);
}

/** Resolves once a file is there. */
export function untilThere(file: string): Promise<void> {
  return until(() => existsSync(file), `${file} is there`);
}
