import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Secret } from '../values/secret.js';
import { newIdentity, seal, unseal } from './sealed.js';

/** Curves in plain JavaScript, on a machine that may be busy. */
const SLOW = { timeout: 30_000 };

test('unseal gives back what seal closed, to each recipient and to nobody else', SLOW, async () => {
  const [one, two, other] = await Promise.all([newIdentity(), newIdentity(), newIdentity()]);
  const plain = randomBytes(1000);
  const sealed = await seal(plain, [one.recipient, two.recipient]);
  expect(sealed.subarray(0, 21).toString()).toBe('age-encryption.org/v1');
  expect(await unseal(sealed, one.identity)).toEqual(plain);
  expect(await unseal(sealed, two.identity)).toEqual(plain);
  expect(await unseal(sealed, new Secret(`${one.identity.reveal()}\n`))).toEqual(plain);
  await expect(unseal(sealed, other.identity)).rejects.toThrow('cannot be opened');
  sealed[sealed.length - 1]! ^= 1;
  await expect(unseal(sealed, one.identity)).rejects.toThrow('cannot be opened');
});

test('seal refuses no recipients and never prints what was given as one', SLOW, async () => {
  const { identity } = await newIdentity();
  await expect(seal(Buffer.of(1), [])).rejects.toThrow('no age recipient');
  const wrong = seal(Buffer.of(1), [identity.reveal()]);
  await expect(wrong).rejects.toThrow('Recipient 1 is not an age recipient.');
  await expect(unseal(Buffer.of(1), new Secret('x'))).rejects.toThrow('cannot be opened');
});
