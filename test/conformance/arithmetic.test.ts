import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batches } from '../../src/engine/batches.js';
import { isPastLimit } from '../../src/engine/run-nodes.js';
import type { SerialStep } from '../../src/playbook/model.js';
import { ansiblePrograms } from '../inventory/oracle.js';

const CASES = 10_000;

interface Case {
  readonly hosts: number;
  readonly serial: readonly (number | string)[];
  readonly failed: number;
  readonly size: number;
  readonly percentage: number;
}

const step = fc.oneof(
  fc.integer({ min: 0, max: 30 }),
  fc.integer({ min: 0, max: 120 }).map((percent) => `${percent}%`),
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    hosts: fc.integer({ min: 0, max: 300 }),
    serial: fc.array(step, { maxLength: 4 }),
    size: fc.integer({ min: 1, max: 500 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    // Also the very limits: a percentage that a number of hosts hits exactly, or by a rounding.
    percentage: fc.oneof(
      fc.integer({ min: 0, max: 100 }),
      fc.double({ min: 0, max: 100, noNaN: true }),
    ),
    exact: fc.boolean(),
  })
  .map(({ hosts, serial, size, share, percentage, exact }) => {
    const failed = Math.floor(share * size);
    return { hosts, serial, failed, size, percentage: exact ? (failed / size) * 100 : percentage };
  });

function steps(serial: Case['serial']): SerialStep[] {
  return serial.map((one) =>
    typeof one === 'number' ? { count: one } : { percent: Number.parseInt(one, 10) },
  );
}

test(`serial and max_fail_percentage count as Ansible does, in ${CASES} cases`, () => {
  const asked = fc.sample(cases, { numRuns: CASES, seed: 20_260_401 });
  const ran = spawnSync(
    join(ansiblePrograms(), 'python'),
    [join(import.meta.dirname, 'arithmetic.py')],
    {
      input: asked.map((one) => `${JSON.stringify(one)}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    },
  );
  const answers = ran.stdout.trim().split('\n');
  expect(answers.length, ran.stderr).toBe(CASES);
  for (const [i, one] of asked.entries()) {
    const theirs = JSON.parse(answers[i]!) as { batches: number[]; past: boolean };
    const hosts = Array.from({ length: one.hosts }, (_, n) => n);
    const ours = {
      batches: batches(hosts, steps(one.serial)).map(({ length }) => length),
      past: isPastLimit(one.failed, one.size, one.percentage),
    };
    expect(ours, JSON.stringify(one)).toEqual(theirs);
  }
  // A sample that never comes near a limit would show nothing.
  expect(new Set(answers.map((text) => (JSON.parse(text) as { past: boolean }).past)).size).toBe(2);
}, 120_000);
