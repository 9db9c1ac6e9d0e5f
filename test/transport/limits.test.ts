import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { startSshd, type Sshd } from './sshd.js';

const text = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

async function ids(sshd: Sshd, count: number, changes = {}): Promise<string[]> {
  const transport = createTransport();
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const connection = await transport.connect(
        sshd.target({ host: `web${i}`, connectTimeoutMs: 50_000, ...changes }),
      );
      const { stdout } = await connection.run(sh`id -un`);
      await connection.close();
      return stdout;
    }),
  );
}

test('30 connects succeed where sshd takes three logins at once and drops the rest', async () => {
  const busy = await startSshd({ config: ['MaxStartups 2:100:3'] });
  expect(await ids(busy, 30)).toEqual(Array(30).fill(`${busy.user}\n`));
  expect(await ids(busy, 6, { transport: 'openssh' })).toEqual(Array(6).fill(`${busy.user}\n`));
  await busy.stop();
});

test('30 connects to a stock sshd meet no refusal', async () => {
  const stock = await startSshd({ config: ['MaxStartups 10:30:100'] });
  expect(await ids(stock, 30)).toEqual(Array(30).fill(`${stock.user}\n`));
  await stock.stop();
});

test('connect gives up at its deadline on a server that drops every connection', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const target = { ...one.target({ port, connectTimeoutMs: 700 }) };
  const started = Date.now();
  await expect(createTransport().connect(target)).rejects.toMatchObject({
    kind: 'connect',
    message: text(/it cut the connection/),
    detail: { hint: text(/MaxStartups/) },
  });
  expect(Date.now() - started).toBeGreaterThanOrEqual(400);
  server.close();
});

let one: Sshd;
beforeAll(async () => {
  one = await startSshd({ config: ['MaxSessions 1'] });
});
afterAll(async () => {
  await one.stop();
});

test.each(['ssh2', 'openssh'] as const)(
  'a second user on a host with MaxSessions 1 is an error that says so, %s',
  async (transport) => {
    const become = { enabled: false, user: 'nobody', method: 'su' as const };
    const connection = await createTransport().connect(one.target({ become, transport }));
    expect((await connection.run(sh`id -un`)).stdout).toBe(`${one.user}\n`);
    await expect(connection.run(sh`id -un`, { become: true })).rejects.toMatchObject({
      detail: { hint: text(/MaxSessions/) },
    });
    expect((await connection.run(sh`id -un`)).stdout).toBe(`${one.user}\n`);
    await connection.close();
  },
);

test('a dead host is noticed by ServerAliveInterval and ServerAliveCountMax', async () => {
  const own = await startSshd();
  const connection = await createTransport().connect(
    own.target({
      sshOptions: [
        { keyword: 'serveraliveinterval', values: ['1'] },
        { keyword: 'serveralivecountmax', values: ['1'] },
      ],
    }),
  );
  const pid = Number((await connection.run(sh`echo $PPID`)).stdout);
  const sleeping = connection.run(sh`sleep 60`);
  process.kill(pid, 'SIGSTOP');
  await expect(sleeping).rejects.toMatchObject({ kind: 'connect', message: text(/broke/) });
  process.kill(pid, 'SIGKILL');
  await connection.close();
  await own.stop();
});
