import { connect as connectSocket, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Algorithms, type Client, type ClientChannel } from 'ssh2';
import { CaravanError } from '../values/error.js';
import { authAttempts, authHandler, loginRefused } from './auth.js';
import type { ProcessChannel } from './channel.js';
import { HostConnection, type Wire } from './host-connection.js';
import { HostKeyCheck } from './host-key.js';
import type { Connection, ConnectionTarget } from './port.js';

/** Deadline from dialling to being logged in, where the target names none. */
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** A dead peer is noticed after three of these. */
const KEEPALIVE_MS = 15_000;

/** No SHA-1 in key exchange or MAC, no CBC, no compression: RFC 9142, and OpenSSH's own defaults. */
const ALGORITHMS = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group-exchange-sha256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
  ],
  compress: ['none'],
} satisfies Algorithms;

/** What a connection takes from its surroundings. */
export interface SshSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/**
 * Logs in to a host.
 * @throws {CaravanError} connect, auth, host-key, timeout, cancelled or input
 */
export async function connectSsh(
  target: ConnectionTarget,
  surroundings: SshSurroundings,
): Promise<Connection> {
  const client = new ssh2.Client();
  await login(client, target, surroundings);
  return new HostConnection(target, sshWire(client, target));
}

/** Dials and logs in; whatever goes wrong, the socket is gone afterwards. */
async function login(
  client: Client,
  target: ConnectionTarget,
  { environment, signal }: SshSurroundings,
): Promise<void> {
  const { host, address, port, user } = target;
  const timeoutMs = target.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const hostKey = new HostKeyCheck(target);
  const attempts = authAttempts(target, environment);
  const tried: string[] = [];
  let refusal: unknown; // of the host key: ssh2 takes only a yes or no
  const where = `${host} (${address}:${port})`;
  const socket = connectSocket({ host: address, port, noDelay: true });
  const watch = watchLimits(socket, timeoutMs, signal);
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      client.once('error', reject);
      client.once('close', () => {
        reject(new Error('the connection was closed'));
      });
      client.connect({
        sock: socket,
        username: user,
        readyTimeout: 0, // watchLimits bounds it all, the dialling too
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: 3,
        algorithms: { ...ALGORITHMS, serverHostKey: hostKey.algorithms },
        authHandler: authHandler(attempts, tried),
        hostVerifier: (key: Buffer): boolean => {
          try {
            hostKey.verify(key);
            return true;
          } catch (error) {
            refusal = error;
            return false;
          }
        },
      });
    });
  } catch (error) {
    client.on('error', () => undefined); // of a client that is being given up
    socket.destroy();
    const cause = error as Error & { code?: unknown; level?: string };
    if (refusal !== undefined) throw refusal as Error;
    if (watch.passed === 'timeout') {
      const message = `${where} was not logged in to within ${timeoutMs / 1000} s`;
      throw new CaravanError('timeout', message, { host, cause });
    }
    if (watch.passed === 'cancelled')
      throw new CaravanError('cancelled', `connecting to ${where} was cancelled`, { host, cause });
    if (cause.message.includes('no matching host key format')) throw hostKey.noCommonType();
    const cut = cause.level === 'client-socket'; // not the host's answer to the login
    if (!cut && (tried.length > 0 || cause.level === 'client-authentication'))
      throw loginRefused(target, tried, cause);
    throw notReached(target, cause);
  } finally {
    watch.end();
  }
}

/** Destroys a socket at a deadline or an abort, and remembers which it was. */
function watchLimits(socket: Socket, timeoutMs: number, signal?: AbortSignal) {
  const watch = {
    passed: undefined as 'timeout' | 'cancelled' | undefined,
    end: (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
  const stop = (why: 'timeout' | 'cancelled'): void => {
    watch.passed ??= why;
    socket.destroy(new Error(why));
  };
  const onAbort = (): void => {
    stop('cancelled');
  };
  const timer = setTimeout(stop, timeoutMs, 'timeout');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  return watch;
}

/** What the usual system errors mean, and what to look at. */
const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  ECONNREFUSED: ['nothing listens there', 'Is sshd running, and on this port (ansible_port)?'],
  ENOTFOUND: ['the name is unknown to DNS', 'Check ansible_host, or the name of the host.'],
  EAI_AGAIN: ['DNS did not answer', "Check the controller's resolver (/etc/resolv.conf)."],
  ETIMEDOUT: ['it did not answer', 'Is the host up, and does a firewall let the port through?'],
  EHOSTUNREACH: ['there is no route to it', 'Is the host up and in this network?'],
  ENETUNREACH: ['there is no route to its network', "Check the controller's network."],
  ECONNRESET: ['it cut the connection', 'sshd may be at MaxStartups, or a firewall may object.'],
};

function notReached(target: ConnectionTarget, cause: Error & { code?: unknown }): CaravanError {
  const { host, address, port } = target;
  const early = cause.message.includes('lost before handshake') ? 'ECONNRESET' : undefined;
  const code = typeof cause.code === 'string' ? cause.code : early;
  const known = code === undefined ? undefined : REASONS[code];
  const noAlgorithm = /no matching (.*)/.exec(cause.message)?.[1];
  const hint = noAlgorithm
    ? 'The host must offer an algorithm that is neither SHA-1, CBC nor post-quantum only, for example curve25519-sha256 with aes128-gcm@openssh.com.'
    : known?.[1];
  return new CaravanError(
    'connect',
    `${host} (${address}:${port}) could not be reached: ${known?.[0] ?? cause.message}`,
    { host, cause, ...(hint === undefined ? {} : { hint }) },
  );
}

function sshWire(client: Client, { host }: ConnectionTarget): Wire {
  let lost: string | undefined;
  const closed = new Promise<void>((resolve) => {
    client.once('close', () => {
      lost ??= 'it was closed';
      resolve();
    });
  });
  client.on('error', (error) => {
    lost ??= error.message;
  });
  return {
    lost: () => lost,
    openChannel: async (commandLine) => processChannel(await exec(client, host, commandLine)),
    forward: (address, port) => forwardOut(client, host, address, port),
    close: async () => {
      lost ??= 'it was closed';
      client.end();
      await closed;
    },
  };
}

function exec(client: Client, host: string, commandLine: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const message = `${host} opened no channel for a shell: ${cause.message}`;
      reject(new CaravanError('connect', message, { host, cause }));
    };
    try {
      client.exec(commandLine, (error, channel) => {
        if (error) fail(error);
        else resolve(channel);
      });
    } catch (thrown) {
      fail(thrown as Error); // ssh2 throws where the socket is already gone
    }
  });
}

function processChannel(channel: ClientChannel): ProcessChannel {
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    onClose: (listener) => channel.once('close', listener),
    destroy: () => {
      channel.close();
    },
  };
}

function forwardOut(client: Client, host: string, address: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      const message = `${host} could not reach ${address}:${port}: ${cause.message}`;
      reject(new CaravanError('connect', message, { host, cause }));
    };
    try {
      client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => {
        if (error) fail(error);
        else resolve(channel);
      });
    } catch (thrown) {
      fail(thrown as Error);
    }
  });
}
