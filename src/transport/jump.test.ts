import { expect, test } from 'vitest';
import { parseJumps } from './jump.js';

test.each([
  ['none', []],
  ['bastion', [{ address: 'bastion' }]],
  ['ops@bastion:2222', [{ address: 'bastion', user: 'ops', port: 2222 }]],
  ['a, b:1', [{ address: 'a' }, { address: 'b', port: 1 }]],
  ['user@example.com@bastion', [{ address: 'bastion', user: 'user@example.com' }]],
  ['ssh://ops@[2001:db8::1]:22', [{ address: '2001:db8::1', user: 'ops', port: 22 }]],
  ['b:', [{ address: 'b' }]],
])('parseJumps reads %s', (text, jumps) => {
  expect(parseJumps(text)).toEqual(jumps);
});

test.each([
  '',
  'a,,b',
  '@b',
  '2001:db8::1',
  'SSH://b',
  'b:0',
  'b:70000',
  '-oProxyCommand=x',
  'a b@c d',
])('parseJumps refuses %j', (text) => {
  expect(() => parseJumps(text)).toThrow(/is no \[user@\]host\[:port\]/);
});
