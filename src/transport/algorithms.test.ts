import { expect, test } from 'vitest';
import { chooseAlgorithms, keyTypeOf } from './algorithms.js';

const standard = chooseAlgorithms('kex', undefined).names;

test('chooseAlgorithms offers the cheapest of equally strong ones first, and nothing weak', () => {
  expect(standard.slice(0, 2)).toEqual(['ecdh-sha2-nistp256', 'curve25519-sha256']);
  const all = (['kex', 'serverHostKey', 'cipher', 'hmac'] as const).flatMap(
    (kind) => chooseAlgorithms(kind, undefined).names,
  );
  expect(all.filter((name) => /sha1|cbc|md5|^ssh-(rsa|dss)$/.test(name))).toEqual([]);
});

test.each([
  ['curve25519-sha256,ecdh-sha2-nistp256', ['curve25519-sha256', 'ecdh-sha2-nistp256'], undefined],
  ['+diffie-hellman-group14-sha1', [...standard, 'diffie-hellman-group14-sha1'], undefined],
  ['+sntrup761x25519-sha512@openssh.com', standard, undefined],
  ['-ecdh-*', standard.filter((name) => !name.startsWith('ecdh-')), undefined],
  ['^mlkem768x25519-sha256', standard, 'mlkem768x25519-sha256'],
  ['sntrup761x25519-sha512,curve25519-sha256', ['curve25519-sha256'], 'sntrup761x25519-sha512'],
])('chooseAlgorithms reads %s', (list, names, lacking) => {
  const chosen = chooseAlgorithms('kex', list);
  expect(chosen.names).toEqual(names);
  expect(chosen.lacking).toBe(lacking);
});

test('keyTypeOf gives the type of the key that an algorithm signs with', () => {
  expect(keyTypeOf('rsa-sha2-512')).toBe('ssh-rsa');
  expect(keyTypeOf('ssh-ed25519')).toBe('ssh-ed25519');
});
