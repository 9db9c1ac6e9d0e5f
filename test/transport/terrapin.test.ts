import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { startSshd, type Sshd } from './sshd.js';

let sshd: Sshd;
let proxy: Server | undefined;
beforeAll(async () => {
  sshd = await startSshd();
});
afterEach(() => {
  proxy?.close();
});
afterAll(async () => {
  await sshd.stop();
});

/** SSH_MSG_IGNORE with no data, unencrypted: length, padding length, message, empty string, padding. */
const IGNORE = Buffer.from([0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** A stream that gives a message of its own to the peer just behind what identifies the sender. */
function inject(from: Socket, to: Socket, message: Buffer): void {
  let head: Buffer | undefined = Buffer.alloc(0);
  from.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      to.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\n') + 1;
    if (end === 0) return;
    to.write(Buffer.concat([head.subarray(0, end), message, head.subarray(end)]));
    head = undefined;
  });
}

/** A proxy that puts a message before the first of the client or of the server. */
async function between(toClient: Buffer, toServer: Buffer): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect({ host: sshd.address, port: sshd.port });
    inject(upstream, client, toClient);
    inject(client, upstream, toServer);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => undefined);
      one.on('close', () => other.destroy());
    }
  });
  proxy = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

const target = (port: number) =>
  sshd.target({
    port,
    connectTimeoutMs: 1500,
    transport: 'ssh2',
    sshOptions: [{ keyword: 'hostkeyalias', values: [`[127.0.0.1]:${sshd.port}`] }],
  });
const NOTHING = Buffer.alloc(0);

test('connect goes through a proxy that changes nothing', async () => {
  const connection = await createTransport().connect(target(await between(NOTHING, NOTHING)));
  expect((await connection.run(sh`echo hello`)).stdout).toBe('hello\n');
  await connection.close();
});

// CVE-2023-48795 (Terrapin): a message slipped in before NEWKEYS shifts the sequence numbers, so
// that one behind it can be cut off. Strict key exchange refuses the first.
test('connect refuses a message slipped in towards the client', async () => {
  const port = await between(IGNORE, NOTHING);
  await expect(createTransport().connect(target(port))).rejects.toMatchObject({
    kind: 'connect',
    message: expect.stringMatching(/KEXINIT not first packet in strict KEX mode/) as string,
  });
});

test('connect fails where a message is slipped in towards the server', async () => {
  const port = await between(NOTHING, IGNORE);
  await expect(createTransport().connect(target(port))).rejects.toMatchObject({
    kind: expect.stringMatching(/connect|timeout/) as string,
  });
});
