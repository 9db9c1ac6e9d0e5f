import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoteWord, sh } from './shell.js';

test('quoteWord gives back any word through dash', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (raw) => {
      const word = raw.replaceAll('\0', '');
      const out = execFileSync('sh', ['-c', `printf %s ${quoteWord(word)}`]);
      expect(out.toString('utf8')).toBe(Buffer.from(word).toString('utf8'));
    }),
    { numRuns: 100 },
  );
});

test('sh quotes words, lists and leaves scripts alone', () => {
  const inner = sh`echo ${"it's"}`;
  expect(sh`a ${['x y', 'z']}; ${inner}`.text).toBe(`a 'x y' z; echo 'it'\\''s'`);
});

test('quoteWord refuses NUL', () => {
  expect(() => quoteWord('a\0b')).toThrow(TypeError);
});
