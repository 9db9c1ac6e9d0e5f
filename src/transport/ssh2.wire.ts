import type { Duplex } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { CaravanError } from '../values/error.js';
import { backoffMs, type Random } from './backoff.js';
import type { ProcessChannel } from './channel.js';
import type { Wire } from './host-connection.js';
import { noSession } from './open-shell.js';
import { SessionSlots } from './session-slots.js';
import type { LoggedIn } from './ssh2.login.js';

/** How often a refused channel is asked for again, within about two seconds. */
const CHANNEL_ATTEMPTS = 6;
/** How long a host may take to say goodbye. */
const CLOSE_MS = 2_000;

/** A logged in connection of ssh2 as a wire. */
export function ssh2Wire({ client, socket }: LoggedIn, host: string, random: Random): Wire {
  const slots = new SessionSlots();
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
    // ssh2 writes on to a socket that is full, up to the window of a channel.
    drained: () =>
      socket.writableNeedDrain
        ? new Promise((resolve) => socket.once('drain', resolve))
        : Promise.resolve(),
    openChannel: (commandLine) =>
      slots.use(async () => processChannel(await openPatiently(client, host, commandLine, random))),
    forward: (address, port) => forwardOut(client, host, address, port),
    close: async () => {
      lost ??= 'it was closed';
      client.end();
      // A host that has gone silent never closes its side.
      const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** sshd refuses sessions above MaxSessions; one that is just closing makes room. */
async function openPatiently(
  client: Client,
  host: string,
  commandLine: string,
  random: Random,
): Promise<ClientChannel> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await exec(client, commandLine);
    } catch (thrown) {
      const cause = thrown as Error & { reason?: unknown };
      const refused = cause.reason !== undefined;
      if (!refused || attempt + 1 >= CHANNEL_ATTEMPTS) throw noChannel(host, cause, refused);
      await new Promise((resolve) => setTimeout(resolve, backoffMs(attempt, random)));
    }
  }
}

function noChannel(host: string, cause: Error, refused: boolean): CaravanError {
  if (refused) return noSession(host, cause.message, cause);
  const message = `${host} opened no channel for a shell: ${cause.message}`;
  return new CaravanError('connect', message, { host, cause });
}

function exec(client: Client, commandLine: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    try {
      client.exec(commandLine, (error, channel) => {
        if (error) reject(error);
        else resolve(channel);
      });
    } catch (thrown) {
      // ssh2 throws where the socket is already gone.
      reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
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
