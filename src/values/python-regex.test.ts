import { expect, test } from 'vitest';
import { pythonRegex } from './python-regex.js';

// As re.findall of Python 3.11 answers.
test.each<[string, string, string[]]>([
  ['^\\[[^]]+\\]', '[a] x', ['[a]']],
  ['[]x]+', 'a]x', [']x']],
  ['a{,2}b', 'aaab', ['aab']],
  ['{a}{1}', '{a}{a}', ['{a}', '{a}']],
  ['a.b', 'a\rb a\nb', ['a\rb']],
  ['x$', 'x\n', ['x']],
  ['(?m)^.$', 'a\rb\nc', ['c']],
  ['(?s)a.b', 'a\nb', ['a\nb']],
  ['\\w+', 'é_1-ß', ['é_1', 'ß']],
  ['\\bé\\b', 'aé é', ['é']],
  ['[\\d.]+', '٣.1', ['٣.1']],
  ['[^\\W_]+', 'é_-b', ['é', 'b']],
  ['[\\W_]+', 'é_-b', ['_-']],
  ['(?a)\\w+', 'éb', ['b']],
  ['x(?i:[a-c]d)', 'xBD XBD xbd', ['xBD', 'xbd']],
  ['(?i)é', 'É', ['É']],
  ['(?x) a # one\n b', 'ab', ['ab']],
  ['(?P<q>["\'])a(?P=q)', '"a" "a\'', ['"a"']],
  ['\\A\\-\\"\\/[\\-\\_/]\\Z', '-"/_', ['-"/_']],
])('pythonRegex reads %s', (pattern, text, found) => {
  expect(text.match(pythonRegex(pattern, 'g')) ?? []).toEqual(found);
});

test.each(['a[', '(', '\\y', 'x**'])('pythonRegex refuses %s', (pattern) => {
  expect(() => pythonRegex(pattern)).toThrow(SyntaxError);
});
