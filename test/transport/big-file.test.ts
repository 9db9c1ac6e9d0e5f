import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { partialOf } from '../../src/transport/big-file.script.js';
import { ByteBudget } from '../../src/transport/byte-budget.js';
import { HostConnection } from '../../src/transport/host-connection.js';
import { startChild } from '../../src/transport/local.js';
import type { Connection, ConnectionTarget, FileSend } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { startFaultProxy, type Fault } from './fault-proxy.js';
import { writeKnownHosts } from './faults.js';
import { startSshd, type Sshd } from './sshd.js';

const MIB = 1024 * 1024;
const SIZE = 24 * MIB;
const asRoot = userInfo().uid === 0;
const text = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

let sshd: Sshd;
let folder: string;
let content: Buffer;
let count = 0;
beforeAll(async () => {
  sshd = await startSshd();
  chmodSync(sshd.folder, 0o755);
  content = randomBytes(SIZE + 4321);
});
beforeEach(() => {
  folder = join(sshd.folder, `files ${count++}`);
  mkdirSync(folder);
});
afterAll(async () => {
  await sshd.stop();
});

/** A file of the controller. */
function source(bytes: Buffer = content, name = 'source'): FileSend['source'] {
  const path = join(folder, `${name}.src`);
  writeFileSync(path, bytes);
  return { path, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A target in a folder of its own: what is beside it is seen. */
function target(at = join(folder, "it's a host")): FileSend {
  mkdirSync(at, { recursive: true });
  return { path: join(at, 'big $HOME.bin'), source: source() };
}

async function connect(changes: Partial<ConnectionTarget> = {}): Promise<Connection> {
  const connection = await createTransport().connect(sshd.target(changes));
  onTestFinished(() => connection.close());
  return connection;
}

function expectSent({ path }: FileSend, bytes = content): void {
  expect(readFileSync(path).equals(bytes)).toBe(true);
  expect(readdirSync(dirname(path))).toEqual([path.split('/').at(-1)]);
}

/** A proxy, and a connection to the host behind it. */
async function proxied(fault?: Fault, delayMs = 0) {
  const proxy = await startFaultProxy({ hostPort: sshd.port, delayMs, ...(fault && { fault }) });
  onTestFinished(() => proxy.stop());
  const knownHostsFiles = [writeKnownHosts(sshd, proxy.port, folder)];
  const again = (): Promise<Connection> => connect({ port: proxy.port, knownHostsFiles });
  return { proxy, again, connection: await again() };
}

const KINDS = ['ssh2', 'openssh', 'local'] as const;
test.each(KINDS)('sendFile puts a large file in place (%s)', async (kind) => {
  const connection = await connect(kind === 'local' ? { kind } : { transport: kind });
  const file = target();
  const seen: number[] = [];
  await connection.sendFile({ ...file, mode: 0o4750, onProgress: (bytes) => seen.push(bytes) });
  expectSent(file);
  expect((statSync(file.path).mode & 0o7777).toString(8)).toBe('4750');
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect([seen[0], seen.at(-1)]).toEqual([0, content.length]);
});

const SHELLS = ['/bin/dash', '/bin/busybox sh', '/usr/bin/busybox sh', '/bin/bash --posix'].filter(
  (shell) => existsSync(shell.split(' ')[0]!),
);
test.each(SHELLS)('sendFile feeds no byte to the shell %s', async (shell) => {
  const login = { host: 'web01', user: 'nobody', become: { enabled: false, user: 'root' } };
  const wire = {
    openChannel: (line: string) =>
      Promise.resolve(startChild('/bin/sh', ['-c', line.replaceAll('/bin/sh', shell)])),
    forward: () => Promise.reject(new Error('not asked for here')),
    lost: () => undefined,
    close: () => Promise.resolve(),
  };
  const connection = new HostConnection(login, wire, new ByteBudget(MIB));
  onTestFinished(() => connection.close());
  const file = target();
  const trap = Buffer.from(`\ntouch '${join(folder, 'trapped')}'\n`.repeat(400_000));
  await connection.sendFile({ ...file, source: source(trap) });
  expectSent(file, trap);
  expect(existsSync(join(folder, 'trapped'))).toBe(false);
});

test('sendFile keeps owner and mode of what was there, and links of it as writeFile does', async () => {
  const connection = await connect();
  const file = target();
  writeFileSync(file.path, 'old', { mode: 0o640 });
  await connection.sendFile(file);
  expectSent(file);
  expect(statSync(file.path).mode & 0o777).toBe(0o640);
  const aside = join(folder, 'aside');
  mkdirSync(aside);
  rmSync(file.path);
  symlinkSync('/etc/hostname', file.path);
  await connection.sendFile({ ...file, temporaryFolder: aside });
  expectSent(file);
  expect(readdirSync(aside)).toEqual([]);
});

describe('sendFile that is cut short', () => {
  test('goes on from what has arrived', async () => {
    const { proxy, again, connection } = await proxied({ kind: 'reset', atByte: 12 * MIB });
    const file = target();
    await expect(connection.sendFile(file)).rejects.toMatchObject({
      kind: 'connect',
      detail: { cause: { name: 'ShellEnded' } },
    });
    const partial = statSync(partialOf(file));
    expect(partial.mode & 0o777).toBe(0o600);
    expect(existsSync(file.path)).toBe(false);
    const before = proxy.seen().toHost;
    const starts: number[] = [];
    await (await again()).sendFile({ ...file, onProgress: (bytes) => starts.push(bytes) });
    expectSent(file);
    expect(starts[0]).toBeGreaterThan(8 * MIB);
    // What was on its way when the connection was cut, and what SSH adds, is sent again.
    expect(proxy.seen().toHost - before).toBeLessThan(content.length - 8 * MIB);
  });

  test('is sent anew where the partial file holds other bytes', async () => {
    const connection = await connect();
    const file = target();
    writeFileSync(partialOf(file), randomBytes(3 * MIB), { mode: 0o600 });
    const starts: number[] = [];
    await connection.sendFile({ ...file, onProgress: (bytes) => starts.push(bytes) });
    expectSent(file);
    expect(starts.filter((bytes) => bytes === 0).length).toBe(1);
    expect(starts[0]).toBe(3 * MIB);
  });

  test('leaves what has arrived where it is cancelled or late', async () => {
    const connection = await connect();
    const file = target();
    const stop = new AbortController();
    const onProgress = (bytes: number): void => {
      if (bytes > 4 * MIB) stop.abort();
    };
    const { signal } = stop;
    await expect(connection.sendFile({ ...file, onProgress }, { signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
    await expect(connection.sendFile(file, { timeoutMs: 1 })).rejects.toMatchObject({
      kind: 'timeout',
    });
    expect(readdirSync(dirname(file.path)).length).toBe(1);
    const found: number[] = [];
    await connection.sendFile({ ...file, onProgress: (bytes) => found.push(bytes) });
    expectSent(file);
    expect(found[0]).toBeGreaterThan(0);
  });

  test('is done where only the answer was lost', async () => {
    const { proxy, connection } = await proxied();
    const file = target();
    await connection.sendFile(file);
    const before = proxy.seen().toHost;
    await connection.sendFile(file);
    expect(proxy.seen().toHost - before).toBeLessThan(MIB);
    expectSent(file);
  });
});

describe('sendFile trusts no partial file', () => {
  const plants: [string, (at: string, victim: string) => void][] = [
    [
      'a symbolic link',
      (at, victim) => {
        symlinkSync(victim, at);
      },
    ],
    [
      'a second name of a file',
      (at, victim) => {
        linkSync(victim, at);
      },
    ],
    [
      'one that others may write',
      (at) => {
        writeFileSync(at, 'x', { mode: 0o644 });
      },
    ],
    [
      'one that is too long',
      (at) => {
        writeFileSync(at, '', { mode: 0o600 });
        truncateSync(at, 40 * MIB);
      },
    ],
  ];
  test.each(plants)('that is %s', async (_, plant) => {
    const connection = await connect();
    const file = target();
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'precious', { mode: 0o600 });
    plant(partialOf(file), victim);
    const found: number[] = [];
    await connection.sendFile({ ...file, onProgress: (bytes) => found.push(bytes) });
    expectSent(file);
    expect(found[0]).toBe(0);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(lstatSync(file.path).nlink).toBe(1);
  });

  test('of other contents of the same target', async () => {
    const connection = await connect();
    const file = target();
    const other = partialOf({ ...file, source: { ...file.source, sha256: 'f'.repeat(64) } });
    const own = `${file.path}.part`;
    writeFileSync(other, 'old', { mode: 0o600 });
    writeFileSync(own, 'not ours');
    await connection.sendFile(file);
    expect(readdirSync(dirname(file.path)).sort()).toEqual(
      [own, file.path].map((path) => path.split('/').at(-1)).sort(),
    );
  });
});

describe('sendFile that fails', () => {
  test('leaves nothing but the old file', async () => {
    const connection = await connect();
    const file = target();
    writeFileSync(file.path, 'old');
    const left = (): unknown => [readFileSync(file.path, 'utf8'), readdirSync(dirname(file.path))];
    const wrong = { ...file.source, sha256: '0'.repeat(64) };
    const cases = [
      [{ owner: 'no-such-user' }, 'command', /no-such-user/],
      [{ validate: 'grep -q nothing %s; exit 7' }, 'command', /did not accept it/],
      [{ source: wrong }, 'verify', /damaged/],
    ] as const;
    for (const [changes, kind, message] of cases) {
      const sent = connection.sendFile({ ...file, ...changes });
      await expect(sent).rejects.toMatchObject({ kind, message: text(message) });
      expect(left()).toEqual(['old', ['big $HOME.bin']]);
    }
    const isFolder = connection.sendFile({ ...file, path: dirname(file.path) });
    await expect(isFolder).rejects.toMatchObject({ kind: 'command', message: text(/is a folder/) });
    const gone = connection.sendFile({ ...file, source: { ...file.source, path: '/none' } });
    await expect(gone).rejects.toMatchObject({ kind: 'input', message: text(/ENOENT/) });
    const shorter = { ...file.source, size: SIZE + 9 * MIB };
    await expect(connection.sendFile({ ...file, source: shorter })).rejects.toMatchObject({
      kind: 'input',
      message: text(/become shorter/),
    });
  });
});

const canMount =
  asRoot && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'x', '/mnt']).status === 0;
describe.runIf(canMount)('sendFile to a disk that is too small', () => {
  function mounted(size: string): string {
    const at = join(folder, 'disk');
    mkdirSync(at);
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'caravan-test', at]);
    onTestFinished(() => {
      execFileSync('umount', ['-l', at]);
    });
    return at;
  }

  test('says so before it sends', async () => {
    const { proxy, connection } = await proxied();
    const at = mounted('16m');
    const before = proxy.seen().toHost;
    await expect(connection.sendFile(target(at))).rejects.toMatchObject({
      kind: 'command',
      message: text(/No space left on device: \d+ KiB are needed and 16384 KiB free/),
    });
    expect(readdirSync(at)).toEqual([]);
    expect(proxy.seen().toHost - before).toBeLessThan(MIB);
  });

  test('says so when it fills up in between, and leaves it empty', async () => {
    const at = mounted('32m');
    const connection = await connect();
    const filler = join(at, 'filler');
    const onProgress = (bytes: number): void => {
      if (bytes > 2 * MIB && !existsSync(filler)) writeFileSync(filler, Buffer.alloc(20 * MIB));
    };
    await expect(connection.sendFile({ ...target(at), onProgress })).rejects.toMatchObject({
      kind: 'command',
      message: text(/could not be written: dd: .*No space left on device$/),
    });
    expect(readdirSync(at)).toEqual(['filler']);
  });
});

const hasSudo = spawnSync('sudo', ['-V']).status === 0;
describe.runIf(asRoot && hasSudo)('sendFile as another user', () => {
  test.each(['sudo', 'su'] as const)('by %s', async (method) => {
    const connection = await connect({ become: { enabled: true, user: 'nobody', method } });
    const at = join(folder, 'theirs');
    mkdirSync(at);
    chmodSync(folder, 0o755);
    execFileSync('chown', ['nobody', at]);
    const file = target(at);
    await connection.sendFile(file);
    expectSent(file);
    expect(statSync(file.path).uid).toBe(statSync(at).uid);
    const refused = connection.sendFile({ ...file, path: '/usr/local/refused' });
    await expect(refused).rejects.toMatchObject({ message: text(/Permission denied/) });
  });
});

test('sendFile compresses what shrinks where the link is slow', async () => {
  const { proxy, connection } = await proxied(undefined, 150);
  const file = target();
  const same = Buffer.alloc(SIZE, 'the same again and again\n');
  const before = proxy.seen().toHost;
  await connection.sendFile({ ...file, source: source(same) });
  expectSent(file, same);
  expect(proxy.seen().toHost - before).toBeLessThan(4 * MIB);
});

test.each(KINDS)('receiveFile brings a large file (%s)', async (kind) => {
  const connection = await connect(kind === 'local' ? { kind } : { transport: kind });
  const { path, size, sha256 } = source();
  const to = join(folder, 'got');
  await connection.receiveFile({ path, to, size, sha256 });
  expect(readFileSync(to).equals(content)).toBe(true);
});

test('receiveFile says what the host lacks, and keeps no wrong bytes', async () => {
  const connection = await connect();
  const { path, size, sha256 } = source();
  const to = join(folder, 'got');
  const get = (changes: object): Promise<void> =>
    connection.receiveFile({ path, to, size, sha256, ...changes });
  await expect(get({ path: '/none' })).rejects.toMatchObject({
    kind: 'command',
    message: text(/could not be fetched: tail: .*No such file/),
  });
  await expect(get({ size: size + 1 })).rejects.toThrow(/only \d+ of \d+ bytes are there/);
  await expect(get({ sha256: '0'.repeat(64) })).rejects.toMatchObject({ kind: 'verify' });
  expect(statSync(to).size).toBe(0);
  await expect(get({ to: join(folder, 'no/folder') })).rejects.toMatchObject({ kind: 'input' });
  const late = connection.receiveFile({ path, to, size, sha256 }, { timeoutMs: 1 });
  await expect(late).rejects.toMatchObject({ kind: 'timeout' });
});

test.each(['ssh2', 'openssh'] as const)(
  'receiveFile keeps nothing of a host that sends more than it was asked for (%s)',
  async (transport) => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const head =
      '#!/bin/sh\n[ "$*" != "-c 1000" ] || exec cat /dev/zero\nexec /usr/bin/head "$@"\n';
    writeFileSync(join(bin, 'head'), head, { mode: 0o755 });
    const liar = await startSshd({ config: [`SetEnv "PATH=${bin}:/usr/bin:/bin"`] });
    onTestFinished(() => liar.stop());
    const connection = await createTransport().connect(liar.target({ transport }));
    onTestFinished(() => connection.close());
    const to = join(folder, 'got');
    // More often than the host has sessions.
    for (let i = 0; i < 12; i++) {
      const received = connection.receiveFile({ ...source(randomBytes(1000)), to });
      await expect(received).rejects.toMatchObject({
        kind: 'verify',
        message: text(/brought more than the 1000 bytes that were asked for/),
      });
      expect(statSync(to).size).toBe(0);
    }
  },
);

test('Hosts that share less memory than they could use all get their files', async () => {
  const transport = createTransport({ bytesInFlight: 300 * 1024 });
  const sent = Array.from({ length: 4 }, async (_, i) => {
    const connection = await transport.connect(sshd.target());
    onTestFinished(() => connection.close());
    const file = target(join(folder, String(i)));
    await connection.sendFile(file);
    expectSent(file);
  });
  await Promise.all(sent);
});

test('ByteBudget lets as many bytes in as it has room for, in order', async () => {
  const budget = new ByteBudget(10);
  const taken: string[] = [];
  const take = (name: string, bytes: number): Promise<() => void> =>
    budget.take(bytes).then((giveBack) => {
      taken.push(name);
      return giveBack;
    });
  const first = await take('a', 6);
  const [second, third] = [take('b', 6), take('c', 2)];
  await new Promise(setImmediate);
  expect(taken).toEqual(['a']);
  first();
  first();
  (await second)();
  (await third)();
  expect(taken).toEqual(['a', 'b', 'c']);
  (await take('more than there is', 99))();
});
