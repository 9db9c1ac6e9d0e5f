import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority } from '../pki/authority.js';
import { newSerial } from '../pki/serial.js';
import { passingLeaf, validity } from './leaves.js';
import { traces } from './leftovers.js';

const NOW = new Date('2026-01-01T00:00:00Z');

test.each(['rsa2048', 'ecdsa-p256'] as const)(
  'an authority (%s) is found in PEM, in base64 of it and in base64 of that, and not in its leaves',
  (keyAlgorithm) => {
    const authority = createAuthority({
      ...validity(NOW, 30),
      commonName: 'kubernetes-2026-01-01-abcdef',
      keyAlgorithm,
      serial: newSerial(randomBytes),
    });
    const found = (text: string): boolean =>
      traces(authority.certificate).some((trace) => text.includes(trace));
    const { pem } = authority.certificate;
    expect(found(pem)).toBe(true);
    for (const before of ['', '#', '##']) {
      expect(found(Buffer.from(before + pem).toString('base64'))).toBe(true);
      const kubeconfig = `${before}authority: ${Buffer.from(before + pem).toString('base64')}\n`;
      expect(found(Buffer.from(kubeconfig).toString('base64'))).toBe(true);
    }
    for (let i = 0; i < 20; i++) {
      const leaf = passingLeaf(authority, { commonName: `n${i}`, organizations: ['o'] }, NOW);
      expect(found(leaf.certificate)).toBe(false);
    }
  },
);
