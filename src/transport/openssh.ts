import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaravanError } from '../values/error.js';
import type { ProcessChannel } from './channel.js';
import type { Wire } from './host-connection.js';
import { HostKeyCheck } from './host-key.js';
import { startChild } from './local.js';
import { masterArguments, sharedArguments } from './openssh.arguments.js';
import { noOpenSsh, sshFailed } from './openssh.errors.js';
import { ProcessStream } from './process-stream.js';
import { SessionSlots } from './session-slots.js';
import type { Environment, SshSettings } from './settings.js';
import { withRetries, type Attempt, type LoginParts } from './ssh2.login.js';
import { stopped } from './ssh2.errors.js';

/** How often it is looked whether the master listens. */
const LOOK_MS = 10;
/** Standard error that is kept for an error message. */
const STDERR_SIZE = 8192;

/** A wire over the system's OpenSSH, through which other `ssh` can reach further hosts. */
export interface OpenSshWire extends Wire {
  /** Socket of the shared connection. */
  readonly socket: string;
}

/** What a login by OpenSSH takes from its surroundings. */
export interface OpenSshParts extends LoginParts {
  readonly environment: Environment;
  /** The socket of a jump host's master. */
  readonly via?: string;
}

/**
 * Logs in with the system's `ssh` as a master (ControlMaster) in a private folder; every channel
 * is then an `ssh` that asks it for one, which costs no handshake.
 * @throws {CaravanError} connect, auth, host-key, timeout, cancelled, input or privilege
 */
export function loginOpenSsh(settings: SshSettings, parts: OpenSshParts): Promise<OpenSshWire> {
  refuseSecrets(settings);
  new HostKeyCheck(settings).checkKeeps();
  return withRetries(settings, parts, async (attempt) => {
    const folder = mkdtempSync(join(tmpdir(), 'caravan-ssh-'));
    const remove = (): void => {
      rmSync(folder, { recursive: true, force: true });
    };
    try {
      const master = startMaster(settings, join(folder, 'c'), parts);
      await listening(master, attempt);
      return openSshWire(settings, master, { parts, remove });
    } catch (error) {
      remove();
      throw error;
    }
  });
}

function refuseSecrets({ host, identity, openSsh }: SshSettings): void {
  const what = identity.password ? 'passwords' : identity.passphrase ? 'passphrases' : undefined;
  if (what === undefined) return;
  const why = openSsh === undefined ? '' : ` (${openSsh})`;
  throw new CaravanError(
    'input',
    `${host}: the openssh transport takes keys and agents, not ${what}${why}`,
    { host, hint: 'Log in with a key; add an encrypted one to the agent with ssh-add.' },
  );
}

interface Master {
  readonly child: ChildProcess;
  readonly socket: string;
  /** What it said on standard error. */
  said(): string;
  /** Resolves when it has ended, with an error where it could not even be started. */
  readonly ended: Promise<Error | undefined>;
}

/** Ends ssh when the controller goes, even by SIGKILL: its end closes the pipe that `cat` reads. */
const WATCHED =
  'exec 3<&0; "$@" </dev/null 3<&- & p=$!; { cat <&3; kill "$p"; } >/dev/null 2>&1 & wait "$p"';

function startMaster(settings: SshSettings, socket: string, parts: OpenSshParts): Master {
  const { environment, via } = parts;
  const words = masterArguments(settings, { socket, ...(via === undefined ? {} : { via }) });
  const child = spawn('/bin/sh', ['-c', WATCHED, 'sh', 'ssh', ...words], {
    stdio: ['pipe', 'ignore', 'pipe'],
    detached: true, // Ctrl-C is for the controller, which ends the connection in its own time
    env: { ...environment, LC_ALL: 'C' },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_SIZE);
  });
  child.stdin.on('error', () => undefined); // it has ended, which is noticed anyway
  const ended = new Promise<Error | undefined>((resolve) => {
    child.once('error', resolve);
    child.once('exit', (code) => {
      child.stdin.end();
      resolve(code === 127 ? new Error('ssh is not installed') : undefined);
    });
  });
  return { child, socket, ended, said: () => stderr };
}

/** Resolves once the master has logged in: only then is its socket there. */
async function listening(master: Master, { settings, deadline }: Attempt): Promise<void> {
  let end: Error | true | undefined;
  void master.ended.then((error) => (end = error ?? true));
  for (;;) {
    if (statSync(master.socket, { throwIfNoEntry: false })) return;
    if (end instanceof Error) throw noOpenSsh(settings, end);
    if (end !== undefined) {
      await new Promise(setImmediate); // for what it said last
      throw sshFailed(settings, master.said());
    }
    if (!(await deadline.pause(LOOK_MS))) {
      master.child.stdin?.end();
      throw stopped(settings, deadline);
    }
  }
}

interface WireParts {
  readonly parts: OpenSshParts;
  readonly remove: () => void;
}

function openSshWire(
  settings: SshSettings,
  master: Master,
  { parts, remove }: WireParts,
): OpenSshWire {
  const { host } = settings;
  const { socket, child } = master;
  const slots = new SessionSlots();
  let lost: string | undefined;
  const closed = master.ended.then(() => {
    const last = master.said().trim().split('\n').at(-1) ?? '';
    lost ??= last === '' ? 'ssh ended' : last;
    remove();
  });
  const start = (words: readonly string[]): ProcessChannel => {
    const all = [...sharedArguments(socket), ...words];
    const channel = startChild('ssh', all, { ...parts.environment });
    // It may be noticed to have ended before the master is, with which it did.
    const onClose = (listener: () => void): void => {
      channel.onClose(() => {
        void isListening(socket)
          .then((listens) => (listens ? undefined : closed))
          .then(listener);
      });
    };
    return { ...channel, onClose };
  };
  return {
    socket,
    lost: () => lost,
    openChannel: (commandLine) =>
      slots.use(() => Promise.resolve(start(['--', 'host', commandLine]))),
    forward: (address, port) => {
      const bracketed = address.includes(':') ? `[${address}]` : address;
      const channel = start(['-W', `${bracketed}:${port}`, '--', 'host']);
      const stream = new ProcessStream(channel, (said) => {
        if (said === '') return undefined;
        const message = `${host} could not reach ${address}:${port}: ${said.trim()}`;
        return new CaravanError('connect', message, { host });
      });
      return Promise.resolve(stream);
    },
    close: async () => {
      lost ??= 'it was closed';
      child.stdin?.end();
      await closed;
    },
  };
}

/** Whether there is still a process behind a socket. */
function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ENOENT' && code !== 'ECONNREFUSED');
    });
  });
}
