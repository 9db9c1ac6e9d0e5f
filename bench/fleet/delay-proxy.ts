/**
 * A program that stands before sshd and adds a round-trip time. It listens on all loopback
 * addresses and goes on to the address that was dialled, so one serves every host. A process of
 * its own: what it costs is not the controller's.
 *
 *   node delay-proxy.js <rtt ms> <sshd port>       prints its port when it listens
 *
 * A connection begins as one over such a distance does: dialling takes one round trip and the
 * server knows half a round trip later, so the other end is dialled after one and a half. From then
 * on every piece is held for half a round trip, each way. Bandwidth is not bounded.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const rttMs = Number(process.argv[2]);
const port = Number(process.argv[3]);
const halfMs = rttMs / 2;

/** Gives on what comes from one end to the other, late. */
function forward(from: Socket, to: Socket): void {
  from.on('data', (bytes: Buffer) => {
    setTimeout(() => to.write(bytes), halfMs);
  });
  from.on('end', () => {
    setTimeout(() => to.end(), halfMs);
  });
  from.on('close', () => {
    setTimeout(() => to.destroy(), halfMs);
  });
  from.on('error', () => undefined); // the close that follows is given on
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const address = client.localAddress ?? '';
  if (!address.startsWith('127.')) {
    client.destroy();
    return;
  }
  client.pause();
  client.on('error', () => undefined);
  setTimeout(() => {
    const host = connect({ host: address, port, noDelay: true, allowHalfOpen: true });
    forward(client, host);
    forward(host, client);
    client.resume();
  }, rttMs * 1.5);
});
server.listen({ port: 0, host: '0.0.0.0', backlog: 4096 }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().on('end', () => process.exit()); // with whoever started it
