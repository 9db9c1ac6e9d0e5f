import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pipeFrom, quoteWord, sh } from './shell.js';

test('quoteWord gives back any words through dash', () => {
  const special = ['', '😀', '~', '~root', 'a=~', '*', '{a,b}', '#', '!', '&', "'", '\\', '\n'];
  const word = fc
    .uint8Array()
    .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('\0', ''));
  fc.assert(
    fc.property(fc.array(word, { minLength: 10, maxLength: 20 }), (words) => {
      const script = `printf '%s\\0' ${words.map(quoteWord).join(' ')}`;
      const out = execFileSync('sh', ['-c', script]);
      expect(out.toString('utf8')).toBe(
        Buffer.from(words.map((one) => `${one}\0`).join('')).toString('utf8'),
      );
    }),
    { numRuns: 20, examples: [[special]] },
  );
});

test('sh quotes words, lists and leaves scripts alone', () => {
  const inner = sh`echo ${"it's"}`;
  expect(sh`a ${['x y', 'z']}; ${inner}`.text).toBe(`a 'x y' z; echo 'it'\\''s'`);
});

test('quoteWord refuses NUL as an error of input, and does not show what may be a secret', () => {
  let error: unknown;
  try {
    quoteWord('hunter2\0');
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ kind: 'input', message: expect.stringMatching(/NUL/) as string });
  expect(String(error)).not.toContain('hunter2');
});

test('pipeFrom gives what the last part prints, and the exit code of the first', () => {
  const run = ({ text }: { text: string }) =>
    spawnSync('/bin/sh', ['-c', text], { encoding: 'utf8' });
  const rest = sh`grep b | cut -c 1`;
  expect(run(pipeFrom(sh`printf 'ba\\nc\\n'`, rest))).toMatchObject({ status: 0, stdout: 'b\n' });
  expect(run(pipeFrom(sh`(echo ba; exit 7)`, rest))).toMatchObject({ status: 7, stdout: 'b\n' });
  expect(run(pipeFrom(sh`echo c`, rest))).toMatchObject({ status: 0, stdout: '' });
});
