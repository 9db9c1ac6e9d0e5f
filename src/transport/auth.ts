import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod, AuthenticationType } from 'ssh2';
import { CaravanError } from '../values/error.js';
import type { ConnectionTarget } from './port.js';
import { loadPrivateKey } from './private-key.js';

/** A way to log in, and its name for an error message. */
export interface AuthAttempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/**
 * The ways to log in, in the order they are tried: the target's key, else the agent and then the
 * default keys; then the password. A key that was named is the only one offered, so that an agent
 * with many keys does not use up the server's MaxAuthTries.
 * @throws {CaravanError} input where the named key cannot be used and no agent could hold it
 */
export function authAttempts(
  target: ConnectionTarget,
  environment: Readonly<Record<string, string | undefined>>,
): AuthAttempt[] {
  const attempts: AuthAttempt[] = [];
  const agent = environment['SSH_AUTH_SOCK'];
  const { user: username, privateKeyFile, password } = target;
  const addKey = (file: string): void => {
    const key = loadPrivateKey(file, target.privateKeyPassphrase);
    attempts.push({ name: `key ${file}`, method: { type: 'publickey', username, key } });
  };
  const addAgent = (): void => {
    if (agent) attempts.push({ name: 'SSH agent', method: { type: 'agent', username, agent } });
  };
  if (privateKeyFile !== undefined) {
    try {
      addKey(privateKeyFile);
    } catch (error) {
      if (!agent) throw error;
      addAgent(); // the key may be encrypted and held there
    }
  } else {
    addAgent();
    for (const file of DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name))) {
      if (!existsSync(file)) continue;
      try {
        addKey(file);
      } catch {
        // As ssh: a default key that cannot be used is passed over.
      }
    }
  }
  if (password) attempts.push(...passwordAttempts(username, password.reveal()));
  return attempts;
}

function passwordAttempts(username: string, password: string): AuthAttempt[] {
  return [
    { name: 'password', method: { type: 'password', username, password } },
    {
      name: 'keyboard-interactive',
      method: {
        type: 'keyboard-interactive',
        username,
        prompt: (_name, _instructions, _lang, prompts, finish) => {
          finish(prompts.map((prompt) => (prompt.echo === true ? '' : password)));
        },
      },
    },
  ];
}

/** Gives ssh2 one attempt after another, skipping those that the server does not take. */
export function authHandler(
  attempts: readonly AuthAttempt[],
  tried: string[],
): (left: AuthenticationType[] | null) => AnyAuthMethod | false {
  const rest = [...attempts];
  return (left) => {
    for (;;) {
      const next = rest.shift();
      if (!next) return false;
      const { type } = next.method;
      if (left && !left.includes(type === 'agent' ? 'publickey' : type)) continue;
      tried.push(next.name);
      return next.method;
    }
  };
}

/** The error for a login that the host refused. */
export function loginRefused(
  target: ConnectionTarget,
  tried: readonly string[],
  cause: Error,
): CaravanError {
  const { host, user, address, port } = target;
  const what =
    tried.length > 0 ? `tried: ${tried.join(', ')}` : 'there was no key and no password to try';
  return new CaravanError(
    'auth',
    `${host} (${address}:${port}) refused the login as ${user}; ${what} (${cause.message})`,
    {
      host,
      cause,
      hint: /too many/i.test(cause.message)
        ? 'Name one key (ansible_ssh_private_key_file): the agent holds more keys than the server lets one try.'
        : `Check the user and that its authorized_keys on the host holds the key, or give a password with --ask-pass (-k).`,
    },
  );
}
