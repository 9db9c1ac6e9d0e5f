import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { labDown } from '../lab/down.js';
import { parseLabOptions } from '../lab/layout.js';
import { sshOptions } from '../lab/ssh.js';
import { labStatus } from '../lab/status.js';
import type { LabContext, LabDescription, LabProgress } from '../lab/types.js';
import { labUp } from '../lab/up.js';
import { CaravanError } from '../values/error.js';

/** `caravan lab`: a practice fleet on this machine. */
export function labCommand(): Command {
  const lab = new Command('lab').description(
    'a real Kubernetes fleet on this machine to practise on (Linux, root, no hypervisor)',
  );
  // So that `lab ssh cp1 ls -l` gives -l to ls.
  lab.enablePositionalOptions();
  lab
    .command('up')
    .description('make the lab, or start and check the one that is there')
    .option('--control-planes <count>', '1 to 5', Number, 3)
    .option('--workers <count>', '0 to 20', Number, 2)
    .option('--kubernetes <version>', 'version to run', 'v1.36.3')
    .option('--binaries <folder>', 'folder with every program, instead of download or build')
    .option('--install', 'install missing Debian packages', false)
    .action(async (given: object) => {
      const description = await cancellable((ctx) => labUp(parseLabOptions(given), ctx));
      process.stdout.write(summary(description));
    });
  lab
    .command('status')
    .description('what there is of the lab; exits 1 unless it is up')
    .option('--json', 'as JSON', false)
    .action(async ({ json }: { json: boolean }) => {
      const status = await cancellable(labStatus);
      process.stdout.write(
        json
          ? `${JSON.stringify(status, null, 2)}\n`
          : [`lab: ${status.state}`, ...status.hosts.map(hostLine), ''].join('\n'),
      );
      if (status.state !== 'up') process.exitCode = 1;
    });
  lab
    .command('ssh')
    .description('log in to a host, or run a command there')
    .argument('<host>', 'cp1, w1, lb, ...')
    .argument('[command...]')
    .option('--root', 'as root instead of ops', false)
    .passThroughOptions()
    .action(async (name: string, command: string[], { root }: { root: boolean }) => {
      const description = await present();
      const host = description.hosts.find((one) => one.name === name);
      if (host === undefined) {
        const names = description.hosts.map((one) => one.name).join(', ');
        throw new CaravanError('input', `looked for the host ${name}; the lab has ${names}`);
      }
      const login = `${root ? 'root' : 'ops'}@${host.address}`;
      process.exitCode = await ssh([...sshOptions(description), login, ...command]);
    });
  lab
    .command('kubeconfig')
    .description("the administrator's kubeconfig")
    .option('--path', 'its path instead of its text', false)
    .action(async (options: { path: boolean }) => {
      const { kubeconfig } = await present();
      process.stdout.write(options.path ? `${kubeconfig}\n` : await readFile(kubeconfig, 'utf8'));
    });
  lab
    .command('down')
    .description('remove the lab and all that it made here; what was built stays in the cache')
    .action(() => cancellable(labDown));
  return lab;
}

/** Gives `work` a signal that the first Ctrl-C aborts, and prints its progress. */
async function cancellable<T>(work: (ctx: LabContext) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (): void => {
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await work({ signal: stop.signal, progress: printProgress });
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

/** Prints the progress of the lab on standard error, as plain lines. */
export function printProgress({ step, state, seconds, text }: LabProgress): void {
  const line = {
    start: `> ${step}`,
    line: `  ${text ?? ''}`,
    done: `  done in ${seconds.toFixed(1)} s`,
  }[state];
  process.stderr.write(`${line}\n`);
}

async function present(): Promise<LabDescription> {
  const { description } = await cancellable(labStatus);
  if (description !== undefined) return description;
  throw new CaravanError('input', 'looked for a lab on this machine; found none', {
    hint: '`caravan lab up` makes one',
  });
}

function hostLine(host: {
  name: string;
  address: string;
  running: boolean;
  ready: boolean;
}): string {
  const state = host.ready ? 'ready' : host.running ? 'running, not ready' : 'stopped';
  return `  ${host.name.padEnd(5)} ${host.address.padEnd(13)} ${state}`;
}

function summary(lab: LabDescription): string {
  const { balancer } = lab;
  return [
    `Kubernetes ${lab.kubernetes} behind https://${balancer.address}:${balancer.port}`,
    `inventory   ${lab.inventory}`,
    `kubeconfig  ${lab.kubeconfig}`,
    `kubectl     ${lab.kubectl}`,
    '',
  ].join('\n');
}

async function ssh(argv: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', argv, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => {
      resolve(code ?? 255);
    });
  });
}
