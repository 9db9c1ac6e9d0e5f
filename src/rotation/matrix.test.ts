import { expect, test } from 'vitest';
import { toMatrix, type Place, type Seen } from './matrix.js';

const place = (host: string, item: string, seen: Seen): Place => ({
  ...{ host, item, seen, path: `/${item}` },
  ...{ authority: 'cluster', knob: 'trust' },
});

test('toMatrix shows as foreign what differs within a host, and nothing where there is nothing', () => {
  const places = [
    place('cp1', 'a', 'old'),
    place('cp1', 'a', 'both'),
    place('cp2', 'a', 'both'),
    place('cp2', 'a', 'both'),
    place('w1', 'b', 'old'),
  ];
  expect(toMatrix(places)).toMatchObject({
    columns: ['cp1', 'cp2', 'w1'],
    rows: [
      { item: 'a', cells: { cp1: 'foreign', cp2: 'both', w1: '-' } },
      { item: 'b', cells: { cp1: '-', cp2: '-', w1: 'old' } },
    ],
  });
});
