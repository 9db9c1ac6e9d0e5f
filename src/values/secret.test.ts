import { format } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.js';

test('Secret has no printable form', () => {
  const secret = new Secret('hunter2');
  const all = [
    String(secret),
    JSON.stringify({ secret }),
    format('%s %o %O', secret, secret, { a: [secret] }),
  ].join();
  expect(all).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2');
});
