import { existsSync } from 'node:fs';
import type { AnyAuthMethod, AuthenticationType, BaseAgent, ParsedKey } from 'ssh2';
import { CaravanError } from '../values/error.js';
import { agentHolding } from './agent.js';
import { usualKeys } from './identity.js';
import { EncryptedKey, loadPrivateKey } from './private-key.js';
import type { Questions } from './questions.js';
import type { SshSettings } from './settings.js';

/** A way to log in, and its name for an error message. */
export interface AuthAttempt {
  readonly name: string;
  readonly method: AnyAuthMethod;
}

/**
 * The ways to log in, in the order they are tried: the target's key, else the agent and then the
 * keys of ssh_config or the default ones; then the password. A key that was named is the only one
 * offered, so that an agent with many keys does not use up the server's MaxAuthTries.
 * @throws {CaravanError} input where the named key cannot be used and no agent could hold it
 */
export async function authAttempts(
  settings: SshSettings,
  questions?: Questions,
): Promise<AuthAttempt[]> {
  const { identity, user, target } = settings;
  const attempts: AuthAttempt[] = [];
  const keys = new KeyAttempts(settings, questions);
  const { agent, only, files } = identity;
  if (agent !== undefined && !only) attempts.push(agentAttempt(user, agent));
  let unusable: unknown;
  for (const file of files) {
    try {
      attempts.push(await keys.named(file));
    } catch (error) {
      // As ssh: a key that only configuration lists is passed over where there is another way.
      if (target.privateKeyFile !== undefined) throw error;
      if (existsSync(file)) unusable ??= error;
    }
  }
  if (unusable !== undefined && attempts.length === 0 && !identity.password)
    throw unusable as Error;
  if (identity.usual) attempts.push(...(await keys.usual(attempts.length === 0)));
  if (identity.password) attempts.push(...passwordAttempts(user, identity.password.reveal()));
  return inOrder(attempts, identity.methods);
}

/**
 * Whether the first attempt may be made before the server has said that it takes any. A signature
 * with an RSA key rests on what the server says of its algorithms, which may come a little later.
 */
export function isEager([first]: readonly AuthAttempt[]): boolean {
  const method = first?.method;
  return method?.type === 'publickey' && (method.key as ParsedKey).type !== 'ssh-rsa';
}

class KeyAttempts {
  constructor(
    private readonly settings: SshSettings,
    private readonly questions?: Questions,
  ) {}

  /** A key that was asked for; where it is encrypted, the agent may hold it, or a person open it. */
  async named(file: string): Promise<AuthAttempt> {
    const { user, identity } = this.settings;
    try {
      return this.#key(file);
    } catch (error) {
      const { agent } = identity;
      const held = agent === undefined ? undefined : await agentHolding(agent, file);
      if (held) return agentAttempt(user, held);
      if (error instanceof EncryptedKey && this.questions)
        return this.#opened(file, this.questions);
      if (agent === undefined) throw error;
      return agentAttempt(user, agent); // it may hold the key without our knowing
    }
  }

  /** The default keys that can be used; one that is encrypted is asked for where there is no other way. */
  async usual(ask: boolean): Promise<AuthAttempt[]> {
    const attempts: AuthAttempt[] = [];
    let encrypted: string | undefined;
    for (const file of usualKeys().filter((one) => existsSync(one))) {
      try {
        attempts.push(this.#key(file));
      } catch (error) {
        // As ssh: a default key that cannot be used is passed over.
        if (error instanceof EncryptedKey) encrypted ??= file;
      }
    }
    const { password } = this.settings.identity;
    if (encrypted === undefined || attempts.length > 0 || !ask || password || !this.questions)
      return attempts;
    return [await this.#opened(encrypted, this.questions)];
  }

  async #opened(file: string, questions: Questions): Promise<AuthAttempt> {
    return this.#key(file, await questions.secret(`Passphrase of the key ${file}: `));
  }

  #key(file: string, passphrase = this.settings.identity.passphrase): AuthAttempt {
    const { user: username, identity } = this.settings;
    const key = loadPrivateKey(file, {
      sha1: identity.sha1,
      ...(passphrase ? { passphrase } : {}),
    });
    return { name: `key ${file}`, method: { type: 'publickey', username, key } };
  }
}

function agentAttempt(username: string, agent: string | BaseAgent): AuthAttempt {
  return { name: 'SSH agent', method: { type: 'agent', username, agent } };
}

/** Only the methods that may be used, in the order that was asked for. */
function inOrder(attempts: AuthAttempt[], methods?: readonly string[]): AuthAttempt[] {
  if (!methods) return attempts;
  return methods.flatMap((method) =>
    attempts.filter((attempt) => methodName(attempt.method) === method),
  );
}

function methodName({ type }: AnyAuthMethod): AuthenticationType {
  return type === 'agent' ? 'publickey' : type;
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
      if (left && !left.includes(methodName(next.method))) continue;
      tried.push(next.name);
      return next.method;
    }
  };
}

/** The error for a login that the host refused. */
export function loginRefused(
  settings: SshSettings,
  tried: readonly string[],
  cause: Error,
): CaravanError {
  const { host, user, hostName, port } = settings;
  const what =
    tried.length > 0 ? `tried: ${tried.join(', ')}` : 'there was no key and no password to try';
  return new CaravanError(
    'auth',
    `${host} (${hostName}:${port}) refused the login as ${user}; ${what} (${cause.message})`,
    {
      host,
      cause,
      hint: /too many/i.test(cause.message)
        ? 'Name one key (ansible_ssh_private_key_file): the agent holds more keys than the server lets one try.'
        : `Check the user and that its authorized_keys on the host holds the key, or give a password with --ask-pass (-k).`,
    },
  );
}
