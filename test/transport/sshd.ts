import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ConnectionTarget } from '../../src/transport/port.js';

export interface SshdOptions {
  /** Types of the host keys (default: ed25519). */
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  /** Further lines of sshd_config; the first of a keyword counts, so these come first. */
  readonly config?: readonly string[];
  /** Type of the user's key (default: ed25519). */
  readonly userKeyType?: 'ed25519' | 'ecdsa' | 'rsa';
}

/** A real sshd on loopback. */
export interface Sshd {
  readonly address: string;
  readonly port: number;
  /** Who may log in: the user who runs the tests. */
  readonly user: string;
  /** File of a private key that may log in. */
  readonly userKey: string;
  /** A known_hosts file that holds the host's keys. */
  readonly knownHosts: string;
  /** The host's public keys, `type base64`. */
  readonly hostPublicKeys: readonly string[];
  /** A folder that goes when sshd stops. */
  readonly folder: string;
  /** How to connect, with what a test wants different. */
  target(changes?: Partial<ConnectionTarget>): ConnectionTarget;
  /** Ends sshd, and with `connections` those whom it serves. */
  stop(): Promise<void>;
}

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd', '/sbin/sshd'];

/** Starts an sshd of our own on an ephemeral port; fails, not skips, where none is installed. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const program = SSHD.find(existsSync);
  if (!program) {
    throw new Error('these tests need an sshd: apt-get install openssh-server');
  }
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(tmpdir(), 'caravan-sshd-'));
  const { hostKeys = ['ed25519'], userKeyType = 'ed25519' } = options;
  const hostPublicKeys = hostKeys.map((type) => makeKey(join(folder, `host_${type}`), type));
  const userKey = join(folder, 'user_key');
  writeFileSync(join(folder, 'authorized_keys'), `${makeKey(userKey, userKeyType)}\n`);
  const port = await freePort();
  const address = '127.0.0.1';
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, hostPublicKeys.map((key) => `[${address}]:${port} ${key}\n`).join(''));
  const config = join(folder, 'sshd_config');
  writeFileSync(
    config,
    [
      ...(options.config ?? []),
      `Port ${port}`,
      `ListenAddress ${address}`,
      ...hostKeys.map((type) => `HostKey ${folder}/host_${type}`),
      `AuthorizedKeysFile ${folder}/authorized_keys`,
      `PidFile ${folder}/sshd.pid`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      'PasswordAuthentication no',
      'MaxStartups 200',
      'PrintMotd no',
      '',
    ].join('\n'),
  );
  const child = spawn(program, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await listening(child);
  const user = userInfo().username;
  return {
    address,
    port,
    user,
    userKey,
    knownHosts,
    hostPublicKeys,
    folder,
    target: (changes = {}) => ({
      host: 'web01',
      kind: 'ssh',
      address,
      port,
      user,
      privateKeyFile: userKey,
      become: { enabled: false, user: 'root' },
      knownHostsFiles: [knownHosts],
      hostKeyPolicy: 'strict',
      ...changes,
    }),
    stop: async () => {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null && child.kill()) await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A key pair in a file and its `.pub`; gives the public key. */
export function makeKey(file: string, type: string, passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', '', '-f', file]);
  return readFileSync(`${file}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves once sshd says so itself. */
function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('Server listening')) resolve();
    });
    child.once('exit', () => {
      reject(new Error(`sshd did not start: ${log}`));
    });
    child.once('error', reject);
  });
}
