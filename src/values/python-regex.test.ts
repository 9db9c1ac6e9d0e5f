import { expect, test } from 'vitest';
import { pythonRegex, pythonReplacement } from './python-regex.js';

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
  ['\\s', '\ufeff\x1c\x85\u2003', ['\x1c', '\x85', '\u2003']],
  ['[^\\S\\n]', '\ufeff\n\x1f', ['\x1f']],
  ['(?a)\\s', '\x1c\xa0\v', ['\v']],
  ['\\101\\012[\\060]', 'A\n0', ['A\n0']],
  ['(?x) a # one\n b', 'ab', ['ab']],
  ['(?P<q>["\'])a(?P=q)', '"a" "a\'', ['"a"']],
  ['\\A\\-\\"\\/[\\-\\_/]\\Z', '-"/_', ['-"/_']],
])('pythonRegex reads %s', (pattern, text, found) => {
  expect(text.match(pythonRegex(pattern, 'g')) ?? []).toEqual(found);
});

// As re.sub of Python 3.11 answers.
test.each<[string, string, string, string]>([
  ['^', '# ', 'a😀b', '# a😀b'],
  ['$', ';', 'a😀b\n', 'a😀b;\n;'],
  ['(?m)^', '# ', '😀\n😀', '# 😀\n# 😀'],
  ['(?m)$', ';', '😀\n😀', '😀;\n😀;'],
  ['(a)(?P<n>b)?', '<\\2\\g<n>\\g<1>\\g<0>>', 'a ab', '<aa> <bbaab>'],
  ['(a)', '\\g<1>0$1$&$$', 'a', 'a0$1$&$$'],
  ['(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)', '\\10\\g<1>0', 'abcdefghij', 'ja0'],
  ['a', '\\r\\t\\\\\\.\\0\\101', 'a', '\r\t\\\\.\0A'],
])('pythonReplacement fills what takes the place of %s', (pattern, by, text, found) => {
  const regex = pythonRegex(pattern, 'g');
  expect(text.replace(regex, pythonReplacement(by, regex))).toBe(found);
});

test.each(['\\2', '\\g<n>', '\\g<2>', '\\y', 'a\\'])('pythonReplacement refuses %s', (by) => {
  expect(() => pythonReplacement(by, /(a)/u)).toThrow(SyntaxError);
});

test.each(['a[', '(', '\\y', 'x**'])('pythonRegex refuses %s', (pattern) => {
  expect(() => pythonRegex(pattern)).toThrow(SyntaxError);
});
