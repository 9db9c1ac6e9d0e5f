import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findKnownHosts, fingerprint, knownHostName, parseKnownHosts } from './known-hosts.js';

/** A public key in wire form: its type and some bytes. */
function wire(type: string, bytes: Uint8Array = randomBytes(32)): Buffer {
  const name = Buffer.from(type);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(name.length);
  return Buffer.concat([size, name, Buffer.from(bytes)]);
}
const key = wire('ssh-ed25519').toString('base64');
const line = (names: string): string => `${names} ssh-ed25519 ${key} comment`;
const sources = (text: string, name: string): string[] =>
  findKnownHosts(parseKnownHosts(text, 'kh'), name).map((entry) => entry.source);

test('findKnownHosts knows names, lists, ports and case', () => {
  const text = ['# comment', '', line('Web01,10.0.0.1'), line('[web01]:2222')].join('\r\n');
  expect(sources(text, 'web01')).toEqual(['kh:3']);
  expect(sources(text, '10.0.0.1')).toEqual(['kh:3']);
  expect(sources(text, knownHostName('WEB01', 2222))).toEqual(['kh:4']);
  expect(sources(text, 'web0')).toEqual([]);
});

test('findKnownHosts matches wildcards, and a negation wherever it stands', () => {
  expect(sources(line('*.example.com,!db.example.com'), 'a.example.com')).toEqual(['kh:1']);
  expect(sources(line('*.example.com,!db.example.com'), 'db.example.com')).toEqual([]);
  expect(sources(line('!db.example.com,*.example.com'), 'db.example.com')).toEqual([]);
  expect(sources(line('web0?'), 'web01')).toEqual(['kh:1']);
  expect(sources(line('web0?'), 'web0')).toEqual([]);
  expect(sources(line('[10.0.0.*]:22*'), '[10.0.0.7]:2222')).toEqual(['kh:1']);
});

test('findKnownHosts knows hashed names', () => {
  fc.assert(
    fc.property(fc.domain(), fc.uint8Array({ minLength: 20, maxLength: 20 }), (name, salt) => {
      const hash = createHmac('sha1', salt).update(name).digest('base64');
      const text = line(`|1|${Buffer.from(salt).toString('base64')}|${hash}`);
      expect(sources(text, name)).toEqual(['kh:1']);
      expect(sources(text, `x${name}`)).toEqual([]);
    }),
  );
});

test('parseKnownHosts keeps markers and passes over lines that are none', () => {
  const text = [
    `@revoked * ssh-ed25519 ${key}`,
    `@cert-authority\t*.example.com\tssh-ed25519  ${key}`,
    `@other * ssh-ed25519 ${key}`,
    `host ssh-rsa ${key}`, // the key is of another type than it says
    'host 1024 35 1234567', // SSH 1
    'host',
  ].join('\n');
  const found = findKnownHosts(parseKnownHosts(text, 'kh'), 'a.example.com');
  expect(found.map(({ source, marker }) => [source, marker])).toEqual([
    ['kh:1', 'revoked'],
    ['kh:2', 'cert-authority'],
  ]);
  expect(sources(text, 'host')).toEqual(['kh:1']);
});

test('parseKnownHosts takes any text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, name) => {
      sources(text, name);
    }),
  );
});

test('wildcards mean what the regular expression means that is made of them', () => {
  const char = fc.constantFrom('a', 'b', '.', '*', '?');
  const names = fc.string({ unit: fc.constantFrom('a', 'b', '.'), minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.string({ unit: char, minLength: 1, maxLength: 8 }), names, (pattern, name) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.');
      const matches = new RegExp(`^${source}$`).test(name);
      expect(sources(line(pattern), name)).toEqual(matches ? ['kh:1'] : []);
    }),
  );
});

test('fingerprint is the one that ssh-keygen -l prints', () => {
  const known = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'; // github.com
  expect(fingerprint(Buffer.from(known, 'base64'))).toBe(
    'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU',
  );
});
