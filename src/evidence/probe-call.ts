import { randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { TLSSocket } from 'node:tls';
import { EXEC_PROTOCOL, readExec, type ExecResult } from './exec-stream.js';
import { classifyError, dial, type Stage } from './probe-dial.js';
import type {
  ExecCall,
  OutcomeKind,
  ProbeCall,
  ProbeClient,
  ProbeOutcome,
  ProbeTarget,
} from './probe-model.js';
import { acceptFor } from './websocket.js';

type Verdict = Omit<ProbeOutcome, 'ms'>;

const BODY_SHOWN = 120;

/** The request path of a call. */
export function pathOf(call: ProbeCall): string {
  if (call.kind === 'get') return call.path;
  const pod = `/api/v1/namespaces/${encodeURIComponent(call.namespace)}/pods/${encodeURIComponent(call.pod)}`;
  const query = new URLSearchParams({ container: call.container });
  if (call.kind === 'logs') return `${pod}/log?${query.toString()}&tailLines=1`;
  for (const word of call.command) query.append('command', word);
  return `${pod}/exec?${query.toString()}&stdout=true&stderr=true`;
}

function judgeAnswer(status: number, body: string): Verdict {
  const kind: OutcomeKind =
    status >= 200 && status < 300
      ? 'pass'
      : status === 401 || status === 403
        ? 'refused-by-server'
        : 'error';
  const shown = kind === 'error' && body !== '' ? `: ${body.replaceAll(/\s+/g, ' ')}` : '';
  return { kind, status, reason: `HTTP ${status}${shown}`.slice(0, 200) };
}

function judgeExec(call: ExecCall, { stdout, status }: ExecResult): Verdict {
  const error = (reason: string): Verdict => ({
    kind: 'error',
    status: 101,
    reason: reason.replaceAll(/\s+/g, ' ').slice(0, 200),
  });
  if (status === undefined) return error('exec: the stream ended without a status');
  if (status.status !== 'Success') return error(`exec: ${status.status}: ${status.message}`);
  const seen = call.stdout === undefined ? stdout !== '' : stdout.includes(call.stdout);
  return seen
    ? { kind: 'pass', status: 101, reason: 'exec: Success' }
    : error('exec: Success, without the expected output');
}

function headersOf(target: ProbeTarget, client: ProbeClient): http.OutgoingHttpHeaders {
  const host = target.servername.includes(':') ? `[${target.servername}]` : target.servername;
  return {
    host: `${host}:${target.port}`,
    'user-agent': 'caravan-probe',
    ...(client.token && { authorization: `Bearer ${client.token.reveal()}` }),
  };
}

/** Reads an answer to its end: a truncated one is an error of the connection. */
function readAnswer(response: http.IncomingMessage): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      if (body.length < BODY_SHOWN) body = (body + text).slice(0, BODY_SHOWN);
    });
    response.on('error', reject);
    response.on('end', () => {
      resolve(judgeAnswer(response.statusCode ?? 0, body));
    });
  });
}

/** Sends `call` over `socket`; rejects with the connection's error. */
function exchange(
  socket: TLSSocket,
  { target, client, call }: { target: ProbeTarget; client: ProbeClient; call: ProbeCall },
  reached: (stage: Stage) => void,
): Promise<Verdict> {
  const headers = headersOf(target, client);
  const key = randomBytes(16).toString('base64');
  if (call.kind === 'exec') {
    headers['connection'] = 'Upgrade';
    headers['upgrade'] = 'websocket';
    headers['sec-websocket-version'] = '13';
    headers['sec-websocket-key'] = key;
    headers['sec-websocket-protocol'] = EXEC_PROTOCOL;
  }
  return new Promise((resolve, reject) => {
    const request = http.request({
      createConnection: () => socket,
      path: pathOf(call),
      headers,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      reached('end of the answer');
      readAnswer(response).then(resolve, reject);
    });
    if (call.kind === 'exec') {
      request.on('upgrade', (response, upgraded, head) => {
        reached('end of the answer');
        if (response.headers['sec-websocket-accept'] !== acceptFor(key)) {
          reject(new Error('exec: the answer to the WebSocket key is wrong'));
          return;
        }
        readExec(upgraded, head).then((result) => {
          resolve(judgeExec(call, result));
        }, reject);
      });
    }
    request.end();
  });
}

/**
 * One call on a fresh TLS connection with a full handshake, closed afterwards. Resolves with how
 * it ended, whatever that is; rejects only with `input`, when a PEM of `client` cannot be read.
 */
export async function connectOnce(
  target: ProbeTarget,
  client: ProbeClient,
  call: ProbeCall,
  deadlineMs = 5000,
): Promise<ProbeOutcome> {
  const started = performance.now();
  let stage: Stage = 'TCP connect';
  const reached = (next: Stage): void => {
    stage = next;
  };
  const socket = dial(target, client);
  socket.once('connect', () => {
    reached('TLS handshake');
  });
  socket.once('secureConnect', () => {
    reached('answer');
  });
  // What comes after the verdict has no other listener, and must not end the process.
  socket.on('error', () => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no end within ${deadlineMs} ms`));
    }, deadlineMs);
  });
  let verdict: Verdict;
  try {
    verdict = await Promise.race([exchange(socket, { target, client, call }, reached), late]);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    verdict = classifyError(error, socket, stage);
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
  return { ...verdict, ms: Math.round(performance.now() - started) };
}
