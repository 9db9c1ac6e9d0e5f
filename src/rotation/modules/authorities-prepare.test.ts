import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority } from '../../pki/authority.js';
import { newSerial } from '../../pki/serial.js';
import { refuseYounger } from './authorities-prepare.js';

test('a new CA that is not valid yet by the clock of a host is refused', () => {
  const at = Date.parse('2026-01-01T00:00:00Z');
  const cluster = createAuthority({
    ...{ notBefore: new Date(at), notAfter: new Date(at + 86_400_000) },
    ...{ commonName: 'new', keyAlgorithm: 'ecdsa-p256', serial: newSerial(randomBytes) },
  });
  const [behind, right] = [-240, 1].map((seconds) => ({
    host: `by${seconds}`,
    now: at / 1000 + seconds,
  }));
  expect(() => {
    refuseYounger({ cluster }, [right!]);
  }).not.toThrow();
  expect(() => {
    refuseYounger({ cluster }, [right!, behind!]);
  }).toThrow(
    'The new cluster CA is not valid before 2026-01-01T00:00:00.000Z, and the clock of by-240 said 2025-12-31T23:56:00.000Z.',
  );
});
