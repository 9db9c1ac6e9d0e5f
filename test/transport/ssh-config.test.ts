import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { settingsOf } from '../../src/transport/settings.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'caravan-config-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const ENVIRONMENT = { ...process.env, CARAVAN_KEYS: '/keys' };

/** What `ssh -G` says, as lines in the words of the options. */
function oracle(file: string, destination: string, options: readonly string[]): string[] {
  const text = execFileSync(
    'ssh',
    ['-G', '-F', file, ...options.flatMap((option) => ['-o', option]), destination],
    { encoding: 'utf8', env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  return text.split('\n');
}

const all = (lines: readonly string[], keyword: string): string[] =>
  lines
    .filter((line) => line.startsWith(`${keyword} `))
    .map((line) => line.slice(keyword.length + 1));

/** The same of both: what is dialled, as whom, with which keys, over which hosts. */
function fromOracle(lines: readonly string[], destination: string) {
  const one = (keyword: string): string | undefined => all(lines, keyword)[0];
  // It prints names of files as they stand.
  const expanded = (file: string): string =>
    file
      .replace(/^~/, homedir())
      .replaceAll('${CARAVAN_KEYS}', '/keys')
      .replaceAll('%n', destination)
      .replaceAll('%h', one('hostname') ?? '')
      .replaceAll('%p', one('port') ?? '')
      .replaceAll('%r', one('user') ?? '');
  return {
    hostName: one('hostname'),
    port: Number(one('port')),
    user: one('user'),
    jumps: one('proxyjump'),
    timeoutMs: Number(one('connecttimeout')?.replace('none', '0')) * 1000,
    alive: [Number(one('serveraliveinterval')) * 1000, Number(one('serveralivecountmax'))],
    strict: { true: 'strict', 'accept-new': 'accept-new', ask: 'ask', false: 'strict' }[
      one('stricthostkeychecking') ?? ''
    ],
    only: one('identitiesonly') === 'yes',
    batch: one('batchmode') === 'yes',
    refused: ['pubkey', 'password', 'kbdinteractive'].filter((name) =>
      ['no', 'false'].includes(one(`${name}authentication`) ?? ''),
    ),
    alias: one('hostkeyalias')?.toLowerCase(),
    family: { inet: 4, inet6: 6 }[one('addressfamily') ?? ''],
    files: all(lines, 'identityfile').map(expanded),
    knownHosts: one('userknownhostsfile')?.split(' ').slice(0, 1).map(expanded)[0],
  };
}

/** The keywords of methods of a login. */
const METHODS: readonly (readonly [string, string])[] = [
  ['publickey', 'pubkey'],
  ['password', 'password'],
  ['keyboard-interactive', 'kbdinteractive'],
];

/** Files that ssh tries where none is named. */
const isDefault = (file: string): boolean => file.startsWith(join(homedir(), '.ssh/id_'));

function fromUs(file: string, destination: string, options: readonly string[]) {
  const settings = settingsOf(
    {
      ...{ host: 'h', kind: 'ssh', address: destination, sshConfigFile: file },
      become: { enabled: false, user: 'root' },
      sshOptions: options.map((option) => {
        const [keyword = '', value = ''] = option.split('=');
        return { keyword: keyword.toLowerCase(), values: [value] };
      }),
    },
    ENVIRONMENT,
  );
  const { hostName, port, user, keepalive, hostKeyPolicy, identity, knownName } = settings;
  return { ...{ hostName, port, user, hostKeyPolicy, identity, knownName, keepalive }, settings };
}

function compare(file: string, destination: string, options: readonly string[] = []): void {
  const theirs = fromOracle(oracle(file, destination, options), destination);
  const { settings, ...ours } = fromUs(file, destination, options);
  expect({
    ...{ hostName: ours.hostName, port: ours.port, user: ours.user },
    jumps: settings.jumps.map(({ address }) => address).join(',') || undefined,
    only: ours.identity.only,
    family: settings.family,
    files: ours.identity.files,
    refused: METHODS.filter(([name]) => ours.identity.methods?.includes(name) === false).map(
      ([, keyword]) => keyword,
    ),
  }).toEqual({
    refused: theirs.refused,
    ...{ hostName: theirs.hostName, port: theirs.port, user: theirs.user },
    jumps: theirs.jumps?.replace(/[^,]*@|:\d+/g, ''),
    only: theirs.only,
    family: theirs.family,
    files: theirs.files.every(isDefault) ? [] : theirs.files.filter((one) => one !== 'none'),
  });
  if (theirs.timeoutMs > 0) expect(settings.connectTimeoutMs).toBe(theirs.timeoutMs);
  // Debian's ssh has 300 s of its own with BatchMode.
  const own = theirs.batch && theirs.alive[0] === 300_000;
  if (theirs.alive[0] !== 0 && !own)
    expect([ours.keepalive.intervalMs, ours.keepalive.countMax]).toEqual(theirs.alive);
  if (theirs.alias !== undefined) expect(ours.knownName).toBe(theirs.alias);
  if (theirs.knownHosts !== undefined) expect(settings.knownHostsFiles[0]).toBe(theirs.knownHosts);
  // Not set is ask for ssh, strict for us.
  if (theirs.strict !== 'ask') expect(ours.hostKeyPolicy).toBe(theirs.strict);
  if (theirs.batch) expect(ours.hostKeyPolicy).not.toBe('ask');
}

const HOSTS = ['web01', 'web02.example.com', 'db', '10.0.0.7', 'Web01'];
const PATTERNS = ['*', 'web*', '!web01', 'db', '10.0.0.?', '*.example.com', 'web0?', '"db"'];
const USERS = ['root', 'ops', userInfo().username, 'o*'];
const pattern = fc.constantFrom(...PATTERNS);
const patterns = fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 });
const criterion = fc.oneof(
  patterns.map((list) => `host ${list.join(',').replaceAll('"', '')}`),
  patterns.map((list) => `originalhost ${list.join(',').replaceAll('"', '')}`),
  patterns.map((list) => `!originalhost "${list.join(',').replaceAll('"', '')}"`),
  fc.constantFrom(...USERS).map((user) => `user ${user}`),
  fc.constantFrom(...USERS).map((user) => `localuser=${user},nobody`),
  fc.constantFrom('final', 'canonical', '!final'),
);
const section = fc.oneof(
  patterns.map((list) => `Host ${list.join(' ')}`),
  fc.array(criterion, { minLength: 1, maxLength: 3 }).map((list) => `Match ${list.join(' ')}`),
  fc.constantFrom('Match all', 'Match final all'),
);
const setting = fc.constantFrom(
  ...['HostName 10.1.1.1', 'HostName %h.internal', 'hostname = "Upper.Example.COM" # where'],
  ...['Port 2222', 'Port=22', 'User ops', '\tUser "root"', 'User=deploy'],
  ...['IdentityFile ~/.ssh/a', 'IdentityFile /k/%n_%r_%p', 'IdentityFile "/k/with space"'],
  ...['IdentityFile ${CARAVAN_KEYS}/%h', 'IdentitiesOnly yes', 'IdentityFile none'],
  ...['ProxyJump bastion', 'ProxyJump u@a:2200,b', 'ProxyJump none', 'ProxyCommand none'],
  ...[
    'ConnectTimeout 7',
    'ConnectTimeout 1m',
    'ConnectTimeout 1W2d1h30m9',
    'ServerAliveInterval 20',
    'ServerAliveCountMax 5',
  ],
  ...['StrictHostKeyChecking accept-new', 'StrictHostKeyChecking yes', 'StrictHostKeyChecking no'],
  ...['PasswordAuthentication no', 'PasswordAuthentication False', 'PubkeyAuthentication false'],
  ...['KbdInteractiveAuthentication FALSE', 'IdentitiesOnly true', 'IdentitiesOnly False'],
  ...['StrictHostKeyChecking TRUE', 'StrictHostKeyChecking ask', 'BatchMode True'],
  ...['UserKnownHostsFile /kh/one /kh/two', 'UserKnownHostsFile ~/kh_%h', 'HostKeyAlias Alias'],
  ...[
    'AddressFamily inet',
    'AddressFamily INET6',
    'AddressFamily any',
    'ForwardAgent yes',
    '# a comment',
    '',
  ],
  ...[
    'Include included',
    'Include part*.conf',
    'Include part[0-9].conf',
    'Include part[!a-z].conf',
    'SendEnv LANG LC_*',
    "User 'a b'",
  ],
);
const lines = (max: number) =>
  fc.array(fc.oneof({ weight: 1, arbitrary: section }, { weight: 3, arbitrary: setting }), {
    maxLength: max,
  });

test('settingsOf gives what ssh -G says, of generated files', () => {
  const options = fc.subarray(['Port=2022', 'User=cli', 'HostName=by.option', 'IdentityFile=/o']);
  let count = 0;
  fc.assert(
    fc.property(
      ...[lines(14), lines(5), lines(5)],
      fc.constantFrom(...HOSTS),
      options,
      (main, included, part, host, given) => {
        // Relative names are under ~/.ssh, which is not the test's to write in.
        const text = (list: string[]): string =>
          `${list.join('\n')}\n`.replaceAll(/Include (?=[a-z])/g, `Include ${folder}/`);
        const without = (list: string[]) => list.filter((line) => !line.startsWith('Include'));
        const file = join(folder, `config${count++}`);
        writeFileSync(join(folder, 'included'), text(without(included)));
        writeFileSync(join(folder, 'part1.conf'), text(without(part)));
        writeFileSync(join(folder, '.part2.conf'), 'Port 9\n');
        writeFileSync(file, text(main));
        compare(file, host, given);
        rmSync(file);
      },
    ),
    { numRuns: Number(process.env['CARAVAN_RUNS'] ?? 400) },
  );
});

test.each([
  ['fe80::1%lo', ''],
  ['FE80::1%Eth0', 'Match final\nPort 7\n'],
  ['web01', 'HostName fe80::1%%lo\nMatch final\nPort 7\n'],
])('settingsOf leaves the scope of an address alone: %s', (destination, text) => {
  const file = join(folder, 'scoped');
  writeFileSync(file, text);
  compare(file, destination);
});

test('settingsOf gives no time that is too long for a timer', () => {
  const file = join(folder, 'long');
  writeFileSync(file, 'ConnectTimeout 2147483647\nServerAliveInterval 2200000\n');
  const { keepalive, settings } = fromUs(file, 'web01', []);
  const longest = 2 ** 31 - 1;
  expect(settings.connectTimeoutMs).toBeLessThanOrEqual(longest);
  expect(keepalive.intervalMs).toBeLessThanOrEqual(longest);
});

test.each([
  ...['[0-9]*', '[!a-z]*', '[^5]*', '[]x5]*', '[5-1]*', '[5', '*[.-]b?', '5[a.]b'],
  ...['[[:digit:]]*', '[![:alpha:]]*', '*[[:punct:][:alpha:]]b*', '[x[:upper:]]*'],
])('settingsOf includes the files that ssh does: %s', (pattern) => {
  const within = join(folder, 'glob');
  mkdirSync(within, { recursive: true });
  ['5.b1', 'x-b1', '.5', ']', '[5', '5.b', '5+b'].forEach((name, index) => {
    writeFileSync(join(within, name), `IdentityFile /k/${index}\n`);
  });
  const file = join(folder, 'globbing');
  writeFileSync(file, `Include ${within}/${pattern}\n`);
  compare(file, 'web01');
});

test('settingsOf finds files in the home of another user', () => {
  const file = join(folder, 'homes');
  const { username, homedir: home } = userInfo();
  const text = (start: string) =>
    `IdentityFile ${start}/key\nUserKnownHostsFile ${start}/kh\nInclude ${start}/nothing\n`;
  writeFileSync(file, text(`~${username}`));
  const { settings } = fromUs(file, 'web01', []);
  expect([settings.identity.files[0], settings.knownHostsFiles[0]]).toEqual([
    join(home, 'key'),
    join(home, 'kh'),
  ]);
  writeFileSync(file, 'Include ~nobody-of-that-name/x\nPort 7\n');
  compare(file, 'web01');
  writeFileSync(file, text('~nobody-of-that-name'));
  expect(() => fromUs(file, 'web01', [])).toThrow(
    '"~nobody-of-that-name/key": there is no such user on this machine',
  );
});

test('settingsOf meets Match final in a file that is included where nothing applies yet', () => {
  const file = join(folder, 'final');
  writeFileSync(join(folder, 'included'), 'Match final\nPort 7\n');
  writeFileSync(file, `Host web*\nInclude ${folder}/included\n`);
  compare(file, 'Web01');
});

describe('a file that cannot be used', () => {
  const target = (text: string) => {
    const file = join(folder, 'bad');
    writeFileSync(file, text);
    return () => fromUs(file, 'web01', []);
  };
  test.each([
    ['Host a\nPort "22\n', /bad:2: a quote is not closed/],
    ['\n\nUser\n', /bad:3: User has no value/],
    ['Prot 22\n', /bad:1: prot is no option of ssh/],
    ['Port many\n', /bad:1: port many is no number/],
    ['Port 70000\n', /bad:1: port 70000/],
    ['Match host\nPort 1\n', /bad:1: Match host has no value/],
    ['HostName %q\n', /HostName "%q": %q is not known/],
    ['IdentityFile ${CARAVAN_NONE}/x\n', /the environment has no CARAVAN_NONE/],
    ['ProxyJump user@\n', /ProxyJump: "user@" is no \[user@\]host\[:port\]/],
  ])('settingsOf names the line: %j', (text, message) => {
    expect(target(text)).toThrow(message);
  });

  test('settingsOf says that a file is not there, or is a folder', () => {
    expect(() => fromUs(join(folder, 'absent'), 'a', [])).toThrow(/absent does not exist/);
    mkdirSync(join(folder, 'dir'));
    expect(() => fromUs(join(folder, 'dir'), 'a', [])).toThrow(/dir could not be read: EISDIR/);
  });

  test('settingsOf takes an unknown option that IgnoreUnknown names', () => {
    expect(target('IgnoreUnknown UseK*,x*\nUseKeyring yes\nXyz 1\nPort 7\n')().port).toBe(7);
  });
});

describe('what only OpenSSH can do', () => {
  const why = (text: string): string | undefined => {
    const file = join(folder, 'special');
    writeFileSync(file, text);
    return fromUs(file, 'web01', []).settings.openSsh;
  };
  test.each([
    ['ProxyCommand nc %h %p\n', /proxycommand is set \(.*special:1\)/],
    ['Host db\nProxyCommand nc %h %p\n', undefined],
    ['ProxyJump a\nProxyCommand nc %h %p\n', undefined],
    ['CertificateFile ~/.ssh/c\n', /certificatefile is set/],
    ['Match host web01 exec "true"\nPort 3\n', /only ssh can judge Match exec \(.*special:1\)/],
    ['Match host db exec "true"\nPort 3\n', undefined],
    ['KexAlgorithms sntrup761x25519-sha512@openssh.com\n', /sntrup761.* is asked for/],
    ['KexAlgorithms ^mlkem768x25519-sha256\n', /mlkem768x25519-sha256 is asked for/],
    ['KexAlgorithms +sntrup761x25519-sha512@openssh.com\n', undefined],
    ['GSSAPIAuthentication yes\n', undefined],
    ['PreferredAuthentications gssapi-with-mic,publickey\n', /GSSAPI is to be tried first/],
  ])('settingsOf finds it in %j', (text, reason) => {
    if (reason === undefined) expect(why(text)).toBeUndefined();
    else expect(why(text)).toMatch(reason);
  });

  test('settingsOf finds a default security key, unless there is another default key', () => {
    vi.stubEnv('HOME', join(folder, 'home'));
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    const keys = join(folder, 'home/.ssh');
    mkdirSync(keys, { recursive: true });
    writeFileSync(join(keys, 'id_ecdsa_sk.pub'), 'sk-ecdsa-sha2-nistp256@openssh.com AAAA\n');
    expect(why('')).toMatch(/id_ecdsa_sk is a security key/);
    writeFileSync(join(keys, 'id_rsa'), '');
    expect(why('')).toBeUndefined();
  });
});
