import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../transport/ended.js';
import { countingTransport, fleet, folder, run } from './fleet.js';

/** A command that ends when it may, or when its test has failed. */
const WAITING =
  '{ command: "sh -c \'until [ -e {{ at }}/go ] || [ ! -d {{ at }} ]; do sleep 0.02; done\'" }';

test('the hosts that come next log in while others are in work, as many as forks', async () => {
  const transport = countingTransport();
  const at = await folder();
  const running = run(`- { hosts: web, tasks: [${WAITING}] }`, {
    inventory: fleet(['h1', 'h2', 'h3', 'gone', 'h5', 'h6']),
    ...{ transport, forks: 2, extraVars: { at } },
  });
  await until(() => transport.opened.length === 4, 'four hosts are logged in to');
  expect(transport.opened).toEqual(['h1', 'h2', 'h3', 'gone']);
  writeFileSync(join(at, 'go'), '');
  const { results } = await running;
  expect(results.sort()).toEqual([
    ...['gone command unreachable', 'h1 command changed', 'h2 command changed'],
    ...['h3 command changed', 'h5 command changed', 'h6 command changed'],
  ]);
  // One that did not answer is not asked again when its turn comes.
  expect(transport.opened).toEqual(['h1', 'h2', 'h3', 'gone', 'h5', 'h6']);
});

test('no host logs in for a task that it will not run', async () => {
  const transport = countingTransport();
  const playbook = `
- hosts: web
  tasks:
    - { debug: { msg: nothing to reach } }
    - { command: "true", when: inventory_hostname == 'h1' }
    - { command: "true", when: inventory_hostname == 'h3', delegate_to: h2 }
`;
  const { outcome } = await run(playbook, { transport, forks: 1 });
  expect(outcome).toBe('ok');
  expect(transport.opened).toEqual(['h1', 'h2']);
});
