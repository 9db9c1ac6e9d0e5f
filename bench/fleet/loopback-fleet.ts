import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort, makeKey } from '../../test/transport/sshd.js';

/** Many hosts that are one sshd: each is a loopback address, with a folder of its own. */
export interface LoopbackFleet {
  /** Where keys, inventories and the like stand; gone with the fleet. */
  readonly folder: string;
  /** Holds a folder a host, named by its address. */
  readonly base: string;
  readonly addresses: readonly string[];
  readonly user: string;
  readonly userKey: string;
  readonly knownHosts: string;
  /** Public keys of all hosts, `type base64`. */
  readonly hostKeys: readonly string[];
  /** The port behind which hosts are this far away; starts a proxy where there is none yet. */
  portFor(rttMs: number): Promise<number>;
  stop(): Promise<void>;
}

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'];
/** In memory: in a fleet each host has a disk of its own, here all would wait for one. */
const MEMORY = '/dev/shm';

/** The addresses of `count` hosts: 127.0.1.1 to 127.0.1.250, 127.0.2.1, ... */
export function addressesOf(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`,
  );
}

/** Starts sshd for `count` hosts. Only loopback addresses may log in, and only with our key. */
export async function startFleet(count: number): Promise<LoopbackFleet> {
  const program = SSHD.find(existsSync);
  if (program === undefined) throw new Error('needs an sshd: apt-get install openssh-server');
  const user = userInfo().username;
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const folder = mkdtempSync(join(tmpdir(), 'caravan-bench-'));
  const base = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), 'caravan-bench-hosts-'));
  const home = join(base, 'home');
  mkdirSync(home);
  const hostKeys = ['ecdsa', 'ed25519'].map((type) => makeKey(join(folder, `host_${type}`), type));
  const userKey = join(folder, 'user_key');
  writeFileSync(join(folder, 'authorized_keys'), `${makeKey(userKey, 'ed25519')}\n`);
  const sshdPort = await freePort();
  const config = [
    `Port ${sshdPort}`,
    'ListenAddress 0.0.0.0', // a list may hold 16
    `AllowUsers ${user}@127.0.0.0/8`,
    `HostKey ${folder}/host_ecdsa`,
    `HostKey ${folder}/host_ed25519`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    `PidFile ${folder}/sshd.pid`,
    'StrictModes no',
    'UsePAM no',
    'UseDNS no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 1000',
    'PrintMotd no',
    `SetEnv HOME=${home}`, // what this machine's user has in .bashrc would be run at each exec
    'Subsystem sftp internal-sftp',
  ];
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`);
  const args = ['-D', '-e', '-f', join(folder, 'sshd_config')];
  const sshd = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await firstLine(sshd, 'stderr', /Server listening/);
  const addresses = addressesOf(count);
  const knownHosts = join(folder, 'known_hosts');
  const ports = new Map<number, Promise<number>>([[0, Promise.resolve(sshdPort)]]);
  const children: ChildProcess[] = [sshd];
  const know = async (): Promise<void> => {
    const all = await Promise.all(ports.values());
    const lines = addresses.flatMap((address) =>
      all.flatMap((port) => hostKeys.map((key) => `[${address}]:${port} ${key}\n`)),
    );
    writeFileSync(knownHosts, lines.join(''));
  };
  await know();
  const startProxy = async (rttMs: number): Promise<number> => {
    const proxy = spawn(
      process.execPath,
      [resolve(import.meta.dirname, 'delay-proxy.js'), String(rttMs), String(sshdPort)],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    children.push(proxy);
    return Number(await firstLine(proxy, 'stdout', /^\d+$/));
  };
  return {
    folder,
    base,
    addresses,
    user,
    userKey,
    knownHosts,
    hostKeys,
    portFor: async (rttMs) => {
      const known = ports.get(rttMs);
      if (known !== undefined) return known;
      ports.set(rttMs, startProxy(rttMs));
      await know();
      return portOf(ports, rttMs);
    },
    stop: async () => {
      await Promise.all(children.map(ended));
      for (const path of [folder, base]) rmSync(path, { recursive: true, force: true });
    },
  };
}

async function portOf(ports: ReadonlyMap<number, Promise<number>>, rttMs: number): Promise<number> {
  const port = await ports.get(rttMs);
  if (port === undefined) throw new Error(`no port for ${rttMs} ms`);
  return port;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exited;
}

/** Resolves with the first line that matches; rejects when the program ends before. */
export function firstLine(
  child: ChildProcess,
  stream: 'stdout' | 'stderr',
  pattern: RegExp,
): Promise<string> {
  const input = child[stream];
  if (input === null) throw new Error(`${stream} is not a pipe`);
  return new Promise((resolve, reject) => {
    const lines: string[] = [];
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      if (pattern.test(line)) resolve(line);
    });
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error(`it ended before it was ready: ${lines.join('\n')}`));
    });
  });
}

/** Hosts as variables, for caravan and Ansible alike. */
export function writeInventory(
  fleet: LoopbackFleet,
  addresses: readonly string[],
  port: number,
): string {
  const file = join(fleet.folder, `inventory-${addresses.length}-${port}.yml`);
  const hosts = addresses.map(
    (address) => `    ${address}: { home: ${join(fleet.base, address)} }\n`,
  );
  const vars = {
    ansible_port: port,
    ansible_user: fleet.user,
    ansible_ssh_private_key_file: fleet.userKey,
    ansible_ssh_common_args: `-o UserKnownHostsFile=${fleet.knownHosts} -o IdentitiesOnly=yes`,
    ansible_python_interpreter: '/usr/bin/python3',
  };
  const lines = Object.entries(vars).map(
    ([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`,
  );
  writeFileSync(file, `all:\n  hosts:\n${hosts.join('')}  vars:\n${lines.join('')}`);
  return file;
}
