import { expect, test } from 'vitest';
import { Deadline } from './deadline.js';

test('Deadline passes, but not while this process is kept from looking', async () => {
  const deadline = new Deadline(250);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // work that yields to nothing
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(deadline.passed).toBeUndefined();
  await new Promise<void>((resolve) => deadline.onStop(resolve));
  expect(deadline.passed).toBe('timeout');
});
