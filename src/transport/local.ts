import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { CaravanError } from '../values/error.js';
import type { ByteBudget } from './byte-budget.js';
import type { ProcessChannel } from './channel.js';
import { HostConnection } from './host-connection.js';
import type { Connection, ConnectionTarget } from './port.js';

/** A connection to this machine: the same shells as over SSH, as child processes. */
export function connectLocal(target: ConnectionTarget, budget: ByteBudget): Connection {
  const { host, become } = target;
  const children = new Set<ProcessChannel>();
  let closed = false;
  return new HostConnection(
    { host, become, user: userInfo().username },
    {
      openChannel: (commandLine) => {
        const channel = startChild('/bin/sh', ['-c', commandLine]);
        children.add(channel);
        channel.onClose(() => children.delete(channel));
        return Promise.resolve(channel);
      },
      forward: async (address, port) => {
        const socket = connect({ host: address, port });
        await once(socket, 'connect').catch((cause: unknown) => {
          throw new CaravanError('connect', `${host} could not reach ${address}:${port}`, {
            host,
            cause,
          });
        });
        return socket;
      },
      lost: () => (closed ? 'it was closed' : undefined),
      close: () => {
        closed = true;
        children.forEach((child) => {
          child.destroy();
        });
        return Promise.resolve();
      },
    },
    budget,
  );
}

/**
 * A child process as a channel. Detached, so that a step's processes share a session that is not
 * the controller's own.
 */
export function startChild(
  program: string,
  args: readonly string[],
  environment?: NodeJS.ProcessEnv,
): ProcessChannel {
  const child = spawn(program, args, {
    ...{ stdio: 'pipe', detached: true },
    ...(environment ? { env: environment } : {}),
  });
  child.on('error', () => undefined); // a close follows
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    onClose: (listener) => child.once('close', listener),
    destroy: () => {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
  };
}
