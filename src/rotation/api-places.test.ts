import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { TrustObject } from '../kubernetes/trust-objects.js';
import { createAuthority } from '../pki/authority.js';
import { newSerial } from '../pki/serial.js';
import { apiPlaces, isOurs, unreadable } from './api-places.js';
import { validity } from './leaves.js';

const shared = { keyAlgorithm: 'ecdsa-p256', serial: newSerial(randomBytes) } as const;
const { certificate } = createAuthority({
  ...validity(new Date('2026-01-01T00:00:00Z'), 30),
  ...shared,
  commonName: 'kubernetes',
});
const { pem } = certificate;
const authorities = { cluster: { old: { certificate, pem } } };
const NONE = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

const object = (kind: TrustObject['kind'], text: string): TrustObject => ({
  ...{ kind, authority: 'cluster', path: 'apiservice/x', pem: text },
});

test.each<[string, string, boolean, string[]]>([
  ['the CA', pem, true, []],
  [
    'the CA and what is no certificate',
    pem + NONE,
    false,
    [
      'the caBundle of apiservice/x: Certificate 2 of the text cannot be read as an X.509 certificate',
    ],
  ],
  ['what is no certificate alone', NONE, false, []],
  ['nothing yet', '\n', false, []],
])('a caBundle that holds %s is told', (_what, text, ours, told) => {
  expect(isOurs(object('caBundle', text), authorities)).toBe(ours);
  expect(unreadable([object('caBundle', text)], authorities)).toEqual(told);
});

test('an object of the rotation that cannot be read is named', () => {
  const secret = { ...object('service account token Secret', NONE), path: 'default/token' };
  expect(() => apiPlaces([secret], authorities)).toThrow(
    'service account token Secret default/token: Certificate 1 of the text cannot be read',
  );
});
