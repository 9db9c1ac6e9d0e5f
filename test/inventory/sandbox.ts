import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { ansiblePrograms } from './oracle.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** The program. */
export const CARAVAN = join(ROOT, 'bin/caravan.js');

/** What a program printed and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder of inventories for one test file. */
export class Sandbox {
  readonly home = mkdtempSync(join(tmpdir(), 'caravan-inventory-'));

  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array, mode = 0o644): string {
    const path = join(this.home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, mode);
    return path;
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Standard output of one of Ansible's programs. */
export function ansible(program: string, ...args: readonly string[]): string {
  return execFileSync(join(ansiblePrograms(), program), args, {
    encoding: 'utf8',
    env: { ...process.env, ANSIBLE_CONFIG: join(import.meta.dirname, 'ansible.cfg') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Compiles `caravan` as it is now. */
export function buildCaravan(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'pipe' });
}

/** Runs `caravan`, without a terminal. */
export function caravan(...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CARAVAN, ...args], {
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

/** Runs `caravan` on a terminal of its own and types an answer when it asks. */
export async function caravanOnTerminal(
  args: readonly string[],
  prompt: string,
  answer: string,
): Promise<{ code: number | null; screen: string }> {
  const words = [process.execPath, CARAVAN, ...args].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', words, '/dev/null'], { stdio: 'pipe' });
  let screen = '';
  let answered = false;
  child.stdout.on('data', (chunk: Buffer) => {
    screen += chunk.toString();
    if (answered || !screen.includes(prompt)) return;
    answered = true;
    child.stdin.write(answer);
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, screen };
}
