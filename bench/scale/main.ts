/**
 * `caravan run` of a small playbook on 500 to 5,000 simulated hosts: are time, CPU and memory of
 * the controller linear in hosts?
 *
 *   npm run bench:scale -- --hosts 500,1000,2500,5000 --forks 50
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeKey } from '../../test/transport/sshd.js';
import { addressesOf, firstLine } from '../fleet/loopback-fleet.js';
import { lastOutput, measure, type Figures } from '../fleet/measure.js';
import { fitLine } from './fit.js';

/** Hosts of one server process: below the usual limit of 20,000 descriptors. */
const HOSTS_PER_SERVER = 2500;
const DEADLINE_SECONDS = 1800;

const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - { name: ask the kernel, command: uname -s, changed_when: false, register: kernel }
    - { name: read, slurp: { src: /etc/hostname }, register: read }
    - { name: all is well, assert: { that: ["kernel.stdout == 'Linux'", "'content' in read"] } }
`;

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '500,1000,2500,5000' },
    forks: { type: 'string', default: '50' },
  },
});
const counts = values.hosts.split(',').map(Number);
if (!counts.every((count) => Number.isInteger(count) && count > 0))
  throw new Error(`--hosts: '${values.hosts}' is no list of numbers`);

const folder = mkdtempSync(join(tmpdir(), 'caravan-scale-'));
const hostKey = makeKey(join(folder, 'host_key'), 'ed25519');
makeKey(join(folder, 'user_key'), 'ed25519');
const playbook = join(folder, 'site.yml');
writeFileSync(playbook, PLAYBOOK);

async function startServer(): Promise<{ child: ChildProcess; port: number }> {
  const program = resolve(import.meta.dirname, 'server.js');
  const args = [program, join(folder, 'host_key'), join(folder, 'user_key.pub')];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, port: Number(await firstLine(child, 'stdout', /^\d+$/)) };
}

/** Hosts and what is known of them, one address each; gives the inventory's path. */
function writeHosts(count: number, ports: readonly number[]): string {
  const hosts = addressesOf(count).map((address, i) => ({
    address,
    port: ports[i % ports.length] ?? 0,
  }));
  const known = join(folder, 'known_hosts');
  writeFileSync(
    known,
    hosts.map(({ address, port }) => `[${address}]:${port} ${hostKey}\n`).join(''),
  );
  const home = join(folder, String(count));
  mkdirSync(home, { recursive: true });
  const vars = [
    `    ansible_user: ${userInfo().username}`,
    `    ansible_ssh_private_key_file: ${join(folder, 'user_key')}`,
    `    ansible_ssh_common_args: -o UserKnownHostsFile=${known}`,
  ];
  const lines = hosts.map(({ address, port }) => `    ${address}: { ansible_port: ${port} }`);
  const file = join(home, 'hosts.yml');
  writeFileSync(file, ['all:', '  hosts:', ...lines, '  vars:', ...vars, ''].join('\n'));
  return file;
}

/** One size, with servers of its own: nothing is left of the one before. */
async function runOn(count: number): Promise<Figures> {
  const servers = await Promise.all(
    Array.from({ length: Math.ceil(count / HOSTS_PER_SERVER) }, startServer),
  );
  try {
    const inventory = writeHosts(
      count,
      servers.map(({ port }) => port),
    );
    const caravan = [process.execPath, resolve('bin/caravan.js'), 'run', playbook];
    const argv = [...caravan, '-i', inventory, '--forks', values.forks];
    const figures = await measure({ argv }, folder, DEADLINE_SECONDS);
    if (figures.code === 0) return figures;
    throw new Error(`${count} hosts: exit code ${String(figures.code)}: ${lastOutput(folder)}`);
  } finally {
    for (const { child } of servers) child.kill();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function conclude(found: readonly (readonly [count: number, figures: Figures])[]): void {
  const measures: readonly [string, (figures: Figures) => number, string][] = [
    ['time', ({ seconds }) => seconds * 1000, 'ms a host'],
    ['controller CPU', ({ cpuSeconds }) => cpuSeconds * 1000, 'ms a host'],
    ['controller memory', ({ rssMb }) => rssMb * 1024, 'KiB a host'],
  ];
  for (const [name, of, unit] of measures) {
    const { slope, intercept, r2 } = fitLine(found.map(([count, one]) => [count, of(one)]));
    say(`${name}: ${slope.toFixed(1)} ${unit} + ${intercept.toFixed(0)}, r² ${r2.toFixed(4)}`);
  }
}

try {
  say('  hosts  seconds  CPU s  CPU ms/host  memory MB  KiB/host');
  const found: [number, Figures][] = [];
  for (const count of counts) {
    const figures = await runOn(count);
    found.push([count, figures]);
    const { seconds, cpuSeconds, rssMb } = figures;
    const columns = [
      String(count).padStart(7),
      seconds.toFixed(1).padStart(8),
      cpuSeconds.toFixed(1).padStart(6),
      ((cpuSeconds / count) * 1000).toFixed(1).padStart(12),
      rssMb.toFixed(0).padStart(10),
      ((rssMb * 1024) / count).toFixed(0).padStart(9),
    ];
    say(columns.join(' '));
  }
  if (found.length > 2) conclude(found);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
