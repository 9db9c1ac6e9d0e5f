import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSshd, type Sshd } from '../transport/sshd.js';
import { differences, type Answer } from './answer.js';
import { allCases, type Case } from './cases.js';
import { Ansible, runCaravan } from './runs.js';

/** Share of the cases that is run, for a machine with other work: CARAVAN_CONFORMANCE=0.25. */
const SHARE = Number(process.env['CARAVAN_CONFORMANCE'] ?? '1');
const CASES = allCases();
const CHOSEN = CASES.filter((_, i) => Math.floor(i * SHARE) !== Math.floor((i + 1) * SHARE));

let sshd: Sshd;
let base: string;
let ansible: Ansible;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'caravan-c-'));
  sshd = await startSshd({ config: ['MaxSessions 50'] });
  ansible = new Ansible(base);
}, 300_000);

afterAll(async () => {
  ansible.close();
  await sshd.stop();
  rmSync(base, { recursive: true, force: true });
});

const COMPARED = ['exit', 'order', 'results', 'recap', 'vars', 'files'] as const;

/** What differs, by what is compared. */
function compare(theirs: Answer, ours: Answer): Record<string, string[]> {
  const found = COMPARED.map((key) => [key, differences(theirs[key], ours[key])] as const);
  // A path that only we made is a difference too.
  const extra = Object.keys(ours.files).filter((path) => !(path in theirs.files));
  const all = found.map(([key, lines]) => [
    key,
    key === 'files' ? [...lines, ...extra.map((path) => `only caravan made ${path}`)] : lines,
  ]);
  return Object.fromEntries(all.filter(([, lines]) => lines!.length > 0)) as Record<
    string,
    string[]
  >;
}

test('there are at least 150 cases, with names of their own', () => {
  expect(CASES.length).toBeGreaterThanOrEqual(150);
  expect(new Set(CASES.map(({ topic, name }) => `${topic}/${name}`)).size).toBe(CASES.length);
});

test.each(CHOSEN.map((one): [string, Case] => [`${one.topic}: ${one.name}`, one]))(
  '%s',
  async (_name, one) => {
    const theirs = await ansible.run(one, sshd);
    const ours = await runCaravan(base, one, sshd);
    const all = Object.entries(compare(theirs, ours)).filter(([key]) => !one.skips.includes(key));
    const found = Object.fromEntries(all);
    const wanted = Object.keys(one.deviates);
    const unexpected = Object.entries(found).filter(([key]) => !wanted.includes(key));
    if (unexpected.length > 0)
      expect.fail(
        [
          ...unexpected.flatMap(([key, lines]) => lines.map((line) => `${key}${line}`)),
          `ansible said: ${theirs.log ?? ''}`,
          `caravan said: ${ours.log ?? ''}`,
        ].join('\n'),
      );
    // A deviation that is gone must go from the list, too.
    expect(Object.keys(found).sort()).toEqual(wanted.sort());
  },
  120_000,
);
