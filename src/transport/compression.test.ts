import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressed, measure, pays } from './compression.js';

test.each([
  ['shrinks, over a slow link', 0.3, 10, true],
  ['shrinks, over a fast link', 0.3, 60, false],
  ['does not shrink', 0.95, 1, false],
])('pays tells of a file that %s', (_, ratio, linkRate, expected) => {
  expect(pays({ ratio, linkRate, compressRate: 200 })).toBe(expected);
});

test('compressed makes pieces that follow each other one stream', async () => {
  const pieces = [Buffer.from('one, '), Buffer.from('two')];
  const packed = await Promise.all(pieces.map(compressed));
  expect(gunzipSync(Buffer.concat(packed)).toString()).toBe('one, two');
});

test('measure tells how small a sample gets, and how fast', async () => {
  let nowMs = 0;
  const found = await measure(Buffer.alloc(1000, 'x'), () => (nowMs += 500));
  expect(found.ratio).toBeLessThan(0.1);
  expect(found.compressRate).toBe(2000);
});
