import fc from 'fast-check';
import { expect, test } from 'vitest';
import { optionText, parseOption, parseSshConfig } from './lines.js';

test.each([
  ['Port 22', 'port', ['22']],
  ['\tPort=22 # why', 'port', ['22']],
  ['Port = 22', 'port', ['22']],
  ['SendEnv LANG "LC_*"', 'sendenv', ['LANG', 'LC_*']],
  [`IdentityFile "/a b/c\\"d" '/e f'`, 'identityfile', ['/a b/c"d', '/e f']],
  ['IdentityFile /a\\ b#c', 'identityfile', ['/a b#c']],
  [
    'ProxyCommand ssh -W "%h:%p" # not a comment',
    'proxycommand',
    ['ssh -W "%h:%p" # not a comment'],
  ],
  ['PubkeyAcceptedKeyTypes x', 'pubkeyacceptedalgorithms', ['x']],
])('parseOption reads %j', (text, keyword, values) => {
  expect(parseOption(text, 'f:1')).toEqual({ keyword, values });
});

test('parseSshConfig passes over comments and empty lines, and keeps places', () => {
  const lines = parseSshConfig('# one\r\n\n  # two\nHost a b\r\n Port 1\n', 'f');
  expect(lines.map(({ keyword, values, source }) => [keyword, values, source])).toEqual([
    ['host', ['a', 'b'], 'f:4'],
    ['port', ['1'], 'f:5'],
  ]);
});

test('optionText is read back as it was', () => {
  const word = fc.string({ minLength: 1, maxLength: 12 }).filter((text) => !/[\n\0]/.test(text));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), (values) => {
      const option = { keyword: 'identityfile', values };
      expect(parseOption(optionText(option), 'x')).toEqual(option);
    }),
  );
});

test('parseSshConfig takes any text, or says what it cannot read', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseSshConfig(text, 'f');
      } catch (error) {
        expect((error as Error).message).toMatch(/^f:\d+: /);
      }
    }),
  );
});
