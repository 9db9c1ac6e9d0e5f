import { expect, test } from 'vitest';
import { readPythonValue } from './python-literal.js';

test.each<[string, unknown]>([
  ['5 # five', 5],
  ['0644', '0644'],
  ['1_000', 1000],
  ["{'a': [1, None], 'b': (True,)}", { a: [1, null], b: [true] }],
  ['1, 2', [1, 2]],
  ['\'a\' "b"', 'ab'],
  ['hello # world', 'hello # world'],
  ['[1', '[1'],
  ['--1', '--1'],
  ['1j', '1j'],
  ['-0.', -0],
  ['-0', 0],
  ['', ''],
  ['123456789012345678901', 123456789012345678901n],
])('readPythonValue reads %s as Ansible does', (text, value) => {
  expect(readPythonValue(text)).toEqual(value);
});
