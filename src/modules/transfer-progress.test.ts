import { expect, test } from 'vitest';
import { transferProgress } from './transfer-progress.js';

const MIB = 1024 * 1024;

test('transferProgress tells how far it is and how fast, once a second at most', () => {
  let atMs = 0;
  const lines: string[] = [];
  const tell = transferProgress(80 * MIB, {
    clock: {
      now: () => new Date(atMs),
      sleep: () => Promise.resolve(),
      timer: () => () => undefined,
    },
    progress: (line) => lines.push(line),
  });
  const steps: [number, number][] = [
    [0, 10],
    [900, 11],
    [1000, 12],
    [1500, 14],
    [3000, 40],
    [3100, 0],
    [4100, 1],
  ];
  for (const [ms, mebibytes] of steps) {
    atMs = ms;
    tell(mebibytes * MIB);
  }
  expect(lines).toEqual([
    '12.0 of 80.0 MiB, 2.0 MiB/s',
    '40.0 of 80.0 MiB, 14.0 MiB/s',
    '1.0 of 80.0 MiB, 1.0 MiB/s',
  ]);
});
