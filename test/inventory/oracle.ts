import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What Ansible is asked about one set of sources. */
export interface OracleCase {
  readonly sources: readonly string[];
  readonly playbook?: string;
  readonly vault?: string;
  /** Ask for --list, --host of each, --graph, --export, --yaml. */
  readonly dump?: boolean;
  readonly patterns?: readonly string[];
  /** Pairs of a pattern and a `--limit`. */
  readonly limited?: readonly (readonly [string, string])[];
  /** Host whose variables `t_...` are to be rendered. */
  readonly render?: string;
}

/** Ansible's answer; `error` where it could read none of the sources. */
export interface OracleAnswer {
  readonly error?: string;
  readonly list: string;
  readonly hosts: Record<string, string>;
  readonly graph: string;
  readonly graphVars: string;
  readonly export: string;
  readonly yaml: string;
  /** Host names, or the message of an error. */
  readonly patterns: (string[] | string)[];
  readonly limited: (string[] | string)[];
  readonly rendered: Record<string, { value: unknown } | { error: string }>;
}

const HOME = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'caravan', 'ansible');

/** Folder of ansible-core's programs, installed from PyPI into a cache when it is not there yet. */
export function ansiblePrograms(): string {
  const bin = join(HOME, 'bin');
  if (existsSync(join(bin, 'ansible-inventory'))) return bin;
  try {
    mkdirSync(HOME, { recursive: true });
    execFileSync('python3', ['-m', 'venv', HOME], { stdio: 'pipe' });
    execFileSync(join(bin, 'pip'), ['install', '--quiet', 'ansible-core>=2.19'], { stdio: 'pipe' });
  } catch (cause) {
    rmSync(HOME, { recursive: true, force: true });
    throw new Error(
      'these tests compare with ansible-core 2.19 or newer; installing it with python3 -m venv and pip failed. ' +
        'They need Python 3.11 or newer with venv, and the network.',
      { cause },
    );
  }
  return bin;
}

/** A process of Ansible that answers many questions: its start takes most of a second. */
export class Oracle {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  #ended: Error | undefined;
  #complaint = '';

  constructor() {
    this.#child = spawn(
      join(ansiblePrograms(), 'python'),
      [join(import.meta.dirname, 'oracle.py')],
      { stdio: 'pipe', env: { ...process.env, PYTHONHASHSEED: '0' } },
    );
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#waiting.shift()?.resolve(line);
    });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#complaint = (this.#complaint + chunk.toString()).slice(-2000);
    });
    this.#child.stdin!.on('error', () => undefined);
    this.#child.on('exit', (code) => {
      this.#ended = new Error(`ansible ended with ${code ?? 'a signal'}: ${this.#complaint}`);
      for (const { reject } of this.#waiting) reject(this.#ended);
    });
  }

  async ask(question: OracleCase): Promise<OracleAnswer> {
    if (this.#ended) throw this.#ended;
    const line = await new Promise<string>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin!.write(`${JSON.stringify(question)}\n`);
    });
    return JSON.parse(line) as OracleAnswer;
  }

  close(): void {
    this.#child.stdin!.end();
  }
}
