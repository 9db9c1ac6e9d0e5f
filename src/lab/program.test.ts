import { expect, test } from 'vitest';
import { Secret } from '../values/secret.js';
import { program, step, together, tryProgram } from './program.js';
import type { LabContext, LabProgress } from './types.js';

const quiet: LabContext = { progress: () => undefined };

test('program passes a secret by standard input and words as they are', async () => {
  const script = 'cat; printf %s "$1"';
  const out = await program(quiet, ['sh', '-c', script, 'sh', `it's $HOME`], {
    input: new Secret('key '),
  });
  expect(out).toBe(`key it's $HOME`);
});

test('program says what failed and with which words', async () => {
  await expect(
    program(quiet, ['sh', '-c', 'echo no such thing >&2; exit 3']),
  ).rejects.toMatchObject({
    kind: 'command',
    message: expect.stringMatching(/exit code 3.*no such thing/) as string,
  });
});

test('tryProgram ends the program when the signal aborts', async () => {
  const stop = new AbortController();
  setTimeout(() => {
    stop.abort();
  }, 100);
  const began = Date.now();
  await expect(
    tryProgram({ ...quiet, signal: stop.signal }, ['sleep', '30']),
  ).rejects.toMatchObject({ kind: 'cancelled' });
  expect(Date.now() - began).toBeLessThan(5_000);
});

test('together cancels the others and throws the first failure', async () => {
  const began = Date.now();
  const scripts = ['sleep 30', 'exit 7'];
  await expect(
    together(quiet, scripts, (script, ctx) => program(ctx, ['sh', '-c', script])),
  ).rejects.toMatchObject({ message: expect.stringContaining('exit code 7') as string });
  expect(Date.now() - began).toBeLessThan(5_000);
});

test('step reports its start, its lines and its end', async () => {
  const events: LabProgress[] = [];
  const ctx: LabContext = { progress: (event) => events.push(event) };
  await step(ctx, 'boil', (line) => {
    line('bubbles');
    return Promise.resolve();
  });
  expect(events.map((event) => [event.state, event.text])).toEqual([
    ['start', undefined],
    ['line', 'bubbles'],
    ['done', undefined],
  ]);
});
