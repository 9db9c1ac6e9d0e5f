/** The tools that are measured: how each is installed, and how it is told to do the work. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ansiblePrograms } from '../../test/inventory/oracle.js';
import { debianProgram, pythonPrograms } from './install.js';
import { writeInventory, type LoopbackFleet } from './loopback-fleet.js';
import type { Program } from './measure.js';
import * as work from './work.js';

/** One size of fleet at one distance. */
export interface Job {
  readonly fleet: LoopbackFleet;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly forks: number;
}

/** A tool that can do the work. */
export interface Tool {
  readonly name: string;
  /** Makes it runnable, installing it into a cache where it is not; gives its version. */
  install(): string;
  /** How it does the work. */
  program(job: Job): Program;
  /** Whether it changes nothing where nothing is to be done. */
  readonly isIdempotent: boolean;
  /** Whether it takes minutes where others take seconds. */
  readonly isSlow?: boolean;
}

const PEERS = resolve('bench/fleet/peers');

/** What the programs in peers/ and the floor are told; gives the file's path. */
function writeSettings({ fleet, hosts, port, forks }: Job): string {
  const scriptFile = writeScript(fleet);
  const file = join(fleet.folder, `settings-${hosts.length}-${port}.json`);
  const playbook = work.writePlaybook(fleet.folder);
  const settings = {
    hosts,
    port,
    forks,
    scriptFile,
    user: fleet.user,
    keyFile: fleet.userKey,
    knownHosts: fleet.knownHosts,
    hostKeys: fleet.hostKeys.map((key) => key.split(' ')[1]),
    done: work.DONE,
    read: work.READ,
    written: work.WRITTEN.map(({ path, mode }) => ({
      path,
      mode,
      source: join(playbook, '..', 'files', path.replace(/.*\//, '')),
    })),
    manifest: work.MANIFEST,
    pattern: work.LINE_PATTERN,
    line: work.WANTED_LINE,
    checksums: work.CHECKSUMS,
  };
  writeFileSync(file, JSON.stringify(settings));
  return file;
}

function emptyConfig(fleet: LoopbackFleet): string {
  const file = join(fleet.folder, 'ansible.cfg');
  writeFileSync(file, '');
  return file;
}

function writeScript(fleet: LoopbackFleet): string {
  const file = join(fleet.folder, 'work.sh');
  writeFileSync(file, work.fixedScript(fleet.base));
  return file;
}

function sshOptions({ fleet, port }: Job): string[] {
  const pairs = {
    Port: String(port),
    User: fleet.user,
    IdentityFile: fleet.userKey,
    IdentitiesOnly: 'yes',
    UserKnownHostsFile: fleet.knownHosts,
    StrictHostKeyChecking: 'yes',
    BatchMode: 'yes',
  };
  return Object.entries(pairs).map(([key, value]) => `-o${key}=${value}`);
}

const caravan: Tool = {
  name: 'caravan',
  isIdempotent: true,
  install: () => 'this',
  program: ({ fleet, hosts, port, forks }) => ({
    argv: [
      ...[process.execPath, resolve('bin/caravan.js'), 'run', work.writePlaybook(fleet.folder)],
      ...['-i', writeInventory(fleet, hosts, port), '--forks', String(forks), '--diff'],
    ],
  }),
};

const floor: Tool = {
  name: 'floor',
  isIdempotent: false,
  install: () => 'ssh2, one script',
  program: (job) => ({
    argv: [process.execPath, join(import.meta.dirname, 'floor.js'), writeSettings(job)],
  }),
};

function ansible(
  name: string,
  programs: () => { readonly bin: string; readonly version: string },
  env: (bin: string) => Readonly<Record<string, string>>,
): Tool {
  return {
    name,
    isIdempotent: true,
    isSlow: true,
    install: () => programs().version,
    program: ({ fleet, hosts, port, forks }) => {
      const { bin } = programs();
      return {
        argv: [
          ...[join(bin, 'ansible-playbook'), work.writePlaybook(fleet.folder)],
          ...['-i', writeInventory(fleet, hosts, port), '--forks', String(forks), '--diff'],
        ],
        env: {
          ANSIBLE_TIMEOUT: '60', // hosts and controller share the cores: a login may take long
          ANSIBLE_CONFIG: emptyConfig(fleet),
          ANSIBLE_HOME: join(fleet.folder, 'ansible'),
          // A socket's path may have 108 bytes.
          ANSIBLE_SSH_CONTROL_PATH_DIR: join(fleet.folder, 'cp'),
          ANSIBLE_LOCAL_TEMP: join(fleet.folder, 'ansible-local'),
          ...env(bin),
        },
      };
    },
  };
}

const ansibleCore = () => {
  const bin = ansiblePrograms();
  return { bin, version: pythonPrograms.versionIn(bin, 'ansible-core') };
};

const mitogen = () => {
  const bin = pythonPrograms('mitogen', ['mitogen', 'ansible-core>=2.16']);
  const [own, core] = ['mitogen', 'ansible-core'].map((name) =>
    pythonPrograms.versionIn(bin, name),
  );
  return { bin, version: `${own ?? ''} with ansible-core ${core ?? ''}` };
};

const pyinfra: Tool = {
  name: 'pyinfra',
  isIdempotent: true,
  install: () => pythonPrograms.versionIn(pyinfraPrograms(), 'pyinfra'),
  program: (job) => {
    const { fleet, hosts, port, forks } = job;
    const data = {
      ssh_port: port,
      ssh_user: fleet.user,
      ssh_key: fleet.userKey,
      ssh_known_hosts_file: fleet.knownHosts,
      ssh_strict_host_key_checking: 'yes',
      settings: writeSettings(job),
    };
    const inventory = join(fleet.folder, `pyinfra_${hosts.length}_${port}.py`);
    const lines = hosts.map(
      (host) => `    (${JSON.stringify(host)}, {**common, "home": "${join(fleet.base, host)}"}),\n`,
    );
    writeFileSync(inventory, `common = ${JSON.stringify(data)}\nhosts = [\n${lines.join('')}]\n`);
    return {
      argv: [
        ...[join(pyinfraPrograms(), 'pyinfra'), '-y', '--diff', '--parallel', String(forks)],
        ...[inventory, join(PEERS, 'with_pyinfra.py')],
      ],
      cwd: fleet.folder,
    };
  },
};

function pyinfraPrograms(): string {
  return pythonPrograms('pyinfra', ['pyinfra']);
}

function ofPython(name: string, file: string): Tool {
  const bin = (): string => pythonPrograms(name, [name]);
  return {
    name,
    isIdempotent: false,
    install: () => pythonPrograms.versionIn(bin(), name),
    program: (job) => ({ argv: [join(bin(), 'python'), join(PEERS, file), writeSettings(job)] }),
  };
}

const clush: Tool = {
  name: 'clush',
  isIdempotent: false,
  install: () => debianProgram('clush', 'clustershell'),
  program: (job) => ({
    argv: [
      ...['clush', '-S', '-f', String(job.forks), '-o', `-F none ${sshOptions(job).join(' ')}`],
      ...['-w', job.hosts.join(','), work.fixedScript(job.fleet.base)],
    ],
  }),
};

const xargs: Tool = {
  name: 'xargs-ssh',
  isIdempotent: false,
  install: () => debianProgram('ssh', 'openssh-client'),
  program: (job) => {
    const list = join(job.fleet.folder, `hosts-${job.hosts.length}`);
    writeFileSync(list, job.hosts.map((host) => `${host}\n`).join(''));
    const kex = '-oKexAlgorithms=curve25519-sha256';
    return {
      argv: [
        ...['xargs', '-a', list, '-P', String(job.forks), '-I', '{host}'],
        ...['sh', '-c', 'ssh "$@" <"$0"', writeScript(job.fleet)],
        ...['-F', 'none', kex, ...sshOptions(job), '{host}', 'exec /bin/sh'],
      ],
    };
  },
};

/** All tools, by what `--tools` calls them. */
export const TOOLS: readonly Tool[] = [
  floor,
  caravan,
  xargs,
  ofPython('parallel-ssh', 'with_parallel_ssh.py'),
  ofPython('fabric', 'with_fabric.py'),
  clush,
  pyinfra,
  ansible('mitogen', mitogen, (bin) => ({
    ANSIBLE_STRATEGY: 'mitogen_linear',
    ANSIBLE_STRATEGY_PLUGINS: pythonPrograms.folderOf(bin, 'ansible_mitogen/plugins/strategy'),
  })),
  ansible('ansible-pipelining', ansibleCore, () => ({ ANSIBLE_PIPELINING: 'true' })),
  ansible('ansible', ansibleCore, () => ({})),
];
