import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startProxy } from '../cli/stopping-proxy.js';
import { writeKnownHosts } from '../transport/faults.js';
import { startSshd } from '../transport/sshd.js';
import { fleet, run, type Ran } from './fleet.js';

const HEALTHY = ['h1', 'h2', 'h3'];

/** Each task leaves its host for itself, so that nothing of a later one is done with it. */
const PLAY = `- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - { name: one, command: echo one }
    - { name: two, command: echo two }
    - { name: three, command: echo three }
`;

/** Where the last result of the healthy hosts stands. */
function lastHealthy({ results }: Ran): number {
  return results.findLastIndex((result) => HEALTHY.includes(result.split(' ')[0] ?? ''));
}

test('A host that accepts and never answers delays no other where hosts run freely', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  const ran = await run(PLAY, {
    inventory: fleet(['silent', ...HEALTHY], (name) =>
      name === 'silent' ? sshVars(port, '-F /dev/null -o ConnectTimeout=3') : {},
    ),
  });
  expect(ran.results.filter((result) => result.endsWith(' changed'))).toHaveLength(9);
  expect(ran.results.indexOf('silent one unreachable')).toBeGreaterThan(lastHealthy(ran));
});

test('A host that freezes in the middle delays no other where hosts run freely', async () => {
  const sshd = await startSshd();
  const proxy = await startProxy(sshd.port);
  onTestFinished(async () => {
    await proxy.close();
    await sshd.stop();
  });
  const knownHosts = writeKnownHosts(sshd, proxy.port, sshd.folder);
  const alive = '-o ServerAliveInterval=1 -o ServerAliveCountMax=1 -o ConnectTimeout=1';
  const args = `-F /dev/null -o UserKnownHostsFile=${knownHosts} ${alive}`;
  const own = { ansible_user: sshd.user, ansible_ssh_private_key_file: sshd.userKey };
  const ran = await run(PLAY, {
    inventory: fleet(['frozen', ...HEALTHY], (name) =>
      name === 'frozen' ? { ...sshVars(proxy.port, args), ...own } : {},
    ),
    emit: (event) => {
      if (event.type === 'host-result' && event.host === 'frozen') proxy.freeze();
    },
  });
  // It is connected to anew, and goes on where it was.
  expect(ran.results.filter((result) => result.endsWith(' changed'))).toHaveLength(12);
  expect(ran.results.indexOf('frozen two changed')).toBeGreaterThan(lastHealthy(ran));
});

function sshVars(port: number, args: string): Record<string, unknown> {
  return {
    ...{ ansible_connection: 'ssh', ansible_host: '127.0.0.1', ansible_port: port },
    ansible_ssh_common_args: args,
  };
}
