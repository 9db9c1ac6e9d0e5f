import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection, ConnectionTarget } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { processesWith, until, untilThere } from './ended.js';
import { startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});

const kinds: readonly ConnectionTarget['kind'][] = ['ssh', 'local'];
let seconds = 70_000; // a number of seconds that tells our sleeps from any other
const uniqueSleep = (): string => String(seconds++ + process.pid * 100_000);

describe.each(kinds)('A step of kind %s', (kind) => {
  let connection: Connection;
  beforeAll(async () => {
    connection = await createTransport().connect(sshd.target({ kind }));
    await connection.run(sh`:`); // its shell is open, so deadlines bound the steps alone
  });
  afterAll(async () => {
    await connection.close();
  });

  test('ends with its children, and those left in the background, past its deadline', async () => {
    const sleep = uniqueSleep();
    const step = connection.run(
      sh`(sh -c "sleep ${sleep} & :"); sleep ${sleep} & sh -c ${`trap '' TERM; sleep ${sleep}; :`}; sleep ${sleep}`,
      { timeoutMs: 500 },
    );
    await expect(step).rejects.toMatchObject({
      kind: 'timeout',
      message: 'web01: a step passed its deadline of 0.5 s; it and its children were ended',
      detail: { host: 'web01' },
    });
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    expect((await connection.run(sh`echo on`)).stdout).toBe('on\n');
  });

  test('past its deadline leaves alone what an earlier step left in the background', async () => {
    const sleep = uniqueSleep();
    await connection.run(sh`sleep ${sleep} >/dev/null 2>&1 &`);
    const own = uniqueSleep();
    const step = connection.run(sh`sleep 0.1; sleep ${own} & sleep ${own}`, { timeoutMs: 500 });
    await expect(step).rejects.toMatchObject({ kind: 'timeout' });
    await until(() => processesWith(own).length === 0, 'none of its own is left');
    const [left, ...others] = processesWith(sleep);
    expect([left, others]).toEqual([expect.any(Number), []]);
    process.kill(left!);
  });

  test('ends with its children when it is cancelled, and those that wait do not begin', async () => {
    const sleep = uniqueSleep();
    const abort = new AbortController();
    const cancelled = { kind: 'cancelled', detail: { host: 'web01' } };
    const both = Promise.all(
      [sh`sleep ${sleep}; echo never`, sh`touch ${sshd.folder}/never`].map((script) =>
        expect(connection.run(script, { signal: abort.signal })).rejects.toMatchObject(cancelled),
      ),
    );
    const after = connection.run(sh`test -e ${sshd.folder}/never`);
    await until(() => processesWith(sleep).length > 0, 'the sleep runs');
    abort.abort();
    await both;
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    expect((await after).code).toBe(1);
    await expect(connection.run(sh`:`, { signal: abort.signal })).rejects.toMatchObject({
      kind: 'cancelled',
    });
  });

  test('ends with its children when it prints without end, and the next one runs', async () => {
    const sleep = uniqueSleep();
    const batch = { name: 'test' };
    const onLine = (): void => undefined;
    const step = connection.run(sh`sleep ${sleep} & cat /dev/zero`, { batch, onLine });
    const behind = expect(connection.run(sh`:`, { batch })).rejects.toThrow('was stopped');
    await expect(step).rejects.toMatchObject({
      kind: 'command',
      message:
        'web01: a step printed more than 64 MiB, the most that is read of one; it and its children were ended',
      detail: { host: 'web01', hint: expect.stringContaining('fetch') as string },
    });
    await behind;
    await until(() => processesWith(sleep).length === 0, 'no sleep is left');
    const { stdout } = await connection.run(sh`head -c 60000000 /dev/zero`);
    expect(stdout.length).toBe(60_000_000);
  });

  test('is read no further when it has printed too much', async () => {
    const count = join(sshd.folder, `mebibytes-${kind}`);
    const step = connection.run(
      sh`n=0; while :; do head -c 1048576 /dev/zero; n=$((n + 1)); echo $n >${count}; done`,
    );
    await expect(step).rejects.toMatchObject({ kind: 'command' });
    // What is on its way fills the buffers of pipes and the window of a channel.
    expect(Number(readFileSync(count, 'utf8'))).toBeLessThan(64 + 8);
  });

  test('that ends its own shell is an error, and the next step finds a new one', async () => {
    await expect(connection.run(sh`kill -9 $$`)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringContaining('may still be running') as string,
    });
    expect((await connection.run(sh`echo on`)).stdout).toBe('on\n');
  });
});

test.each(['ssh2', 'openssh'] as const)(
  'A login that prints without end is an error of its host alone, %s',
  async (transport) => {
    const endless = await startSshd({ config: ['ForceCommand cat /dev/zero'] });
    const connection = await createTransport().connect(endless.target({ transport }));
    await expect(connection.run(sh`:`)).rejects.toMatchObject({
      kind: 'connect',
      message:
        'no POSIX shell could be started on web01: more than 256 KiB were printed before one was there',
    });
    await connection.close();
    await endless.stop();
  },
);

test('A step whose connection breaks says that it may still be running', async () => {
  const own = await startSshd();
  const connection = await createTransport().connect(own.target());
  const step = connection.run(
    sh`touch ${own.folder}/began; kill -9 $(ps -o ppid= -p $PPID) $PPID; sleep 60`,
  );
  await expect(step).rejects.toMatchObject({
    kind: 'connect',
    message: expect.stringMatching(/connection broke.*may still be running/) as string,
    detail: { host: 'web01' },
  });
  await untilThere(`${own.folder}/began`);
  await expect(connection.run(sh`:`)).rejects.toMatchObject({ kind: 'connect' });
  await own.stop();
});

test('forward gives a stream to an address that the host can reach', async () => {
  const server = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  for (const kind of kinds) {
    const connection = await createTransport().connect(sshd.target({ kind }));
    const stream = await connection.forward('127.0.0.1', port);
    stream.end('there and back');
    let back = '';
    for await (const chunk of stream) back += String(chunk);
    expect(back).toBe('there and back');
    await expect(connection.forward('127.0.0.1', 1)).rejects.toMatchObject({ kind: 'connect' });
    await connection.close();
  }
  server.close();
});
