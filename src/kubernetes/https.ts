import { request } from 'node:https';
import {
  connect as tlsConnect,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { Connection } from '../transport/port.js';
import type { Secret } from '../values/secret.js';

/** A request to a component on a host, sent through the host's SSH connection. */
export interface HostRequest {
  /** Address on the host; default the loopback, where kubeadm binds the health ports. */
  readonly address?: string;
  readonly port: number;
  readonly path: string;
  /** PEM bundle to verify the server with; without one it is not verified (loopback of the host). */
  readonly trust?: string;
  readonly servername?: string;
  readonly leaf?: { readonly certificate: string; readonly key: Secret };
  readonly headers?: Readonly<Record<string, string>>;
  /** Default 5,000. */
  readonly timeoutMs?: number;
}

/** What came back: the HTTP status, or why there was none. */
export interface HostResponse {
  readonly status: number | undefined;
  readonly body: string;
  /** DER certificates that the server showed, leaf first. */
  readonly chain: readonly Buffer[];
  readonly error?: string;
}

/**
 * One HTTPS request on a fresh connection, from the host itself, so that it needs no route from
 * the controller to the cluster. Never throws: a refusal is what some callers look for.
 */
export async function requestFromHost(
  connection: Connection,
  wanted: HostRequest,
): Promise<HostResponse> {
  try {
    const stream = await connection.forward(wanted.address ?? '127.0.0.1', wanted.port);
    const options: ConnectionOptions = {
      socket: stream,
      rejectUnauthorized: wanted.trust !== undefined,
      servername: wanted.servername ?? 'kubernetes',
      ...(wanted.trust !== undefined && { ca: wanted.trust }),
      ...(wanted.leaf && { cert: wanted.leaf.certificate, key: wanted.leaf.key.reveal() }),
    };
    const socket = tlsConnect(options);
    try {
      return await exchange(socket, wanted);
    } finally {
      socket.destroy();
      stream.destroy();
    }
  } catch (error) {
    return { status: undefined, body: '', chain: [], error: (error as Error).message };
  }
}

function exchange(socket: TLSSocket, wanted: HostRequest): Promise<HostResponse> {
  return new Promise((resolve) => {
    let chain: readonly Buffer[] = [];
    const fail = (error: Error): void => {
      resolve({ status: undefined, body: '', chain, error: error.message });
    };
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      chain = peerChain(socket);
    });
    const outgoing = request(
      {
        createConnection: () => socket,
        host: wanted.servername ?? 'kubernetes',
        path: wanted.path,
        headers: { connection: 'close', ...wanted.headers },
        timeout: wanted.timeoutMs ?? 5_000,
      },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', fail);
        response.once('end', () => {
          resolve({ status: response.statusCode, body: Buffer.concat(parts).toString(), chain });
        });
      },
    );
    outgoing.once('timeout', () => {
      fail(new Error(`no answer within ${wanted.timeoutMs ?? 5_000} ms`));
    });
    outgoing.once('error', fail);
    outgoing.end();
  });
}

function peerChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  // Node ends the chain with a self-reference, and types neither that nor an absent issuer.
  let next: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true);
  let raw = next.raw;
  while (raw && !chain.some((seen) => raw?.equals(seen))) {
    chain.push(raw);
    next = next?.issuerCertificate;
    raw = next?.raw;
  }
  return chain;
}
