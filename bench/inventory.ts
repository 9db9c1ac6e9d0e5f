/**
 * The same inventory loaded and listed here and by `ansible-inventory --list`, in the same run:
 * hosts in 60 groups with variables in group_vars/. Prints one line for each size.
 *
 *   ANSIBLE_INVENTORY=/path/to/ansible-inventory names another Ansible than the tests' own.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadInventory } from '../src/inventory/load.js';
import { printList } from '../src/inventory/print.js';

const GROUPS = 60;
const SIZES = [5_000, 10_000, 20_000];
const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
const ANSIBLE =
  process.env['ANSIBLE_INVENTORY'] ?? join(CACHE, 'caravan/ansible/bin/ansible-inventory');

/** Writes an inventory of `count` hosts; gives its path. */
function write(folder: string, count: number): string {
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

async function ours(file: string): Promise<{ ms: number; load: number; text: string }> {
  const start = performance.now();
  const inventory = await loadInventory([file]);
  const merged = inventory.hosts.filter((host) => host.vars['ansible_host'] !== undefined);
  if (merged.length !== inventory.hosts.length) throw new Error('a host has lost its variables');
  const load = performance.now() - start;
  const text = printList(inventory);
  return { ms: performance.now() - start, load, text };
}

function theirs(file: string): { ms: number; text: string } {
  const start = performance.now();
  const text = execFileSync(ANSIBLE, ['-i', file, '--list'], {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
  });
  return { ms: performance.now() - start, text };
}

/** One size in a process of its own, so that its memory is its own. */
async function one(file: string, textFile: string): Promise<void> {
  const { ms, load, text } = await ours(file);
  const megabytes = process.resourceUsage().maxRSS / 1024;
  writeFileSync(textFile, text);
  process.stdout.write(
    `load and merge ${load.toFixed(0)} ms, with printing ${ms.toFixed(0)} ms, peak ${megabytes.toFixed(0)} MB`,
  );
}

function all(): void {
  const folder = mkdtempSync(join(tmpdir(), 'caravan-bench-'));
  try {
    for (const count of SIZES) {
      const file = write(folder, count);
      const textFile = join(folder, 'list.json');
      const start = performance.now();
      const said = execFileSync(process.execPath, [process.argv[1] ?? '', file, textFile], {
        encoding: 'utf8',
      });
      const whole = performance.now() - start;
      process.stdout.write(`${count} hosts: ${said}, whole process ${whole.toFixed(0)} ms\n`);
      if (!existsSync(ANSIBLE) || count !== SIZES[0]) continue;
      const other = theirs(file);
      const same = isDeepStrictEqual(
        JSON.parse(other.text),
        JSON.parse(readFileSync(textFile, 'utf8')),
      );
      process.stdout.write(
        `  ansible-inventory --list ${other.ms.toFixed(0)} ms, ${(other.ms / whole).toFixed(1)} times as long; ` +
          `${same ? 'the same answer' : 'ANOTHER ANSWER'}\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [, , file, textFile] = process.argv;
if (file !== undefined && textFile !== undefined) await one(file, textFile);
else all();
