/**
 * What the work of a rotation costs on the wire, counted by a proxy: 8 files read, 3 written, a
 * line edited, a command run, all looked at. The handshake is what a connection and one step cost,
 * less that step; the goodbye is not counted, since nothing waits for it but the end.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { playbook, resetHost, wrongOn, writePlaybook } from '../../bench/fleet/work.js';
import { createTransport } from '../../src/transport/transport.js';
import { sh } from '../../src/values/shell.js';
import { startFaultProxy } from '../transport/fault-proxy.js';
import { startSshd, type Sshd } from '../transport/sshd.js';
import { fleet, run } from './fleet.js';

/** Well above what either end takes to answer, so that bursts are told apart. */
const DELAY_MS = 150;

let sshd: Sshd;
let folder: string;
let handshake: number;

beforeAll(async () => {
  sshd = await startSshd();
  folder = mkdtempSync(join(tmpdir(), 'caravan-round-trips-'));
  const { proxy, knownHosts } = await proxied();
  const target = sshd.target({ port: proxy.port, knownHostsFiles: [knownHosts] });
  const connection = await createTransport().connect(target);
  await connection.run(sh`:`);
  handshake = proxy.seen().roundTrips - 1;
  await connection.close();
  await proxy.stop();
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await sshd.stop();
});

/** A proxy that counts, and a file that knows the host behind it. */
async function proxied() {
  const proxy = await startFaultProxy({ hostPort: sshd.port, delayMs: DELAY_MS });
  const knownHosts = join(folder, `known_hosts_${proxy.port}`);
  const lines = sshd.hostPublicKeys.map((key) => `[127.0.0.1]:${proxy.port} ${key}\n`);
  writeFileSync(knownHosts, lines.join(''));
  return { proxy, knownHosts };
}

/** Runs the work on one host; gives the round trips behind the handshake. */
async function converge(facts: boolean): Promise<{ trips: number; changed: number }> {
  const { proxy, knownHosts } = await proxied();
  const home = join(folder, 'home');
  const file = writePlaybook(folder);
  const text = playbook().replace('gather_facts: false', `gather_facts: ${String(facts)}`);
  writeFileSync(file, text);
  const inventory = fleet(['h1'], () => ({
    ...{ ansible_connection: 'ssh', ansible_host: '127.0.0.1', ansible_port: proxy.port },
    ...{ ansible_user: sshd.user, ansible_ssh_private_key_file: sshd.userKey, home },
    ansible_ssh_common_args: `-F /dev/null -o UserKnownHostsFile=${knownHosts}`,
  }));
  let trips = 0;
  const ran = await run(text, {
    ...{ file, inventory, workingFolder: dirname(file), diff: true },
    emit: (event) => {
      if (event.type === 'host-result') trips = proxy.seen().roundTrips - handshake;
    },
  });
  await proxy.stop();
  expect(ran.failures).toEqual([]);
  expect(wrongOn(home)).toEqual([]);
  return { trips, changed: ran.recap['h1']?.changed ?? 0 };
}

/** The fewest of three counts: a busy machine may split a burst into two, and never joins any. */
async function fewest(before: () => Promise<unknown>, facts: boolean) {
  const counts: { trips: number; changed: number }[] = [];
  for (let i = 0; i < 3; i++) {
    await before();
    counts.push(await converge(facts));
  }
  return counts.sort((a, b) => a.trips - b.trips)[0];
}

test('facts and work that changes nothing cost two round trips', async () => {
  resetHost(join(folder, 'home'));
  await converge(false);
  expect(await fewest(() => Promise.resolve(), true)).toEqual({ trips: 2, changed: 0 });
});

test('work that changes all cost three round trips', async () => {
  const reset = (): Promise<void> => {
    resetHost(join(folder, 'home'));
    return Promise.resolve();
  };
  expect(await fewest(reset, false)).toEqual({ trips: 3, changed: 4 });
});
