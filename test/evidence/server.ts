import * as https from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../src/values/clock.js';
import type { ProbeTarget } from '../../src/evidence/probe.js';
import { acceptFor, encodeFrame, OPCODE } from '../../src/evidence/websocket.js';
import type { Leaf } from './authority.js';

export const realClock: Pick<Clock, 'now' | 'sleep'> = {
  now: () => new Date(),
  sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }),
};

export async function listen(server: Server): Promise<ProbeTarget> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { name: 'cp1', kind: 'direct', address: '127.0.0.1', port, servername: 'kubernetes' };
}

/** Polls until `condition` holds; the test's own deadline ends a poll that never does. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

export interface Seen {
  readonly url: string;
  readonly authorization: string | undefined;
  /** CN of the client certificate, when the server trusts it. */
  readonly user: string | undefined;
  readonly resumed: boolean;
}

/** An API server as far as probes see it: 401 for a leaf that it does not trust. */
export class ApiServer {
  readonly seen: Seen[] = [];
  readonly server: https.Server;
  readonly #sockets = new Set<Duplex>();
  /** Status for whoever is let in. */
  status = 200;

  constructor(leaf: Leaf, clientTrust: string, onExec?: (socket: Duplex) => void) {
    this.server = https.createServer({
      cert: leaf.certificate,
      key: leaf.key,
      ca: clientTrust,
      requestCert: true,
      rejectUnauthorized: false,
    });
    // Node forgets upgraded connections, so that closeAllConnections leaves them open.
    this.server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.server.on('request', (request, response) => {
      const user = this.#note(request);
      response.writeHead(user === undefined ? 401 : this.status);
      response.end('answer');
    });
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      this.#note(request);
      const accept = acceptFor(request.headers['sec-websocket-key'] ?? '');
      const protocol = request.headers['sec-websocket-protocol'] ?? '';
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`,
      );
      socket.on('error', () => undefined);
      onExec?.(socket);
    });
  }

  #note(request: IncomingMessage): string | undefined {
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) throw new Error('not a TLS connection');
    const { authorization } = request.headers;
    const leafUser = socket.authorized ? socket.getPeerCertificate().subject.CN : undefined;
    const user = authorization === undefined ? leafUser : 'token';
    const name = typeof user === 'string' ? user : undefined;
    const resumed = socket.isSessionReused();
    this.seen.push({ url: request.url ?? '', authorization, user: name, resumed });
    return name;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** A message of the channel protocol, as a server sends it. */
export function channel(number: number, text: string): Buffer {
  return encodeFrame(OPCODE.binary, Buffer.concat([Buffer.from([number]), Buffer.from(text)]));
}
