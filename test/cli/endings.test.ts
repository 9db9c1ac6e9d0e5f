import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { folder } from '../engine/fleet.js';
import { writeFiles } from './cli.js';
import { onTerminal } from './terminal.js';

const HOSTS = 'h1 ansible_connection=local\n';
const START = [resolve('bin/caravan.js'), 'run', '-i', 'hosts', 'site.yml'];

test('a run goes on where what it shows cannot be written', async () => {
  const path = await folder();
  const tasks = '[{ debug: { msg: a } }, { shell: "echo b >done" }]';
  writeFiles(path, {
    hosts: HOSTS,
    'site.yml': `- hosts: h1\n  tasks: ${tasks.replace('>done', `>${path}/done`)}\n`,
  });
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, START, { cwd: path, stdio: ['ignore', full, full] });
  const code = await new Promise((done) => child.once('exit', done));
  closeSync(full);
  expect(code).toBe(0);
  expect(existsSync(join(path, 'done'))).toBe(true);
});

test('a run whose terminal has gone finishes what is under way, and begins nothing new', async () => {
  const path = await folder();
  const waits = `touch ${path}/began; until [ -e ${path}/go ]; do sleep 0.1; done; touch ${path}/done`;
  writeFiles(path, {
    hosts: HOSTS,
    'site.yml': `- hosts: h1\n  tasks:\n    - shell: ${waits}\n    - shell: touch ${path}/new\n`,
  });
  const child = spawn(process.execPath, START, { cwd: path, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => child.once('exit', done));
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  await expect.poll(() => existsSync(join(path, 'began')), { timeout: 60_000 }).toBe(true);
  child.kill('SIGHUP');
  await expect.poll(() => out, { timeout: 60_000 }).toContain('Stopping');
  child.kill('SIGHUP');
  writeFileSync(join(path, 'go'), '');
  expect(await ended).toBe(99);
  expect(['done', 'new'].map((name) => existsSync(join(path, name)))).toEqual([true, false]);
});

test('--step is cancelled by Ctrl-D', async () => {
  const path = await folder();
  writeFiles(path, { hosts: HOSTS, 'site.yml': '- hosts: h1\n  tasks: [{ debug: {} }]\n' });
  const shown = await onTerminal(['run', '-i', 'hosts', '--step', 'site.yml'], {
    ...{ folder: path, rows: 20, columns: 80 },
    steps: [{ when: /Run \[debug\]\?/, type: '\u0004' }],
  });
  expect(shown.code).toBe(99);
});
