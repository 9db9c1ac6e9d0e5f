import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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

test('withLock takes over a lock whose process number has gone to another process', async () => {
  if (!existsSync('/proc/self/stat')) return;
  writeFileSync(join(folder, 'lock'), `${process.pid} 1`);
  expect(await withLock(folder, () => Promise.resolve('in'))).toBe('in');
});

test('withLock leaves alone the lock of a process that it cannot see from here', async () => {
  const { pid } = spawnSync('true');
  const lock = join(folder, 'lock');
  writeFileSync(lock, `${pid} 1 another-machine/pid:[4026531836]`);
  const second = withLock(folder, () => Promise.resolve('in'));
  await expect(second).rejects.toMatchObject({ kind: 'locked' });
  await expect(second).rejects.toThrow('process unknown');
  expect(readdirSync(folder)).toEqual(['lock']);
});

test('of many that find a lock left behind at once, one gets in and the others are refused', async () => {
  const { pid } = spawnSync('true');
  for (let round = 0; round < 100; round += 1) {
    writeFileSync(join(folder, 'lock'), String(pid));
    let inside = 0;
    const ends = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        withLock(folder, async () => {
          inside += 1;
          expect(inside).toBe(1);
          await new Promise(setImmediate);
          inside -= 1;
        }),
      ),
    );
    const refused = ends.flatMap((end) =>
      end.status === 'rejected' ? [end.reason as unknown] : [],
    );
    expect(refused.length).toBeLessThan(6);
    for (const reason of refused) expect(reason).toMatchObject({ kind: 'locked' });
    expect(readdirSync(folder)).toEqual([]);
  }
});
