/**
 * A short playbook on three hosts, one of them behind a proxy that does one thing wrong at a random
 * moment. Whatever happens: the right result, or a named error on that host alone; no file half
 * written, no command run twice, nothing left on the host.
 *
 * CARAVAN_FAULTS=1 runs 200 of each; CARAVAN_SEED repeats the moments of another run.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/transport/port.js';
import { createTransport } from '../../src/transport/transport.js';
import type { ErrorKind } from '../../src/values/error.js';
import { sh } from '../../src/values/shell.js';
import { fleet, folder, run, type Ran } from '../engine/fleet.js';
import { until } from './ended.js';
import { processesOf, sshVars, writeKnownHosts } from './faults.js';
import { FAULTS, startFaultProxy } from './fault-proxy.js';
import type { Fault, FaultKind, FaultProxy, Seen } from './fault-proxy.js';
import { startSshd, type Sshd } from './sshd.js';

const RUNS = process.env['CARAVAN_FAULTS'] === '1' ? 200 : 20;
const SEED = Number(process.env['CARAVAN_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Runs that log in and do their first task at the same time; those that only wait are not counted. */
const AT_ONCE = 4;
/** What a broken way may be called; `auth`, `bug`, `command` and the like it is not. */
const NAMED: readonly ErrorKind[] = ['connect', 'timeout', 'host-key', 'verify'];
/** Of a login, and of a task on a host. Where nothing comes any more, it is what ends the run. */
const DEADLINE_SECONDS: Record<FaultKind | 'none', number> = {
  ...{ close: 60, reset: 60, half: 60, flip: 60, stall: 60, delay: 60, none: 60 },
  stop: 10,
};

const TEXT = 'a line of a file that takes several packets\n'.repeat(2000);
const PLAYBOOK = `
- hosts: web
  tasks:
    - { name: file, copy: { src: text, dest: "{{ home }}/file", mode: "0640" } }
    - { name: counter, shell: "echo ran >>{{ home }}/counter" }
    - { name: line, lineinfile: { path: "{{ home }}/conf", line: "new" } }
`;

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
  process.stdout.write(`CARAVAN_SEED=${SEED}\n`);
});
afterAll(async () => {
  await sshd.stop();
});

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a host has after a run. */
interface HostFiles {
  readonly names: readonly string[];
  readonly file: 'none' | 'whole' | 'damaged';
  readonly counter: string;
  readonly conf: string;
}

function filesOf(home: string): HostFiles {
  const names = readdirSync(home).sort();
  const read = (name: string): string => readFileSync(join(home, name), 'utf8');
  return {
    names,
    file: !names.includes('file') ? 'none' : read('file') === TEXT ? 'whole' : 'damaged',
    counter: names.includes('counter') ? read('counter') : '',
    conf: read('conf'),
  };
}

const DONE: HostFiles = {
  names: ['conf', 'counter', 'file'],
  file: 'whole',
  counter: 'ran\n',
  conf: 'old\nnew\n',
};

/** A connection through a proxy, with its shell open. */
async function through(proxy: FaultProxy): Promise<{ connection: Connection; home: string }> {
  const home = await folder();
  const knownHosts = writeKnownHosts(sshd, proxy.port, home);
  const target = sshd.target({ port: proxy.port, knownHostsFiles: [knownHosts] });
  const connection = await createTransport().connect(target);
  return { connection, home };
}

interface Faulted {
  readonly ran: Ran;
  readonly homes: Readonly<Record<string, string>>;
  readonly seen: Seen;
}

/** Runs the playbook with `h3` behind the proxy; gives what came of it when all is quiet again. */
async function runWith(fault?: Fault, begun: () => void = () => undefined): Promise<Faulted> {
  const proxy = await startFaultProxy({ hostPort: sshd.port, ...(fault ? { fault } : {}) });
  const taskTimeoutSeconds = DEADLINE_SECONDS[fault?.kind ?? 'none'];
  const base = await folder();
  const homes = Object.fromEntries(['h1', 'h2', 'h3'].map((name) => [name, join(base, name)]));
  for (const home of Object.values(homes)) {
    mkdirSync(home);
    writeFileSync(join(home, 'conf'), 'old\n');
  }
  const inventory = fleet(Object.keys(homes), (name) => ({
    ...sshVars(sshd, name === 'h3' ? proxy.port : sshd.port, base),
    ansible_timeout: taskTimeoutSeconds,
    home: homes[name],
  }));
  try {
    const files = { 'site.yml': PLAYBOOK, text: TEXT };
    let results = 0;
    const done = new Set<string>();
    const ran = await run(files, {
      inventory,
      taskTimeoutSeconds,
      emit: (event) => {
        if (event.type !== 'host-result') return;
        if (++results === 2) begun();
        const isLost = event.status === 'failed' || event.status === 'unreachable';
        if (isLost || event.task === 'line') done.add(event.host);
        // A silent host is let go of after a while; it need not be waited for here.
        if (done.size === 3) void proxy.stop();
      },
    });
    return { ran, homes, seen: proxy.seen() };
  } finally {
    begun();
    await proxy.stop();
    const { ports } = proxy.seen();
    await until(() => processesOf(sshd, ports).length === 0, 'nothing of the connection is left');
  }
}

function judge({ ran, homes, seen }: Faulted, fault: Fault): void {
  const what = JSON.stringify({ fault, seen, results: ran.results, failures: ran.failures });
  for (const name of ['h1', 'h2']) expect(filesOf(homes[name]!), what).toEqual(DONE);
  const mine = filesOf(homes['h3']!);
  expect(mine.file, what).not.toBe('damaged');
  expect(['', 'ran\n'], what).toContain(mine.counter);
  expect(['old\n', 'old\nnew\n'], what).toContain(mine.conf);
  const left = mine.names.filter((name) => !DONE.names.includes(name));
  expect(left, what).toEqual([]);
  if (ran.outcome === 'ok') {
    expect(mine, what).toEqual(DONE);
    return;
  }
  expect(
    ran.failures.map(({ host }) => host),
    what,
  ).toEqual(['h3']);
  expect(NAMED, what).toContain(ran.failures[0]!.error.kind);
  expect(seen.faulted, what).toBe(true);
}

describe('A run with a host behind a way that fails', () => {
  let pieces = 0;

  test('is right where nothing fails', async () => {
    const none = await runWith();
    expect(none.ran.failures).toEqual([]);
    for (const home of Object.values(none.homes)) expect(filesOf(home)).toEqual(DONE);
    pieces = none.seen.pieces;
    expect(pieces).toBeGreaterThan(10);
  });

  test.each(FAULTS)(
    'is right or says why: %s',
    async (kind) => {
      const random = randomFrom(SEED + FAULTS.indexOf(kind));
      const inTurn = pLimit(AT_ONCE);
      const outcomes: Record<string, number> = {};
      const one = async (): Promise<void> => {
        const atPiece = 1 + Math.floor(random() * (pieces - 1));
        const fault = { kind, atPiece, where: random() };
        const came = await new Promise<Faulted>((resolve, reject) => {
          void inTurn(
            () =>
              new Promise<void>((begun) => {
                runWith(fault, begun).then(resolve, reject);
              }),
          );
        });
        judge(came, fault);
        const name = came.ran.failures[0]?.error.kind ?? came.ran.outcome;
        outcomes[name] = (outcomes[name] ?? 0) + 1;
      };
      await Promise.all(Array.from({ length: RUNS }, one));
      process.stdout.write(`${kind}: ${JSON.stringify(outcomes)}\n`);
      // What only takes longer is no failure.
      if (kind === 'stall' || kind === 'delay') expect(outcomes).toEqual({ ok: RUNS });
    },
    30 * 60_000,
  );

  test('lets go of a host that never closes its side', async () => {
    const fault: { -readonly [K in keyof Fault]: Fault[K] } = { kind: 'stop', atPiece: Infinity };
    const proxy = await startFaultProxy({ hostPort: sshd.port, fault });
    const { connection } = await through(proxy);
    await connection.run(sh`:`);
    fault.atPiece = proxy.seen().pieces + 1;
    await connection.close();
    await proxy.stop();
  });
});

describe('What is sent in many pieces and cut', () => {
  const content = TEXT.repeat(5);

  /** Cuts what `act` sends after some pieces; gives the names of what is then on the host. */
  async function cut(
    act: (connection: Connection, home: string) => Promise<unknown>,
    after: number,
  ): Promise<string[]> {
    const fault: { -readonly [K in keyof Fault]: Fault[K] } = { kind: 'half', atPiece: Infinity };
    const proxy = await startFaultProxy({ hostPort: sshd.port, fault });
    const { connection, home } = await through(proxy);
    await connection.run(sh`:`);
    fault.atPiece = proxy.seen().pieces + after;
    await expect(act(connection, home)).rejects.toMatchObject({ kind: 'connect' });
    await until(() => processesOf(sshd, proxy.seen().ports).length === 0, 'its shell has ended');
    await connection.close();
    await proxy.stop();
    return readdirSync(home).filter((name) => !name.startsWith('known_hosts'));
  }

  test('is not put in place', async () => {
    for (const after of [1, 2, 3]) {
      const write = (connection: Connection, home: string) =>
        connection.writeFile({ path: join(home, 'file'), content });
      expect(await cut(write, after)).toEqual([]);
    }
  });

  test('is not given to the step that was to read it', async () => {
    for (const after of [1, 2, 3]) {
      const read = (connection: Connection, home: string) =>
        connection.run(sh`cat >${join(home, 'got')}`, { stdin: content });
      expect(await cut(read, after)).toEqual([]);
    }
  });
});

describe('A proxy that counts', () => {
  test.each([
    ['a step', (connection: Connection) => connection.run(sh`echo out; echo err >&2`)],
    [
      'a file',
      (connection: Connection, home: string) =>
        connection.writeFile({ path: join(home, 'file'), content: TEXT.slice(0, 1500) }),
    ],
  ])('sees one round trip where %s is sent', async (_what, act) => {
    const proxy = await startFaultProxy({ hostPort: sshd.port, delayMs: 50 });
    const { connection, home } = await through(proxy);
    await connection.run(sh`:`);
    const before = proxy.seen().roundTrips;
    await act(connection, home);
    expect(proxy.seen().roundTrips - before).toBe(1);
    await connection.close();
    await proxy.stop();
  });
});
