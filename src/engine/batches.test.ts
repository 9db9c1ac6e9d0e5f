import { expect, test } from 'vitest';
import type { SerialStep } from '../playbook/model.js';
import { batches } from './batches.js';

test.each<[string, number, SerialStep[], number[]]>([
  ['all at once without serial', 5, [], [5]],
  ['a number', 5, [{ count: 2 }], [2, 2, 1]],
  ['a list whose last item repeats', 10, [{ count: 1 }, { count: 4 }], [1, 4, 4, 1]],
  ['a percentage of all hosts, rounded down', 10, [{ percent: 25 }], [2, 2, 2, 2, 2]],
  ['at least one host', 3, [{ percent: 10 }], [1, 1, 1]],
  ['zero as all that are left', 5, [{ count: 1 }, { count: 0 }], [1, 4]],
  ['no hosts', 0, [{ count: 2 }], []],
])('batches takes %s', (_name, hosts, serial, sizes) => {
  const all = Array.from({ length: hosts }, (_, i) => i);
  const found = batches(all, serial);
  expect(found.map((batch) => batch.length)).toEqual(sizes);
  expect(found.flat()).toEqual(all);
});
