import { quoteWord } from '../values/shell.js';
import type { SshSettings } from './settings.js';
import { optionText } from './ssh-config/lines.js';

/** Options whose work is done here, or which would undo it. */
const OURS = new Set([
  'batchmode',
  'connecttimeout',
  'controlmaster',
  'controlpath',
  'controlpersist',
  'identityfile',
  'port',
  'proxyjump',
  'stricthostkeychecking',
  'user',
]);

/** Where the master listens, and how it gets to the host. */
export interface MasterPlace {
  readonly socket: string;
  /** The socket of a jump host's master. */
  readonly via?: string;
}

/**
 * The arguments of the `ssh` that logs in and is then shared. It reads ssh's configuration itself;
 * what the inventory says goes before that. No argument is a secret.
 */
export function masterArguments(settings: SshSettings, { socket, via }: MasterPlace): string[] {
  const { target, port, hostName } = settings;
  const { sshOptions = [], sshConfigFile, user, privateKeyFile } = target;
  const given = sshOptions.filter(({ keyword }) => !OURS.has(keyword)).map(optionText);
  const options = [
    ...ownOptions(settings),
    ...(via === undefined ? [] : [`ProxyCommand=${viaCommand(via, hostName, port)}`]),
    ...given,
  ];
  return [
    '-M',
    ...['-S', socket, '-N', '-T', '-x', '-a'],
    ...(sshConfigFile === undefined ? [] : ['-F', sshConfigFile]),
    ...(user === undefined && !asked(settings, 'user') ? [] : ['-l', settings.user]),
    ...(target.port === undefined && !asked(settings, 'port') ? [] : ['-p', String(port)]),
    ...(privateKeyFile === undefined ? [] : ['-i', privateKeyFile]),
    ...options.flatMap((option) => ['-o', option]),
    '--',
    target.address,
  ];
}

function ownOptions(settings: SshSettings): string[] {
  const { target, hostKeyPolicy, connectTimeoutMs, keepalive } = settings;
  const { identity } = settings;
  const files = target.knownHostsFiles?.map((file) => `"${file}"`);
  const listed = target.sshOptions?.some(({ keyword }) => keyword === 'identityfile') === true;
  return [
    'BatchMode=yes',
    'ControlPersist=no',
    'ClearAllForwardings=yes',
    'LogLevel=INFO', // what it says is read
    'ForkAfterAuthentication=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
    'UpdateHostKeys=no',
    // ssh asks on the terminal of its own, which belongs to the run's view.
    `StrictHostKeyChecking=${hostKeyPolicy === 'accept-new' ? 'accept-new' : 'yes'}`,
    `ConnectTimeout=${Math.max(1, Math.ceil(connectTimeoutMs / 1000))}`,
    `ServerAliveInterval=${keepalive.intervalMs / 1000}`,
    `ServerAliveCountMax=${keepalive.countMax}`,
    ...(target.privateKeyFile === undefined ? [] : ['IdentitiesOnly=yes']),
    ...(listed ? identity.files.map((file) => `IdentityFile="${file}"`) : []),
    ...(files ? [`UserKnownHostsFile=${files.join(' ')}`, 'GlobalKnownHostsFile=/dev/null'] : []),
  ];
}

function asked({ target }: SshSettings, keyword: string): boolean {
  return target.sshOptions?.some((option) => option.keyword === keyword) === true;
}

/** A stream to the host through a jump host's master, which ssh starts by a shell. */
function viaCommand(socket: string, hostName: string, port: number): string {
  const destination = `${hostName.includes(':') ? `[${hostName}]` : hostName}:${port}`;
  const words = ['ssh', ...sharedArguments(socket), '-W', destination, 'jump'];
  return words.map(quoteWord).join(' ').replaceAll('%', '%%');
}

/**
 * What every `ssh` is given that goes through a master. Where the master has gone it must not dial:
 * it would without the options above.
 */
export function sharedArguments(socket: string): string[] {
  return ['-F', 'none', '-S', socket, '-o', 'ControlMaster=no', '-o', 'ProxyCommand=false'].concat([
    '-o',
    'BatchMode=yes',
    '-o',
    'LogLevel=ERROR',
    '-T',
    '-e',
    'none',
  ]);
}
