import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAuthority } from '../../pki/authority.js';
import { parseCertificates } from '../../pki/certificate.js';
import { newSerial } from '../../pki/serial.js';
import { AuthorityStore } from '../authorities.js';
import { passingLeaf, validity } from '../leaves.js';
import { bundleServers, isBelieved } from './bundle-servers.js';

const NOW = new Date('2026-01-01T00:00:00Z');

function authority(commonName: string) {
  const shared = { keyAlgorithm: 'ecdsa-p256', serial: newSerial(randomBytes) } as const;
  return createAuthority({ ...validity(NOW, 30), ...shared, commonName });
}

test('who shows a leaf is believed by a bundle with its CA, or with itself, and by no other', () => {
  const [old, next] = [authority('kubernetes'), authority('kubernetes-new')];
  const leaf = passingLeaf(old, { commonName: 'hook', organizations: [] }, NOW);
  const shown = parseCertificates(leaf.certificate);
  expect(isBelieved(shown, [next.certificate])).toBe(false);
  expect(isBelieved(shown, [next.certificate, old.certificate])).toBe(true);
  expect(isBelieved(shown, shown)).toBe(true);
  expect(isBelieved([], [old.certificate])).toBe(false);
});

test('who is not believed is named, with what helps where nothing answers', () => {
  const module = bundleServers(new AuthorityStore('/nowhere'));
  const { failure } = module.check(
    { cutOff: ['apiservice/v1.x: its server shows no leaf'] },
    { holds: 'new' },
  );
  expect(failure?.message).toContain('apiservice/v1.x: its server shows no leaf');
  expect(failure?.hint).toContain('start what does not answer, or delete what nothing serves');
});
