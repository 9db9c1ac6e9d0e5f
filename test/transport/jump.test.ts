import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { until } from './ended.js';
import { freePort, startSshd, type Sshd } from './sshd.js';

let target: Sshd;
let bastion: Sshd;
let outer: Sshd;
beforeAll(async () => {
  [target, bastion, outer] = await Promise.all([startSshd(), startSshd(), startSshd()]);
});
afterAll(async () => {
  await Promise.all([target, bastion, outer].map((one) => one.stop()));
});

const hop = (name: string, { address, port, userKey, knownHosts }: Sshd, more = ''): string =>
  `Host ${name}\n HostName ${address}\n Port ${port}\n IdentityFile ${userKey}\n` +
  ` UserKnownHostsFile ${knownHosts}\n ${more}\n`;

/** A way to the target, with a configuration of its own for the hosts on the way. */
function way(proxyJump: string, config: string, changes: Partial<ConnectionTarget> = {}) {
  const sshConfigFile = join(target.folder, `config${Math.random()}`);
  writeFileSync(sshConfigFile, config);
  const sshOptions = [{ keyword: 'proxyjump', values: [proxyJump] }];
  return target.target({ sshConfigFile, sshOptions, ...changes });
}

/** Sessions that an sshd has, by its children. */
function sessions({ folder }: Sshd): number {
  const pid = readFileSync(join(folder, 'sshd.pid'), 'utf8').trim();
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? 0 : text.split(' ').length;
}

describe.each(['ssh2', 'openssh'] as const)('over jump hosts, %s', (transport) => {
  test('connect goes over a chain, each host as its own configuration says', async () => {
    const config = hop('outer', outer) + hop('inner', bastion);
    const connection = await createTransport().connect(way('outer,inner', config, { transport }));
    expect((await connection.run(sh`echo "$SSH_CONNECTION"`)).stdout).toContain(
      ` ${target.port}\n`,
    );
    expect([sessions(outer), sessions(bastion)]).toEqual([1, 1]);
    await connection.close();
    await until(() => sessions(outer) + sessions(bastion) === 0, 'the jump hosts are let go');
  });

  test('connect follows ProxyJump of the configuration, of a jump host too', async () => {
    const config =
      hop('outer', outer) +
      hop('inner', bastion, 'ProxyJump outer') +
      `Host ${target.address}\n ProxyJump inner\n`;
    const connection = await createTransport().connect(
      way('', config, { transport, sshOptions: [] }),
    );
    expect([sessions(outer), sessions(bastion)]).toEqual([1, 1]);
    await connection.close();
  });

  test('connect refuses a jump host whose key is not known', async () => {
    const config = hop('bastion', { ...bastion, knownHosts: '/dev/null' });
    await expect(
      createTransport().connect(way('bastion', config, { transport })),
    ).rejects.toMatchObject({
      kind: 'host-key',
      message: expect.stringMatching(/^web01: on the way, bastion \(127.0.0.1:\d+\)/) as string,
      detail: { host: 'web01', hint: expect.stringContaining('caravan hosts scan') as string },
    });
  });

  test('connect says which host refused the login', async () => {
    const config = hop('bastion', { ...bastion, userKey: target.userKey });
    await expect(
      createTransport().connect(way('bastion', config, { transport })),
    ).rejects.toMatchObject({
      kind: 'auth',
      message: expect.stringContaining('web01: on the way, bastion (') as string,
    });
  });
});

test('40 connections over one jump host share one connection to it', async () => {
  const transport = createTransport();
  const config = hop('bastion', bastion);
  const ways = Array.from({ length: 40 }, (_, i) => way('bastion', config, { host: `web${i}` }));
  const { sshConfigFile } = ways[0]!;
  const connections = await Promise.all(
    ways.map((one) => transport.connect({ ...one, sshConfigFile: sshConfigFile! })),
  );
  expect(sessions(bastion)).toBe(1);
  const results = await Promise.all(connections.map((one) => one.run(sh`id -un`)));
  expect(results.map(({ stdout }) => stdout)).toEqual(Array(40).fill(`${target.user}\n`));
  await Promise.all(connections.map((one) => one.close()));
  await until(() => sessions(bastion) === 0, 'the jump host is let go');
});

test('connect opens a jump host again that was lost', async () => {
  const transport = createTransport();
  const own = await startSshd();
  const one = way('bastion', hop('bastion', own));
  const first = await transport.connect(one);
  const pid = readFileSync(join(own.folder, 'sshd.pid'), 'utf8').trim();
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  process.kill(Number(children[0]), 'SIGKILL');
  await expect(first.run(sh`sleep 30`)).rejects.toMatchObject({ kind: 'connect' });
  const second = await transport.connect(one);
  expect((await second.run(sh`id -un`)).stdout).toBe(`${target.user}\n`);
  await Promise.all([first.close(), second.close()]);
  await own.stop();
});

describe('what a jump host cannot reach', () => {
  let silent: Server;
  beforeAll(() => {
    silent = createServer();
  });
  afterAll(() => {
    silent.close();
  });

  test('connect names a closed port behind it, and lets it go', async () => {
    const closed = way('bastion', hop('bastion', bastion), { port: await freePort() });
    await expect(createTransport().connect(closed)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringMatching(
        /^web01: on the way, bastion could not reach 127.0.0.1:\d+/,
      ) as string,
      detail: { host: 'web01' },
    });
    await until(() => sessions(bastion) === 0, 'the jump host is let go');
  });

  test('connect keeps to its deadline, and to a cancellation', async () => {
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const late = way('bastion', hop('bastion', bastion), { port, connectTimeoutMs: 300 });
    await expect(createTransport().connect(late)).rejects.toMatchObject({ kind: 'timeout' });
    const stopped = createTransport().connect(
      { ...late, connectTimeoutMs: 9000 },
      { signal: AbortSignal.timeout(300) },
    );
    await expect(stopped).rejects.toMatchObject({ kind: 'cancelled' });
    await until(() => sessions(bastion) === 0, 'the jump host is let go');
  });

  test('connect refuses jump hosts that go in a circle', async () => {
    const config = `Host *\n ProxyJump bastion\n UserKnownHostsFile ${bastion.knownHosts}\n`;
    await expect(
      createTransport().connect(way('bastion', config, { sshOptions: [] })),
    ).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining('go in a circle') as string,
    });
  });
});
