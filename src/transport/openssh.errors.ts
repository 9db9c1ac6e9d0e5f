import { CaravanError, type ErrorKind } from '../values/error.js';
import type { SshSettings } from './settings.js';
import { notReached } from './ssh2.errors.js';

/** What ssh says on standard error, by the kind of error that it is; the first that fits counts. */
const SAYINGS: readonly (readonly [RegExp, ErrorKind, string | undefined])[] = [
  [
    /Host key verification failed|HOST IDENTIFICATION HAS CHANGED|host key is known|Host key for .* revoked/i,
    'host-key',
    'Compare the fingerprint with one read on the host itself, then collect the key: caravan hosts scan HOST -i INVENTORY --add.',
  ],
  [
    /Permission denied|Too many authentication failures|No more authentication methods/i,
    'auth',
    '--transport openssh takes keys, certificates, agents and GSSAPI, not passwords. Add an encrypted key to the agent with ssh-add.',
  ],
  [/timed out/i, 'timeout', undefined],
  [
    /no matching/i,
    'connect',
    'Ask for an algorithm that both sides have by its name, for example ansible_ssh_common_args: -o KexAlgorithms=+NAME.',
  ],
  [/Connection refused/i, 'connect', 'Is sshd running, and on this port (ansible_port)?'],
  [
    /Could not resolve hostname/i,
    'connect',
    'Check ansible_host, HostName in ~/.ssh/config, or the name of the host.',
  ],
];

/** Said of a server at MaxStartups, which may take a connection a little later. */
const DROPPED =
  /kex_exchange_identification|Connection (closed|reset) by (?!authenticating)|Exceeded MaxStartups/i;

/** The error for an `ssh` that ended without a connection. */
export function sshFailed(settings: SshSettings, stderr: string): CaravanError {
  const { host, hostName, port } = settings;
  const said = stderr.trim().replaceAll('\r', '');
  const cause = new Error(said);
  const found = SAYINGS.find(([pattern]) => pattern.test(said));
  if (!found && DROPPED.test(said)) return notReached(settings, cause, true);
  const [, kind, hint] = found ?? [undefined, 'connect' as const, undefined];
  const last = said.split('\n').filter(isTelling).slice(-3).join('; ');
  return new CaravanError(
    kind,
    `${host} (${hostName}:${port}) could not be reached by ssh: ${last === '' ? 'it ended without a word' : last}`,
    { host, cause, ...(hint === undefined ? {} : { hint }) },
  );
}

/** Not the frame of at signs around a warning. */
function isTelling(line: string): boolean {
  return line.trim() !== '' && !/^@+/.test(line);
}

/** The error for a controller without OpenSSH. */
export function noOpenSsh({ host, openSsh }: SshSettings, cause: Error): CaravanError {
  const why = openSsh === undefined ? '' : ` (${openSsh})`;
  return new CaravanError(
    'privilege',
    `${host} needs the system's OpenSSH${why}: ${cause.message}`,
    {
      ...{ host, cause },
      hint: 'Install it (apt-get install openssh-client), or use --transport ssh2 where that can reach the host.',
    },
  );
}
