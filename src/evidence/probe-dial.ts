import { isIP } from 'node:net';
import * as tls from 'node:tls';
import { CaravanError } from '../values/error.js';
import type { OutcomeKind, ProbeClient, ProbeTarget } from './probe-model.js';

const contexts = new WeakMap<ProbeClient, tls.SecureContext>();

/**
 * What `client` trusts and shows, parsed once; no session is ever kept, so every connection
 * makes a full handshake. Throws `input` when a PEM cannot be read.
 */
export function secureContextOf(client: ProbeClient): tls.SecureContext {
  const known = contexts.get(client);
  if (known !== undefined) return known;
  try {
    const context = tls.createSecureContext({
      ca: client.trust.trim() === '' ? [] : [client.trust],
      ...(client.leaf && { cert: client.leaf.certificate, key: client.leaf.key.reveal() }),
    });
    contexts.set(client, context);
    return context;
  } catch (cause) {
    throw new CaravanError('input', `cannot read a PEM of the probe client '${client.name}'`, {
      cause,
    });
  }
}

/** A fresh TLS connection, not yet made; errors come as its `error` event. */
export function dial(target: ProbeTarget, client: ProbeClient): tls.TLSSocket {
  return tls.connect({
    host: target.address,
    port: target.port,
    // RFC 6066 allows no IP address in SNI; the check below is by the name all the same.
    servername: isIP(target.servername) === 0 ? target.servername : '',
    checkServerIdentity: (_host, cert) => tls.checkServerIdentity(target.servername, cert),
    secureContext: secureContextOf(client),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
  });
}

/** How far a call came: the last thing that was waited for. */
export type Stage = 'TCP connect' | 'TLS handshake' | 'answer' | 'end of the answer';

/** Alerts by which a server refuses the certificate shown, or the lack of one (RFC 8446, 6.2). */
const CERTIFICATE_ALERT =
  /ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)/;

/** An error as one stable line: OpenSSL's own reason, without its thread ids and line numbers. */
export function reasonOf(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { reason?: string };
  const text = reason ?? error.message;
  const line = code === undefined || text.includes(code) ? text : `${code}: ${text}`;
  return line.replaceAll(/\s+/g, ' ').slice(0, 200);
}

/**
 * Says whose refusal a connection's error is, if it is one. A served certificate with the wrong
 * name is an error, not distrust: its issuer was accepted.
 */
export function classifyError(
  error: Error,
  socket: tls.TLSSocket,
  stage: Stage,
): { kind: OutcomeKind; reason: string } {
  const { code = '' } = error as NodeJS.ErrnoException;
  const distrusted = stage === 'TLS handshake' && Boolean(socket.authorizationError);
  if (distrusted && code !== 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return { kind: 'refused-by-client', reason: reasonOf(error) };
  }
  if (CERTIFICATE_ALERT.test(code)) return { kind: 'refused-by-server', reason: reasonOf(error) };
  return { kind: 'error', reason: `${reasonOf(error)} (waiting for ${stage})`.slice(0, 200) };
}

/**
 * The certificates that `target` serves, leaf first, each as PEM; nothing is verified. Rejects
 * with `connect` when no handshake is done within `deadlineMs`.
 */
export function servedChain(target: ProbeTarget, deadlineMs = 5000): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      clearTimeout(timer);
      const at = `${target.address}:${target.port}`;
      const message = `cannot read the chain served at ${at}: ${reasonOf(cause)}`;
      reject(new CaravanError('connect', message, { host: target.name, cause }));
    };
    const socket = tls.connect({
      host: target.address,
      port: target.port,
      servername: isIP(target.servername) === 0 ? target.servername : '',
      // An empty store: with roots in it, Node would add issuers that were not served.
      ca: [],
      rejectUnauthorized: false,
    });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no handshake within ${deadlineMs} ms`));
    }, deadlineMs);
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      resolve(chainOf(socket.getPeerCertificate(true)));
      socket.destroy();
    });
  });
}

/** As Node gives it: the last of an incomplete chain has no issuer, whatever its types say. */
interface Served {
  readonly raw: Buffer;
  readonly fingerprint256: string;
  readonly issuerCertificate?: Served;
}

function chainOf(leaf: Served): string[] {
  const chain: string[] = [];
  const seen = new Set<string>();
  for (let next: Served | undefined = leaf; next !== undefined; next = next.issuerCertificate) {
    if (seen.has(next.fingerprint256)) break;
    seen.add(next.fingerprint256);
    const body = next.raw.toString('base64').replaceAll(/.{1,64}/g, '$&\n');
    chain.push(`-----BEGIN CERTIFICATE-----\n${body}-----END CERTIFICATE-----\n`);
  }
  return chain;
}
