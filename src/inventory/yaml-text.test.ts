import { expect, test } from 'vitest';
import { parseYaml, placeOf } from './yaml-text.js';

test.each<[string, unknown]>([
  ['0644', 420],
  ['on', true],
  ['y', 'y'],
  ['1:30', 90],
  ['1e3', '1e3'],
  ['~', null],
  ['2001-12-14', '2001-12-14'],
  ['0o17', '0o17'],
  ['{<<: {a: 1}, b: 2}', { a: 1, b: 2 }],
])('parseYaml reads %s as PyYAML does', (text, value) => {
  expect(parseYaml(text, 'f')).toEqual(value);
});

test('placeOf finds a key by its path', () => {
  const text = 'all:\n  hosts:\n    a: {x: 1}\n    b:\n      y: 2\n';
  expect(placeOf(text, 'f', ['all', 'hosts', 'b', 'y'])).toBe('f:5:7');
  expect(placeOf(text, 'f', ['all', 'hosts', 'a', 'x'])).toBe('f:3:9');
});
