import { once } from 'node:events';
import type { Agent, request } from 'node:https';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Connection } from '../transport/port.js';
import type { Secret } from '../values/secret.js';

/** For one request, and for one handshake. */
const DEFAULT_TIMEOUT_MS = 5_000;

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
    const conversation = await converse(connection, wanted);
    try {
      return await conversation.request(wanted);
    } finally {
      conversation.close();
    }
  } catch (error) {
    return { status: undefined, body: '', chain: [], error: (error as Error).message };
  }
}

/** A TLS connection to a component on a host, ready for requests one after the other. */
export interface HostConversation {
  request(wanted: Pick<HostRequest, 'path' | 'headers' | 'timeoutMs'>): Promise<HostResponse>;
  close(): void;
}

/**
 * Connects and shakes hands, so that nothing but a request is left to send at a moment that
 * counts.
 *
 * @throws Error the component cannot be reached, or refuses.
 */
export async function converse(
  connection: Connection,
  wanted: Omit<HostRequest, 'path' | 'headers'>,
): Promise<HostConversation> {
  const stream = await connection.forward(wanted.address ?? '127.0.0.1', wanted.port);
  // Most commands need neither, and each takes a while to load.
  const [tls, https] = await Promise.all([import('node:tls'), import('node:https')]);
  const socket = tls.connect({
    socket: stream,
    rejectUnauthorized: wanted.trust !== undefined,
    servername: wanted.servername ?? 'kubernetes',
    ...(wanted.trust !== undefined && { ca: wanted.trust }),
    ...(wanted.leaf && { cert: wanted.leaf.certificate, key: wanted.leaf.key.reveal() }),
  });
  const close = (): void => {
    socket.destroy();
    stream.destroy();
  };
  try {
    await once(socket, 'secureConnect', {
      signal: AbortSignal.timeout(wanted.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    });
  } catch (error) {
    close();
    throw error;
  }
  // What comes between two requests shows at the next one, and must not end the process.
  socket.on('error', () => undefined);
  // It has one connection, and keeps it between requests.
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  const parts = { socket, agent, request: https.request };
  return { request: (one) => exchange(parts, { ...wanted, ...one }), close };
}

interface ExchangeParts {
  readonly socket: TLSSocket;
  readonly agent: Agent;
  readonly request: typeof request;
}

function exchange(
  { socket, agent, request }: ExchangeParts,
  { servername = 'kubernetes', path, headers, timeoutMs = DEFAULT_TIMEOUT_MS }: HostRequest,
): Promise<HostResponse> {
  return new Promise((resolve) => {
    const chain = peerChain(socket);
    const fail = (error: Error): void => {
      resolve({ status: undefined, body: '', chain, error: error.message });
    };
    const outgoing = request(
      { agent, host: servername, path, ...(headers && { headers }), timeout: timeoutMs },
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
      outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`));
    });
    outgoing.once('error', fail);
    outgoing.end();
  });
}

function peerChain(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  // Node ends the chain with a self-reference, gives null once the socket is closed, and types
  // neither that nor an absent issuer.
  let next = socket.getPeerCertificate(true) as Partial<DetailedPeerCertificate> | null | undefined;
  let raw = next?.raw;
  while (raw && !chain.some((seen) => raw?.equals(seen))) {
    chain.push(raw);
    next = next?.issuerCertificate;
    raw = next?.raw;
  }
  return chain;
}
