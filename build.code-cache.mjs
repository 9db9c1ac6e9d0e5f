/**
 * Makes V8's code cache of the program: runs a playbook of one task on this machine, and keeps what
 * V8 compiled for that. What a run over SSH compiles besides is left out on purpose: code from the
 * cache is interpreted longer before it becomes machine code.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CODE_CACHE, start } from './bin/start.js';

const folder = mkdtempSync(join(tmpdir(), 'caravan-build-'));
const task = { command: { argv: ['true'] } };
const play = { hosts: 'localhost', connection: 'local', gather_facts: false, tasks: [task] };
writeFileSync(join(folder, 'site.yml'), JSON.stringify([play]));
process.chdir(folder);
process.argv.splice(2, Infinity, 'run', 'site.yml');
const script = start();
process.once('exit', (code) => {
  rmSync(folder, { recursive: true });
  if (code === 0) writeFileSync(CODE_CACHE, script.createCachedData());
});
