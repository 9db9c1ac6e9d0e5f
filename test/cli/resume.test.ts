import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { caravanRun, writeFiles, type Called } from './cli.js';

const PLAYBOOK = `
- hosts: h1
  tasks:
    - include_tasks: "{{ more }}.yml"
    - command: test -e {{ done }}
`;

/** A run that failed behind a command that was done, and how to call it again. */
async function failedRun(): Promise<{
  path: string;
  again: (...args: string[]) => Promise<Called>;
  log: () => string;
}> {
  const path = await folder();
  writeFiles(path, {
    hosts: `h1 ansible_connection=local more=more done=${path}/done\n`,
    'site.yml': PLAYBOOK,
    'more.yml': `- shell: echo {{ word | default('first') }} >>${path}/log\n`,
  });
  const again = (...args: string[]) => caravanRun(path, '-i', 'hosts', 'site.yml', ...args);
  expect((await again()).code).toBe(2);
  mkdirSync(join(path, 'done'));
  return { path, again, log: () => readFileSync(join(path, 'log'), 'utf8') };
}

test.each([
  ['a limit that matches nothing', ['-l', 'nope']],
  ['variables that cannot be read', ['-e', '@nope']],
  ['a task to start at that is not there', ['--start-at-task', 'nope']],
  ['a password that cannot be asked for', ['-k']],
])('--resume goes on after %s', async (_, slip) => {
  const { again, log } = await failedRun();
  expect((await again(...slip)).code).toBe(1);
  const resumed = await again('--resume');
  expect(resumed).toMatchObject({ code: 0, err: '' });
  expect(log()).toBe('first\n');
});

test('--resume is an error where other variables are given', async () => {
  const { again, log } = await failedRun();
  const resumed = await again('--resume', '-e', 'word=second');
  expect(resumed.code).toBe(1);
  expect(resumed.err).toContain('--resume: what -e and --extra-vars give is not what it was');
  expect(log()).toBe('first\n');
});

test('--resume fails where a file that is included by a template is another', async () => {
  const { path, again, log } = await failedRun();
  writeFileSync(join(path, 'more.yml'), `- shell: echo second >>${path}/log\n`);
  const resumed = await again('--resume');
  expect(resumed.code).toBe(2);
  expect(resumed.out).toContain('more.yml is not what it was');
  expect(log()).toBe('first\n');
});

test('a run goes on, and says so, where its record can no longer be written', async () => {
  const path = await folder();
  writeFiles(path, {
    hosts: '[all:vars]\nansible_connection=local\n[web]\nh1\nh2\n',
    'site.yml': `- hosts: web\n  tasks:\n    - { shell: "rm -r ${path}/.caravan; exit 1", run_once: true, ignore_errors: true }\n    - { command: "test {{ inventory_hostname }} = h2" }\n    - { debug: { msg: still here } }\n`,
  });
  const { code, out, err } = await caravanRun(path, '-i', 'hosts', 'site.yml');
  expect(code).toBe(2);
  expect(out).toContain('still here');
  expect(err).toMatch(/^\[warning\] What --resume would need cannot be kept in .*: ENOENT/);
});
