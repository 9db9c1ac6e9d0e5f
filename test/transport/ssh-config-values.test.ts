import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settingsOf } from '../../src/transport/settings.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-values-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Whether ssh itself takes a file. */
function sshTakes(file: string): boolean {
  try {
    execFileSync('ssh', ['-G', '-F', file, 'web01'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function weTake(sshConfigFile: string): boolean {
  const become = { enabled: false, user: 'root' };
  const target = { host: 'h', kind: 'ssh' as const, address: 'web01', sshConfigFile, become };
  try {
    settingsOf(target, {});
    return true;
  } catch (error) {
    expect(error).toMatchObject({ kind: 'input' });
    return false;
  }
}

const WORDS = [
  ...['yes', 'NO', 'true', 'False', '"yes"', 'yes # why', '""', 'yes no', '1', '0', 'on', 'off'],
  ...['x', 'ask', 'accept-new', 'always', 'auto', 'none', 'any', 'inet', 'INET6', 'unbound'],
  ...['host-bound', 'point-to-point', 'ethernet'],
];
const NUMBERS = [
  ...['22', '0', '022', '65535', '65536', '2147483647', '2147483648', '99999999999', '-1', '1.5'],
  ...['0x16', '22x', '22 23', '""', '5 # why', '1m', '1h30', '1W2d', '1x', '1 h', 's'],
  ...['none', 'NONE'],
];
const TEXTS = ['a', 'a b', '""', '"a b"', 'a "" b', 'a # why', 'a#b', 'none'];
const JUMPS = [
  ...[
    'a',
    'a:',
    'a:22',
    'a:0',
    'a:70000',
    'a:x',
    'u@a',
    'u@',
    '@a',
    'u@v@a',
    'a,b:1',
    'a,,b',
    'a,',
  ],
  ...['none', 'None', 'none,a', '::1', '[::1]', '[::1]:22', '[::1', 'u@[::1]:2', '2001:db8::1'],
  ...['a:22:33', 'ssh://a', 'ssh://u@a:22/', 'ssh://', 'ssh://a/x', 'SSH://a', 'a/b', 'a b', '%h'],
];

const TABLE: readonly (readonly [string, readonly string[]])[] = [
  ...[
    ...['AddressFamily', 'BatchMode', 'CanonicalizeHostname', 'ForwardX11', 'HashKnownHosts'],
    ...['HostbasedAuthentication', 'IdentitiesOnly', 'KbdInteractiveAuthentication'],
    ...['PasswordAuthentication', 'ProxyUseFdpass', 'PubkeyAuthentication'],
    ...['StrictHostKeyChecking', 'Tunnel', 'VerifyHostKeyDNS'],
  ].map((keyword) => [keyword, WORDS] as const),
  ...['ConnectTimeout', 'Port', 'ServerAliveCountMax', 'ServerAliveInterval'].map(
    (keyword) => [keyword, NUMBERS] as const,
  ),
  ...[
    ...['BindAddress', 'GlobalKnownHostsFile', 'HostKeyAlias', 'HostName', 'IdentityAgent'],
    ...['IdentityFile', 'PreferredAuthentications', 'User', 'UserKnownHostsFile'],
  ].map((keyword) => [keyword, TEXTS] as const),
  ['ProxyJump', JUMPS],
];

test.each(TABLE)('settingsOf takes of %s what ssh takes, and no more', (keyword, values) => {
  for (const value of values) {
    const file = join(folder, 'config');
    writeFileSync(file, `${keyword} ${value}\n`);
    expect([value, weTake(file)]).toEqual([value, sshTakes(file)]);
  }
});

test('settingsOf refuses a value in a section that does not apply, as ssh does', () => {
  const file = join(folder, 'config');
  writeFileSync(file, 'Host db\nPort 22 23\n');
  expect([weTake(file), sshTakes(file)]).toEqual([false, false]);
});
