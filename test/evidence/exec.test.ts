import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { connectOnce, type ExecCall, type ProbeOutcome } from '../../src/evidence/probe.js';
import { encodeFrame, MessageReader, OPCODE, type Message } from '../../src/evidence/websocket.js';
import { Authority, client } from './authority.js';
import { ApiServer, channel, listen } from './server.js';

const success = JSON.stringify({ kind: 'Status', status: 'Success' });
const failure = JSON.stringify({ kind: 'Status', status: 'Failure', message: 'exit code 1' });
const call: ExecCall = {
  kind: 'exec',
  namespace: 'default',
  pod: 'p',
  container: 'c',
  command: ['echo', 'a b'],
  stdout: 'a b',
};
let ca: Authority;
let api: ApiServer;

beforeAll(() => {
  ca = new Authority('CA');
});
afterAll(() => {
  ca.dispose();
});
afterEach(async () => {
  await api.close();
});

async function exec(onExec: (socket: Duplex) => void): Promise<ProbeOutcome> {
  api = new ApiServer(ca.leaf('apiserver'), ca.certificate, onExec);
  const target = await listen(api.server);
  return connectOnce(target, client('c', ca.certificate, ca.leaf('a')), call, 2000);
}

test('exec passes when the output is seen and the status is Success', async () => {
  const outcome = await exec((socket) => {
    const bytes = Buffer.concat([channel(1, ''), channel(2, ''), channel(1, 'a b\n')]);
    socket.write(Buffer.concat([bytes, channel(3, success)]));
  });
  expect(outcome).toMatchObject({ kind: 'pass', reason: 'exec: Success' });
  expect(api.seen[0]?.url).toBe(
    '/api/v1/namespaces/default/pods/p/exec?container=c&command=echo&command=a+b&stdout=true&stderr=true',
  );
});

test('exec answers pings with masked pongs', async () => {
  const answered: Message[] = [];
  const outcome = await exec((socket) => {
    const reader = new MessageReader();
    socket.on('data', (chunk: Buffer) => {
      expect((chunk[1] ?? 0) & 0x80).toBe(0x80);
      answered.push(...reader.push(chunk));
      if (answered.length === 1) socket.write(channel(3, success));
    });
    socket.write(channel(1, 'a b'));
    socket.write(encodeFrame(OPCODE.ping, Buffer.from('hi')));
  });
  expect(outcome.kind).toBe('pass');
  expect(answered[0]).toMatchObject({ opcode: OPCODE.pong, payload: Buffer.from('hi') });
});

test.each([
  ['the command fails', [channel(3, failure)], 'exec: Failure: exit code 1'],
  ['the status is no JSON', [channel(3, 'oops')], 'exec: unreadable: oops'],
  [
    'other output comes',
    [channel(1, 'b'), channel(3, success)],
    'exec: Success, without the expected output',
  ],
  [
    'the output comes on standard error',
    [channel(2, 'a b'), channel(3, success)],
    'exec: Success, without the expected output',
  ],
  [
    'the stream is closed early',
    [channel(1, 'a b'), encodeFrame(OPCODE.close, Buffer.alloc(0))],
    'exec: the stream ended without a status',
  ],
])('exec says error when %s', async (_when, frames, reason) => {
  const outcome = await exec((socket) => socket.write(Buffer.concat(frames)));
  expect(outcome).toMatchObject({ kind: 'error', reason });
});

test('exec says error when the connection drops', async () => {
  const outcome = await exec((socket) => {
    socket.write(channel(1, 'a b'));
    socket.end();
  });
  expect(outcome).toMatchObject({
    kind: 'error',
    reason: 'exec: the stream ended without a status',
  });
});

test('MessageReader gives the same messages however the bytes are cut', () => {
  const payloads = [0, 1, 125, 126, 65_535, 65_536].map((size) => randomBytes(size));
  const bytes = Buffer.concat(
    payloads.map((payload, i) =>
      encodeFrame(OPCODE.binary, payload, i % 2 === 0 ? randomBytes(4) : undefined),
    ),
  );
  for (const cut of [1, 7, 1000, bytes.length]) {
    const reader = new MessageReader();
    const seen: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += cut) {
      seen.push(...reader.push(bytes.subarray(at, at + cut)).map((message) => message.payload));
      if (cut === 1 && at > 1000) break;
    }
    expect(seen.every((payload, i) => payloads[i]?.equals(payload))).toBe(true);
    expect(seen.length).toBe(cut === 1 ? 4 : payloads.length);
  }
});

test('MessageReader joins fragments around a control frame', () => {
  const first = encodeFrame(OPCODE.binary, Buffer.from('a'));
  first[0] = OPCODE.binary;
  const ping = encodeFrame(OPCODE.ping, Buffer.alloc(0));
  const last = encodeFrame(OPCODE.continuation, Buffer.from('b'));
  const seen = new MessageReader().push(Buffer.concat([first, ping, last]));
  expect(seen.map(({ opcode, payload }) => [opcode, payload.toString()])).toEqual([
    [OPCODE.ping, ''],
    [OPCODE.binary, 'ab'],
  ]);
});
