import { createHash, randomBytes } from 'node:crypto';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/cli/system.js';
import type { RunOptions } from '../../src/engine/options.js';
import type { Clock } from '../../src/values/clock.js';
import { sshVars } from '../transport/faults.js';
import { startFaultProxy, type Fault } from '../transport/fault-proxy.js';
import { startSshd, type Sshd } from '../transport/sshd.js';
import { fleet, folder, run, type Ran } from './fleet.js';

const MIB = 1024 * 1024;
let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
});
afterAll(async () => {
  await sshd.stop();
});

/** A host behind a proxy, and a file of 24 MiB for it. */
async function site(fault?: Fault) {
  const [at, host] = [await folder(), await folder()];
  const content = randomBytes(24 * MIB + 123);
  writeFileSync(join(at, 'big'), content);
  const proxy = await startFaultProxy({ hostPort: sshd.port, ...(fault && { fault }) });
  onTestFinished(() => proxy.stop());
  const inventory = fleet(['h1'], () => sshVars(sshd, proxy.port, at));
  const tasks = (lines: string, options: Partial<RunOptions> = {}): Promise<Ran> =>
    run(`- hosts: h1\n  gather_facts: false\n  tasks:\n${lines}`, {
      ...{ inventory, extraVars: { at, host }, ...options },
    });
  return { at, host, content, proxy, tasks };
}

const resultOf = ({ events }: Ran): unknown =>
  events.find((event) => event.type === 'host-result')?.result;

test('copy sends a large file, and none that is there', async () => {
  const { host, content, proxy, tasks } = await site();
  const copy = '    - copy: { src: "{{ at }}/big", dest: "{{ host }}/big", mode: "0600" }\n';
  const checked = await tasks(copy, { check: true });
  expect(checked.results).toEqual(['h1 copy changed']);
  expect(readdirSync(host)).toEqual([]);
  const first = await tasks(copy);
  expect([first.failures, first.results]).toEqual([[], ['h1 copy changed']]);
  expect(readFileSync(join(host, 'big')).equals(content)).toBe(true);
  expect(readdirSync(host)).toEqual(['big']);
  expect(resultOf(first)).toMatchObject({
    checksum: createHash('sha1').update(content).digest('hex'),
    size: content.length,
    mode: '0600',
  });
  const before = proxy.seen();
  const second = await tasks(copy);
  expect(second.results).toEqual(['h1 copy ok']);
  const after = proxy.seen();
  expect(after.toHost - before.toHost).toBeLessThan(MIB);
  expect(after.fromHost - before.fromHost).toBeLessThan(MIB);
});

test('copy goes on where the connection broke', async () => {
  const { host, content, proxy, tasks } = await site({ kind: 'reset', atByte: 16 * MIB });
  const ran = await tasks('    - copy: { src: "{{ at }}/big", dest: "{{ host }}/" }\n');
  expect([ran.failures, ran.results]).toEqual([[], ['h1 copy changed']]);
  expect(readFileSync(join(host, 'big')).equals(content)).toBe(true);
  expect(proxy.seen().faulted).toBe(true);
  expect(proxy.seen().toHost).toBeLessThan(content.length + 6 * MIB);
  expect(readdirSync(host)).toEqual(['big']);
});

test('copy takes large and small files of a folder, in order, and keeps a copy of the old', async () => {
  const { at, host, content, tasks } = await site();
  mkdirSync(join(at, 'some'));
  for (const name of ['a', 'z']) writeFileSync(join(at, 'some', name), name);
  writeFileSync(join(at, 'some/big'), content);
  writeFileSync(join(host, 'old'), 'old');
  const ran = await tasks(
    `    - copy: { src: "{{ at }}/some/", dest: "{{ host }}/some/" }
    - copy: { content: small, dest: "{{ host }}/before" }
    - copy:
        src: "{{ at }}/big"
        dest: "{{ host }}/old"
        backup: true
        validate: head -c 3 %s >"$(dirname %s)/looked"
    - copy: { content: small, dest: "{{ host }}/behind" }
    - copy: { src: "{{ at }}/big", dest: "{{ host }}/refused", validate: "false %s" }
    - copy: { content: small, dest: "{{ host }}/never" }
`,
  );
  expect(ran.failures).toMatchObject([{ error: { kind: 'command' } }]);
  expect(ran.failures[0]?.error.message).toMatch(/did not accept/);
  expect(ran.results).toEqual([...Array<string>(4).fill('h1 copy changed'), 'h1 copy failed']);
  const names = readdirSync(host).sort();
  expect(names.map((name) => name.replace(/^old\..*/, 'old.DATE'))).toEqual(
    ['before', 'behind', 'looked', 'old', 'old.DATE', 'some'].sort(),
  );
  expect(readFileSync(join(host, 'looked')).equals(content.subarray(0, 3))).toBe(true);
  expect(statSync(join(host, 'old')).size).toBe(content.length);
  expect(readdirSync(join(host, 'some')).sort()).toEqual(['a', 'big', 'z']);
  expect(readFileSync(join(host, 'some/big')).equals(content)).toBe(true);
});

test('a long transfer tells how far it is', async () => {
  const { tasks } = await site();
  let laterMs = 0;
  // Each look at the clock is a second later than the last.
  const clock: Clock = { ...systemClock, now: () => new Date(Date.now() + (laterMs += 1000)) };
  const copy = '    - copy: { src: "{{ at }}/big", dest: "{{ host }}/big" }\n';
  const ran = await tasks(copy, { clock, taskTimeoutSeconds: 3600 });
  expect(ran.failures).toEqual([]);
  const lines = ran.events.flatMap((event) => (event.type === 'progress' ? [event.line] : []));
  expect(lines.length).toBeGreaterThan(10);
  for (const line of lines) expect(line).toMatch(/^\d+\.\d of 24\.0 MiB, \d+\.\d MiB\/s$/);
});

test('a cancelled run ends within a transfer, and the next goes on', async () => {
  const { host, content, proxy, tasks } = await site();
  const stop = new AbortController();
  const copy = '    - copy: { src: "{{ at }}/big", dest: "{{ host }}/big" }\n';
  const cancelled = tasks(copy, { signal: stop.signal });
  await expect.poll(() => proxy.seen().toHost, { interval: 1 }).toBeGreaterThan(4 * MIB);
  stop.abort();
  expect((await cancelled).outcome).toBe('cancelled');
  const [name = ''] = readdirSync(host);
  expect(name).toMatch(/^\.big\.caravan-.*\.part$/);
  const ran = await tasks(copy);
  expect(ran.results).toEqual(['h1 copy changed']);
  expect(readFileSync(join(host, 'big')).equals(content)).toBe(true);
  expect(proxy.seen().toHost).toBeLessThan(content.length + 6 * MIB);
});

const FETCH = '    - fetch: { src: "{{ at }}/big", dest: "{{ host }}/got", flat: true }\n';

test('fetch brings a large file, goes on where the connection broke, and brings none twice', async () => {
  const { host, content, proxy, tasks } = await site({ kind: 'reset', atByte: 16 * MIB });
  const first = await tasks(FETCH);
  expect([first.failures, first.results]).toEqual([[], ['h1 fetch changed']]);
  expect(readFileSync(join(host, 'got')).equals(content)).toBe(true);
  expect(readdirSync(host)).toEqual(['got']);
  const checksum = createHash('sha1').update(content).digest('hex');
  expect(resultOf(first)).toMatchObject({ checksum, remote_checksum: checksum });
  const { faulted, fromHost } = proxy.seen();
  expect(faulted).toBe(true);
  // The beginning that is looked at, and what was on its way, come besides.
  expect(fromHost).toBeLessThan(content.length + 8 * MIB);
  const second = await tasks(FETCH);
  expect(second.results).toEqual(['h1 fetch ok']);
  expect(resultOf(second)).toMatchObject({ checksum });
  expect(proxy.seen().fromHost - fromHost).toBeLessThan(2 * MIB);
});

test('fetch begins anew behind other bytes, and follows no link', async () => {
  const { at, host, content, tasks } = await site();
  writeFileSync(join(host, 'got.part'), randomBytes(5 * MIB));
  const ran = await tasks(FETCH);
  expect(ran.failures).toEqual([]);
  expect(readFileSync(join(host, 'got')).equals(content)).toBe(true);
  writeFileSync(join(at, 'victim'), 'precious');
  writeFileSync(join(host, 'got'), 'old');
  symlinkSync(join(at, 'victim'), join(host, 'got.part'));
  const refused = await tasks(FETCH);
  expect(refused.failures).toMatchObject([{ error: { kind: 'input' } }]);
  expect(readFileSync(join(at, 'victim'), 'utf8')).toBe('precious');
});
