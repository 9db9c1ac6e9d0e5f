import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Client } from 'ssh2';
import { CaravanError } from '../values/error.js';
import { ssh2Algorithms } from './algorithms.js';
import { authAttempts, authHandler, isEager, loginRefused } from './auth.js';
import { backoffMs, type Random } from './backoff.js';
import { Deadline } from './deadline.js';
import { HostKeyCheck } from './host-key.js';
import { joinWrites } from './join-writes.js';
import type { AuthAttempt } from './key-attempts.js';
import type { Questions } from './questions.js';
import type { SshSettings } from './settings.js';
import { cutOff, droppedEarly, notReached, passwordExpired, stopped } from './ssh2.errors.js';
import { shortenLogin } from './ssh2.protocol.js';

/** What a login takes from its surroundings. */
export interface LoginParts {
  readonly random: Random;
  readonly signal?: AbortSignal;
  readonly questions?: Questions;
  /** A stream to the host's sshd through a jump host; absent: a socket is opened. */
  readonly dial?: () => Promise<Duplex>;
}

/** A connection, and the stream below it: ssh2 does not destroy one whose end it has asked for. */
export interface LoggedIn {
  readonly client: Client;
  readonly socket: Duplex;
}

/** What the parts of one attempt share. */
export interface Attempt {
  readonly settings: SshSettings;
  readonly parts: LoginParts;
  readonly deadline: Deadline;
}

/**
 * Dials a host and logs in. A server that drops the connection before it says who it is has too
 * many logins under way (MaxStartups): it is asked again until the deadline.
 * @throws {CaravanError} connect, auth, host-key, timeout, cancelled or input
 */
export async function loginSsh2(settings: SshSettings, parts: LoginParts): Promise<LoggedIn> {
  let attempts: readonly AuthAttempt[] | undefined;
  return withRetries(settings, parts, async (attempt) => {
    const { deadline } = attempt;
    attempts ??= await authAttempts(settings, { deadline, questions: parts.questions });
    return login(attempt, attempts);
  });
}

/**
 * Repeats an attempt that the server dropped early, until the deadline passes.
 * @throws {CaravanError} what the last attempt threw
 */
export async function withRetries<T>(
  settings: SshSettings,
  parts: LoginParts,
  attempt: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(settings.connectTimeoutMs, parts.signal);
  try {
    for (let count = 0; ; count++) {
      try {
        return await attempt({ settings, parts, deadline });
      } catch (error) {
        if (!droppedEarly(error)) throw error;
        if (!(await deadline.pause(backoffMs(count, parts.random)))) throw error;
      }
    }
  } finally {
    deadline.end();
  }
}

async function login(attempt: Attempt, attempts: readonly AuthAttempt[]): Promise<LoggedIn> {
  const { settings, parts, deadline } = attempt;
  const hostKey = new HostKeyCheck(settings);
  const tried: string[] = [];
  let refusal: unknown; // of the host key: ssh2 takes only a yes or no
  const { questions } = parts;
  const confirm = questions
    ? (question: string) => deadline.hold(() => questions.confirm(question))
    : undefined;
  try {
    return await handshake(attempt, {
      algorithms: hostKey.algorithms,
      authHandler: authHandler(attempts, tried),
      isEager: isEager(attempts),
      onAgentError: ({ message }) => {
        tried.push(`${tried.pop() ?? 'SSH agent'} (${message})`);
      },
      verify: async (key) => {
        try {
          await hostKey.verify(key, confirm);
          return true;
        } catch (error) {
          refusal = error;
          return false;
        }
      },
    });
  } catch (thrown) {
    if (refusal !== undefined) throw refusal as Error;
    if (thrown instanceof CaravanError) throw thrown;
    const cause = thrown as Error & { code?: unknown; level?: string };
    if (cause.message.includes('no matching host key format')) throw hostKey.noCommonType();
    // A refusal is an answer: no method that is left, or a disconnect with a reason (a number).
    const isTold = typeof cause.code === 'number' && tried.length > 0;
    if (isTold || cause.level === 'client-authentication')
      throw loginRefused(settings, tried, cause);
    throw tried.length > 0 ? cutOff(settings, tried, cause) : notReached(settings, cause);
  }
}

/** What of a handshake differs between a login and a look at the host key. */
export interface Handshake {
  readonly algorithms: readonly string[];
  readonly authHandler: ReturnType<typeof authHandler>;
  /** Whether its first request goes out before the server has said that it takes requests. */
  readonly isEager?: boolean;
  /** Told of an agent that does not answer or sign; the next way to log in is tried. */
  readonly onAgentError?: (error: Error) => void;
  readonly verify: (key: Buffer) => Promise<boolean>;
}

/** Dials and shakes hands; whatever goes wrong, the socket is gone afterwards. */
export async function handshake(
  { settings, parts, deadline }: Attempt,
  { algorithms, authHandler, isEager = false, onAgentError, verify }: Handshake,
): Promise<LoggedIn> {
  const { user, keepalive } = settings;
  const socket = await dial(settings, parts, deadline);
  const takeBack = deadline.onStop(() => socket.destroy(new Error(deadline.passed)));
  const client = new ssh2.Client();
  const seen = { host: false };
  client.once('handshake', () => {
    seen.host = true;
  });
  try {
    await new Promise<void>((resolve, reject) => {
      client.once('ready', resolve);
      // It may give several; all but the first change nothing.
      client.on('error', (error: Error & { level?: string }) => {
        if (error.level === 'agent') onAgentError?.(error);
        else reject(error);
      });
      client.once('change password', () => {
        reject(passwordExpired(settings));
      });
      client.once('close', () => {
        reject(new Error('the connection was closed'));
      });
      client.connect({
        sock: socket,
        username: user,
        readyTimeout: 0, // the deadline bounds it all, the dialling too
        keepaliveInterval: keepalive.intervalMs,
        keepaliveCountMax: keepalive.countMax,
        algorithms: ssh2Algorithms(settings.algorithms, algorithms),
        authHandler,
        hostVerifier: (key: Buffer, answer: (valid: boolean) => void): void => {
          seen.host = true;
          void verify(key).then(answer);
        },
      });
      shortenLogin(client, isEager);
    });
    return { client, socket };
  } catch (thrown) {
    socket.destroy();
    const cause = thrown as Error;
    if (deadline.passed !== undefined) throw stopped(settings, deadline, cause);
    if (!seen.host && isDrop(cause)) throw notReached(settings, cause, true);
    throw cause;
  } finally {
    takeBack();
  }
}

/** The connection ended with no word, where sshd would have said why. */
function isDrop(cause: Error & { code?: unknown }): boolean {
  return (
    cause.code === 'ECONNRESET' ||
    cause.code === 'EPIPE' ||
    /lost before handshake|connection was closed/.test(cause.message)
  );
}

/** A stream to sshd; a jump host may take its time to open one. */
async function dial(settings: SshSettings, parts: LoginParts, deadline: Deadline): Promise<Duplex> {
  const { hostName: host, port, family, bindAddress } = settings;
  if (!parts.dial) {
    const socket = connectSocket({
      ...{ host, port, noDelay: true },
      ...(family === undefined ? {} : { family }),
      ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
    });
    joinWrites(socket);
    return socket;
  }
  const opening = parts.dial();
  return new Promise((resolve, reject) => {
    const takeBack = deadline.onStop(() => {
      reject(stopped(settings, deadline));
      opening.then((late) => late.destroy()).catch(() => undefined);
    });
    opening.then(resolve, reject).finally(takeBack);
  });
}
