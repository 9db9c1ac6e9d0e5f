import pLimit from 'p-limit';
import { connectLocal } from './local.js';
import type { Transport } from './port.js';
import { connectSsh } from './ssh.js';

/** What a transport can be told; all has defaults. */
export interface TransportOptions {
  /** Where SSH_AUTH_SOCK is read (default: the process's environment). */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Logins under way at once; a connection waits for its turn before its deadline runs (default 64). */
  readonly handshakes?: number;
}

/** Opens connections over SSH and to the local machine. */
export function createTransport(options: TransportOptions = {}): Transport {
  const { environment = process.env, handshakes = 64 } = options;
  const inTurn = pLimit(handshakes);
  return {
    connect: (target, { signal } = {}) =>
      target.kind === 'local'
        ? Promise.resolve(connectLocal(target))
        : inTurn(() => connectSsh(target, { environment, ...(signal ? { signal } : {}) })),
  };
}
