import type { AnyAuthMethod, AuthenticationType, ParsedKey, Prompt } from 'ssh2';
import { CaravanError } from '../values/error.js';
import { keyAttempts, type AuthAttempt, type KeyParts } from './key-attempts.js';
import type { SshSettings } from './settings.js';
import { moreAsked } from './ssh2.errors.js';

/**
 * The ways to log in, in the order they are tried: keys, then the password.
 * @throws {CaravanError} input where no key can be used that was asked for; timeout or cancelled
 * where an agent says nothing
 */
export async function authAttempts(settings: SshSettings, parts: KeyParts): Promise<AuthAttempt[]> {
  const { methods, password } = settings.identity;
  const mayUseKeys = methods?.includes('publickey') ?? true;
  const attempts = mayUseKeys ? await keyAttempts(settings, parts) : [];
  if (password) attempts.push(...passwordAttempts(settings, password.reveal()));
  return inOrder(attempts, methods);
}

/**
 * Whether the first attempt may be made before the server has said that it takes any. A signature
 * with an RSA key rests on what the server says of its algorithms, which may come a little later.
 */
export function isEager([first]: readonly AuthAttempt[]): boolean {
  const method = first?.method;
  return method?.type === 'publickey' && (method.key as ParsedKey).type !== 'ssh-rsa';
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

function passwordAttempts(settings: SshSettings, password: string): AuthAttempt[] {
  const { user: username } = settings;
  let given = false; // once a login: what a server asks for after that is something else
  const answerTo = ({ prompt, echo }: Prompt): string => {
    // ssh2 ends the login with what is thrown here.
    if (given) throw moreAsked(settings, prompt);
    if (echo === true) return '';
    given = true;
    return password;
  };
  return [
    { name: 'password', method: { type: 'password', username, password } },
    {
      name: 'keyboard-interactive',
      method: {
        ...{ type: 'keyboard-interactive', username },
        prompt: (_name, _instructions, _lang, prompts, finish) => {
          finish(prompts.map(answerTo));
        },
      },
    },
  ];
}

/**
 * Gives ssh2 one attempt after another, skipping those that the server does not take. Where it takes
 * one and wants a further factor, all others are tried again: what it refused or had no use for
 * before may be that.
 */
export function authHandler(
  attempts: readonly AuthAttempt[],
  tried: string[],
): (left: AuthenticationType[] | null, partialSuccess?: boolean | null) => AnyAuthMethod | false {
  let open = attempts;
  let rest = [...open];
  let last: AuthAttempt | undefined;
  return (left, partialSuccess) => {
    if (partialSuccess === true) {
      open = open.filter((attempt) => attempt !== last);
      rest = [...open];
    }
    for (;;) {
      last = rest.shift();
      if (!last) return false;
      if (left && !left.includes(methodName(last.method))) continue;
      tried.push(last.name);
      return last.method;
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
