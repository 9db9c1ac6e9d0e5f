import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createServer, type Socket } from 'node:net';
import { ProbeSet, type Probe, type ProbeTarget } from '../../src/evidence/probe.js';
import { ProbeTally } from '../../src/evidence/probe-tally.js';
import { Authority, client } from './authority.js';
import { ApiServer, listen, realClock, until } from './server.js';

const call = { kind: 'get', path: '/version' } as const;
let oldCa: Authority;
let newCa: Authority;
let api: ApiServer;
let target: ProbeTarget;
let oldProbe: Probe;
let newProbe: Probe;
let set: ProbeSet;

beforeAll(() => {
  oldCa = new Authority('old CA');
  newCa = new Authority('new CA');
});
afterAll(() => {
  oldCa.dispose();
  newCa.dispose();
});
afterEach(async () => {
  await set.stop();
  await api.close();
});

async function serve(): Promise<void> {
  api = new ApiServer(oldCa.leaf('apiserver'), oldCa.certificate);
  target = await listen(api.server);
  const trust = oldCa.certificate;
  oldProbe = { target, client: client('old leaf', trust, oldCa.leaf('a')), call, intervalMs: 20 };
  newProbe = { target, client: client('new leaf', trust, newCa.leaf('a')), call, intervalMs: 20 };
}

const total = (): number => set.summary().overall.total;

test('ProbeSet counts by client and phase, and judges by the phase', async () => {
  await serve();
  set = new ProbeSet([oldProbe, newProbe], { clock: realClock });
  set.expect('old', (probe) => (probe === oldProbe ? 'pass' : 'refuse'));
  set.start();
  await until(() => total() >= 10);
  set.expect('wrong', (probe) => (probe === oldProbe ? 'refuse' : 'pass'));
  await until(() => (set.summary().byPhase['wrong']?.failed ?? 0) >= 6);
  await set.stop();

  const summary = set.summary();
  expect(summary.byPhase['old']).toMatchObject({ failed: 0, errors: 0 });
  expect(summary.byClient['old leaf']).toMatchObject({ refused: 0 });
  expect(summary.byClient['new leaf']).toMatchObject({ passed: 0 });
  expect(summary.byKind['direct']).toEqual(summary.overall);
  expect(summary.byTarget['cp1']).toEqual(summary.overall);
  expect(summary.byCall['get']).toEqual(summary.overall);
  expect(summary.phases.map((phase) => phase.name)).toEqual(['old', 'wrong']);
  expect(summary.phases[0]?.to).toBe(summary.phases[1]?.from);
  expect(summary.reasons).toMatchObject([{ outcome: 'refused-by-server', reason: 'HTTP 401' }]);
  const violated = summary.violations.map(({ phase, client: name, outcome }) =>
    [phase, name, outcome].join(),
  );
  expect(new Set(violated)).toEqual(
    new Set(['wrong,old leaf,pass', 'wrong,new leaf,refused-by-server']),
  );
  const cells = summary.timeline.buckets.flatMap((bucket) => Object.values(bucket.targets));
  expect(cells.reduce((sum, cell) => sum + cell.passed + cell.refused, 0)).toBe(
    summary.overall.total,
  );
});

test('ProbeSet keeps sending while earlier probes hang, and does not judge across a change', async () => {
  await serve();
  const held: Socket[] = [];
  const silent = createServer((socket) => held.push(socket));
  const hanging = { ...oldProbe, target: { ...(await listen(silent)), name: 'silent' } };
  set = new ProbeSet([hanging], { clock: realClock });
  set.expect('up', () => 'pass');
  set.start();
  await until(() => held.length >= 5);
  expect(total()).toBe(0);
  set.expect('down', () => 'either');
  set.remove(() => true);
  held.forEach((socket) => socket.destroy());
  await set.stop();
  silent.close();
  expect(set.summary().overall).toMatchObject({ failed: 0 });
  expect(set.summary().overall.errors).toBeGreaterThanOrEqual(5);
});

test('ProbeSet still judges a probe in flight across a phase in which it must pass too', async () => {
  await serve();
  const held: Socket[] = [];
  const silent = createServer((socket) => held.push(socket));
  set = new ProbeSet([{ ...oldProbe, target: await listen(silent), intervalMs: 60_000 }], {
    clock: realClock,
  });
  set.expect('one', () => 'pass');
  set.start();
  await until(() => held.length === 1);
  set.expect('two', () => 'pass');
  held[0]?.destroy();
  await until(() => total() === 1);
  silent.close();
  expect(set.summary().overall.failed).toBe(1);
  expect(set.summary().violations[0]).toMatchObject({ phase: 'one', outcome: 'error' });
});

test('ProbeSet does not judge a probe in flight when what is expected of it changes', async () => {
  await serve();
  const held: Socket[] = [];
  const silent = createServer((socket) => held.push(socket));
  set = new ProbeSet([{ ...oldProbe, target: await listen(silent), intervalMs: 60_000 }], {
    clock: realClock,
  });
  set.expect('up', () => 'pass');
  set.start();
  await until(() => held.length === 1);
  set.expect('down', () => 'either');
  held[0]?.destroy();
  await until(() => total() === 1);
  silent.close();
  expect(set.summary().overall).toMatchObject({ errors: 1, failed: 0 });
});

test('ProbeSet goes on when the clock is set back', async () => {
  await serve();
  let ahead = 3_600_000;
  const clock = { ...realClock, now: () => new Date(Date.now() + ahead) };
  set = new ProbeSet([oldProbe], { clock });
  set.start();
  await until(() => total() >= 2);
  ahead = 0;
  const before = total();
  await until(() => total() >= before + 3);
});

test('ProbeTally loses no answer when a long run makes its buckets coarser', () => {
  const tally = new ProbeTally();
  const outcomes = ['pass', 'error', 'refused-by-server'] as const;
  for (let second = 0; second < 7400; second += 1) {
    tally.add({
      ...{ probe: { ...oldProbe, target }, phase: 'p', expected: 'pass' },
      sentAt: new Date(second * 1000),
      outcome: { kind: outcomes[second % 3]!, reason: 'r', ms: 1 },
    });
  }
  const { overall, timeline } = tally.summary();
  expect(timeline.bucketSeconds).toBe(2);
  const cells = timeline.buckets.flatMap((bucket) => Object.values(bucket.targets));
  const sum = (key: 'passed' | 'refused' | 'errors' | 'failed') =>
    cells.reduce((all, cell) => all + cell[key], 0);
  for (const key of ['passed', 'refused', 'errors', 'failed'] as const) {
    expect(sum(key)).toBe(overall[key]);
  }
});

test('ProbeSet probes what is added while it runs, and not what is removed', async () => {
  await serve();
  set = new ProbeSet([], { clock: realClock });
  set.start();
  set.expect('old', () => 'pass');
  set.add([oldProbe]);
  await until(() => total() >= 3);
  set.remove((probe) => probe === oldProbe);
  set.add([{ ...oldProbe, target: { ...target, name: 'balancer', kind: 'balancer' } }]);
  await until(() => (set.summary().byKind['balancer']?.passed ?? 0) >= 3);
  await set.stop();
  expect(set.summary().overall.failed).toBe(0);
});

test('ProbeSet spreads the probes of a target over their interval', async () => {
  await serve();
  const sent: number[] = [];
  api.server.on('secureConnection', () => sent.push(performance.now()));
  const probe = { ...oldProbe, intervalMs: 400 };
  set = new ProbeSet([probe, { ...probe }, { ...probe }, { ...probe }], { clock: realClock });
  set.start();
  await until(() => sent.length === 4);
  expect(sent[3]! - sent[0]!).toBeGreaterThan(200);
});

test('ProbeSet counts what it could not send in time when the process is busy', async () => {
  await serve();
  set = new ProbeSet([oldProbe], { clock: realClock });
  set.start();
  await until(() => total() >= 1);
  const busyUntil = performance.now() + 100;
  while (performance.now() < busyUntil);
  const before = total();
  await until(() => total() > before);
  expect(set.summary().missed).toBeGreaterThanOrEqual(3);
});

test('ProbeSet refuses a client whose PEM cannot be read', async () => {
  await serve();
  set = new ProbeSet([], { clock: realClock });
  const broken = { ...oldProbe, client: client('broken', 'x', { certificate: 'x', key: 'x' }) };
  expect(() => {
    set.add([broken]);
  }).toThrow(expect.objectContaining({ kind: 'input' }));
});
