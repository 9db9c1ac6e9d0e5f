/**
 * `caravan inventory --list` and `ansible-inventory --list` of the same inventories in the same run,
 * each a process of its own: hosts in 60 groups with variables in group_vars/. Prints times and
 * memory; fails where the two do not print the same.
 *
 *   npm run bench:inventory
 */
import { deepStrictEqual } from 'node:assert';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ansiblePrograms } from '../test/inventory/oracle.js';

const CARAVAN = resolve('bin/caravan.js');
const GROUPS = 60;
const RUNS = 3;
/** The size that Ansible reads too; larger ones take it minutes. */
const COMPARED = 5_000;
/** Makes a Node process say its peak of memory, in KiB, when it ends. */
const SAY_PEAK =
  'data:text/javascript,process.on("exit",()=>process.stderr.write(`${process.resourceUsage().maxRSS}`))';

const folder = mkdtempSync(join(tmpdir(), 'caravan-bench-'));

/** Writes an inventory of `count` hosts; gives its path. */
function write(count: number): string {
  const home = join(folder, String(count));
  mkdirSync(join(home, 'group_vars'), { recursive: true });
  const lines = ['all:', '  children:'];
  for (let g = 0; g < GROUPS; g++) {
    lines.push(`    g${g}:`, '      hosts:');
    for (let h = g; h < count; h += GROUPS) {
      lines.push(
        `        host${h}:`,
        `          ansible_host: 10.${h >> 16}.${(h >> 8) & 255}.${h & 255}`,
        `          rack: ${h % 40}`,
      );
    }
    const vars = Array.from(
      { length: 10 },
      (_, i) => `var_${g}_${i}: [${i}, "text", {deep: yes}]\n`,
    );
    writeFileSync(join(home, 'group_vars', `g${g}.yml`), vars.join(''));
  }
  writeFileSync(join(home, 'group_vars', 'all.yml'), 'ansible_user: ops\nmode: 0644\n');
  writeFileSync(join(home, 'hosts.yml'), `${lines.join('\n')}\n`);
  return join(home, 'hosts.yml');
}

/** Runs a program that writes its list to `out`; seconds from start to end. */
function timed(program: string, args: readonly string[]): { seconds: number; stderr: string } {
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
  return { seconds: (performance.now() - start) / 1000, stderr };
}

/** The fastest of several runs: what other work on the machine adds is no figure of the program. */
function fastest(program: string, args: readonly string[]): { seconds: number; stderr: string } {
  const runs = Array.from({ length: RUNS }, () => timed(program, args));
  return runs.reduce((best, run) => (run.seconds < best.seconds ? run : best));
}

/** Measures one size. */
function compare(count: number): void {
  const file = write(count);
  const out = join(folder, 'ours.json');
  const list = ['inventory', '-i', file, '--list', '--output'];
  const mine = fastest(process.execPath, ['--import', SAY_PEAK, CARAVAN, ...list, out]);
  const ours = mine.seconds;
  const peak = Number(mine.stderr) / 1024;
  process.stdout.write(
    `${count} hosts: ${ours.toFixed(2)} s (${((ours / count) * 1e6).toFixed(0)} µs a host), ` +
      `peak ${peak.toFixed(0)} MB\n`,
  );
  if (count !== COMPARED) return;
  const program = join(ansiblePrograms(), 'ansible-inventory');
  const other = join(folder, 'theirs.json');
  const theirs = fastest(program, ['-i', file, '--list', '--output', other]).seconds;
  process.stdout.write(
    `  ansible-inventory: ${theirs.toFixed(1)} s, ${(theirs / ours).toFixed(1)} times as long\n`,
  );
  const [first, second] = [out, other].map(
    (path) => JSON.parse(readFileSync(path, 'utf8')) as unknown,
  );
  deepStrictEqual(first, second);
}

try {
  [COMPARED, 10_000, 20_000].forEach(compare);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
