import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeKnownHosts } from '../transport/faults.js';
import { startSshd } from '../transport/sshd.js';
import { startProxy, type StoppingProxy } from './stopping-proxy.js';

export const HOSTS = ['web1', 'web2', 'web3'] as const;

const BIG_BYTES = 200_000;
const STDIN_BYTES = 50_000;
const OLD = Buffer.alloc(BIG_BYTES, 'old content, ');
const NEW = Buffer.alloc(BIG_BYTES, 'what is to be there, ');
const STDIN = 'line of stdin\n'.repeat(STDIN_BYTES / 14);

/** All commands that run, in order, each once: what the counter of a host holds. */
const COUNTED = 'one\ntwo\na\nb\nc\nhandler\n';
const FILES: Readonly<Record<string, string>> = {
  counter: COUNTED,
  said: 'out of one\n',
  lines: 'first\nadded\n',
  stdin: STDIN,
};

const PLAYBOOK = `
- hosts: all
  gather_facts: false
  tasks:
    - copy: { src: big, dest: '{{ work }}/big' }
    - shell: echo one >>{{ work }}/counter; sleep 0.3; echo out of one
      register: said
    - copy: { content: "{{ said.stdout }}\\n", dest: '{{ work }}/said' }
      notify: tell
    - lineinfile: { path: '{{ work }}/lines', line: added }
    - shell:
        cmd: echo two >>{{ work }}/counter; sleep 0.1; cat >{{ work }}/stdin
        stdin: '{{ stdin }}'
    - shell: echo {{ item }} >>{{ work }}/counter; sleep 0.05
      loop: [a, b, c]
  handlers:
    - name: tell
      shell: echo handler >>{{ work }}/counter
`;

/** How a controller ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A controller that runs. */
export interface Controller {
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly isOver: () => boolean;
  readonly ended: Promise<Ended>;
}

/** Three hosts of one sshd behind a proxy, and a playbook for them. */
export interface Site {
  readonly proxy: StoppingProxy;
  /** Takes away all that an earlier run left, on the hosts and on the controller. */
  renew(): void;
  start(...args: readonly string[]): Controller;
  /** Processes of sshd that serve a login. */
  sessions(): number[];
  /** Processes that logins left on the hosts. */
  left(): string[];
  /** What is on the hosts and should not, or should be and is not. */
  faults(): string[];
  /** What the hosts still keep of a run that is over. */
  receipts(): string[];
  /** What a reader sees of the big file on any host, if that is not one of its whole contents. */
  halfWritten(): string | undefined;
  /** Whether no host was touched. */
  isUntouched(): boolean;
  stop(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'caravan-interrupted-'));
  const [home, controller] = [join(folder, 'home'), join(folder, 'controller')];
  const sshd = await startSshd({ config: [`SetEnv HOME=${home}`] });
  const proxy = await startProxy(sshd.port);
  const knownHosts = writeKnownHosts(sshd, proxy.port, folder);
  const inventory = {
    all: {
      hosts: Object.fromEntries(HOSTS.map((name) => [name, { work: join(home, name) }])),
      vars: {
        ansible_host: sshd.address,
        ansible_port: proxy.port,
        ansible_user: sshd.user,
        ansible_ssh_private_key_file: sshd.userKey,
        ansible_ssh_common_args: `-o UserKnownHostsFile=${knownHosts}`,
        stdin: STDIN,
      },
    },
  };
  const listener = (): number => Number(readFileSync(join(sshd.folder, 'sshd.pid'), 'utf8'));
  const read = (...path: string[]): Buffer | undefined => {
    try {
      return readFileSync(join(home, ...path));
    } catch {
      return undefined;
    }
  };
  const hostFaults = (host: string): string[] => {
    const wrong = Object.entries(FILES)
      .filter(([name, text]) => read(host, name)?.toString() !== text)
      .map(
        ([name]) => `${host}/${name}: ${JSON.stringify(read(host, name)?.toString().slice(0, 80))}`,
      );
    const names = readdirSync(join(home, host)).filter(
      (name) => name !== 'big' && !(name in FILES),
    );
    const big = read(host, 'big')?.equals(NEW) === true ? [] : [`${host}/big is not the new one`];
    return [...wrong, ...big, ...names.map((name) => `${host}/${name} is left`)];
  };
  return {
    proxy,
    renew: () => {
      rmSync(home, { recursive: true, force: true });
      rmSync(controller, { recursive: true, force: true });
      for (const host of HOSTS) {
        mkdirSync(join(home, host), { recursive: true });
        writeFileSync(join(home, host, 'big'), OLD);
        writeFileSync(join(home, host, 'lines'), 'first\n');
      }
      mkdirSync(controller);
      writeFileSync(join(controller, 'big'), NEW);
      writeFileSync(join(controller, 'site.yml'), PLAYBOOK);
      writeFileSync(join(controller, 'inventory.yml'), JSON.stringify(inventory));
    },
    start: (...args) => startController(controller, args),
    sessions: () => childrenOf(listener()),
    left: () => processesAtHome(home),
    faults: () => [
      ...HOSTS.flatMap(hostFaults),
      ...readdirSync(home)
        .filter((name) => !(HOSTS as readonly string[]).includes(name) && name !== '.caravan')
        .map((name) => `${name} is left`),
    ],
    receipts: () => (existsSync(join(home, '.caravan')) ? readdirSync(join(home, '.caravan')) : []),
    halfWritten: () => {
      for (const host of HOSTS) {
        const seen = read(host, 'big');
        if (seen?.equals(OLD) !== true && seen?.equals(NEW) !== true)
          return `${host}/big had ${seen?.length ?? 'no'} bytes, neither the old nor the new ones`;
      }
      return undefined;
    },
    isUntouched: () =>
      HOSTS.every((host) => read(host, 'big')?.equals(OLD) === true && !read(host, 'counter')),
    stop: async () => {
      await proxy.close();
      await sshd.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function startController(cwd: string, args: readonly string[]): Controller {
  const run = ['run', 'site.yml', '-i', 'inventory.yml', '--forks', '3', '--state', 'state'];
  const program = resolve('bin/caravan.js');
  const child = spawn(process.execPath, [program, ...run, '--output', 'json', ...args], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (texts.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (texts.err += text));
  return {
    kill: (signal) => child.kill(signal),
    isOver: () => child.exitCode !== null || child.signalCode !== null,
    ended: new Promise((done, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        done({ code, signal, ...texts });
      });
    }),
  };
}

function readProcess(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return ''; // it ended while we looked
  }
}

const allProcesses = (): string[] => readdirSync('/proc').filter((name) => /^\d+$/.test(name));

function childrenOf(parent: number): number[] {
  return allProcesses()
    .filter((pid) => {
      const [state, its] = readProcess(pid, 'stat')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(its) === parent && state !== 'Z';
    })
    .map(Number);
}

function processesAtHome(home: string): string[] {
  return allProcesses()
    .filter((pid) => readProcess(pid, 'environ').split('\0').includes(`HOME=${home}`))
    .map((pid) => `${pid} ${readProcess(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 60)}`);
}
