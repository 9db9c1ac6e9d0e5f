import { CaravanError } from '../values/error.js';
import type { Deadline } from './deadline.js';
import type { SshSettings } from './settings.js';

/** What the usual system errors mean, and what to look at. */
const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  ECONNREFUSED: ['nothing listens there', 'Is sshd running, and on this port (ansible_port)?'],
  ENOTFOUND: ['the name is unknown to DNS', 'Check ansible_host, or the name of the host.'],
  EAI_AGAIN: ['DNS did not answer', "Check the controller's resolver (/etc/resolv.conf)."],
  ETIMEDOUT: ['it did not answer', 'Is the host up, and does a firewall let the port through?'],
  EHOSTUNREACH: ['there is no route to it', 'Is the host up and in this network?'],
  ENETUNREACH: ['there is no route to its network', "Check the controller's network."],
  ECONNRESET: [
    'it cut the connection',
    'sshd may be at MaxStartups or punish this address (PerSourcePenalties), or a firewall may object.',
  ],
};

/** An error of a server that dropped the connection before it said who it is. */
class DroppedEarly extends CaravanError {}

/** Whether the server may take a connection a little later. */
export function droppedEarly(error: unknown): boolean {
  return error instanceof DroppedEarly;
}

/** The error for a host with which no handshake was had; `early` where it cut the connection first. */
export function notReached(
  settings: SshSettings,
  cause: Error & { code?: unknown },
  early = false,
): CaravanError {
  const { host, hostName, port } = settings;
  const code = early ? 'ECONNRESET' : cause.code;
  const known = typeof code === 'string' ? REASONS[code] : undefined;
  const noAlgorithm = /no matching (.*)/.exec(cause.message)?.[1];
  const hint = noAlgorithm
    ? 'The host must offer an algorithm that is neither SHA-1 nor CBC, for example curve25519-sha256 with aes128-gcm@openssh.com; a weak one can be asked for by name in ansible_ssh_common_args, and --transport openssh has post-quantum ones.'
    : known?.[1];
  const kind = early ? DroppedEarly : CaravanError;
  return new kind(
    'connect',
    `${host} (${hostName}:${port}) could not be reached: ${known?.[0] ?? cause.message}`,
    { host, cause, ...(hint === undefined ? {} : { hint }) },
  );
}

/** The error for a connection that ended while the host had a request to log in, and no answer. */
export function cutOff(
  { host, user, hostName, port }: SshSettings,
  tried: readonly string[],
  cause: Error,
): CaravanError {
  return new CaravanError(
    'connect',
    `${host} (${hostName}:${port}) gave no answer to the login as ${user} (${cause.message}); tried: ${tried.join(', ')}`,
    {
      host,
      cause,
      hint: "The network broke, or sshd ended the login without a word: then the host's log of sshd says why.",
    },
  );
}

/** The error for a server that asks for a new password before it goes on. */
export function passwordExpired({ host, user, hostName, port }: SshSettings): CaravanError {
  return new CaravanError('auth', `${host}: the password of ${user} has expired`, {
    host,
    hint: `Change it by logging in: ssh -p ${port} ${user}@${hostName}`,
  });
}

/** The error for a server that has been given the password and asks for something else. */
export function moreAsked({ host, user }: SshSettings, prompt: string): CaravanError {
  const shown = prompt
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, 200);
  return new CaravanError('auth', `${host} asks ${user} for more than the password: "${shown}"`, {
    host,
    hint: 'The password may be wrong; a one-time code cannot be given. Use a key.',
  });
}

/** The error for a connection whose deadline passed, or that is not wanted any more. */
export function stopped(settings: SshSettings, deadline: Deadline, cause?: Error): CaravanError {
  const { host, hostName, port } = settings;
  const where = `${host} (${hostName}:${port})`;
  return deadline.passed === 'cancelled'
    ? new CaravanError('cancelled', `connecting to ${where} was cancelled`, { host, cause })
    : new CaravanError(
        'timeout',
        `${where} was not logged in to within ${deadline.timeoutMs / 1000} s`,
        { host, cause },
      );
}

/** The error for an agent that had not said what it holds when the deadline passed. */
export function silentAgent(settings: SshSettings, deadline: Deadline): CaravanError {
  const { host, identity } = settings;
  const { kind, message } = stopped(settings, deadline);
  const what = `${message}: the SSH agent (${identity.agent ?? ''}) did not answer`;
  return new CaravanError(kind, what, {
    host,
    hint: 'Start the agent anew; ssh-add -l asks it the same. IdentityAgent none does without it.',
  });
}

/** Whether a handshake failed because ssh2 has not what the server asks for. */
export function isUnequipped(error: unknown): boolean {
  return (
    error instanceof CaravanError &&
    error.kind === 'connect' &&
    error.detail.cause instanceof Error &&
    /no matching (key exchange|.*cipher|.*MAC)/i.test(error.detail.cause.message)
  );
}
