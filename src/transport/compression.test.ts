import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { compressed, pays } from './compression.js';

const MIB = 1024 * 1024;
test.each([
  ['shrinks, over a slow link', 0.3, 5 * MIB, true],
  ['shrinks, over a fast link', 0.3, 60 * MIB, false],
  ['does not shrink', 0.95, MIB, false],
])('pays tells of a file that %s', (_, ratio, linkRate, expected) => {
  expect(pays({ ratio, linkRate })).toBe(expected);
});

test('compressed makes pieces that follow each other one stream', async () => {
  const pieces = [Buffer.from('one, '), Buffer.from('two')];
  const packed = await Promise.all(pieces.map(compressed));
  expect(gunzipSync(Buffer.concat(packed)).toString()).toBe('one, two');
});
