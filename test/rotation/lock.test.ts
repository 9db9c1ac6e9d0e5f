import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../src/rotation/lock.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-lock-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

test('withLock refuses a second run and names the first', async () => {
  await withLock(folder, async () => {
    const second = withLock(folder, () => Promise.resolve('in'));
    await expect(second).rejects.toMatchObject({ kind: 'locked' });
    await expect(second).rejects.toThrow(String(process.pid));
  });
  expect(existsSync(join(folder, 'lock'))).toBe(false);
});

test('withLock takes over the lock of a process that is gone', async () => {
  const { pid } = spawnSync('true');
  writeFileSync(join(folder, 'lock'), String(pid));
  expect(await withLock(folder, () => Promise.resolve('in'))).toBe('in');
});
