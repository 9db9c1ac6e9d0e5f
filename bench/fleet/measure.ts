import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What one run of a program cost. */
export interface Figures {
  readonly seconds: number;
  /** User and system time of the program and all that it started. */
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** Exit code; null where the deadline ended it. */
  readonly code: number | null;
}

/** A program to be run. */
export interface Program {
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const HELPER = resolve('bench/fleet/measure.py');

/** Runs a program as a process of its own, its output in `<folder>/output`. */
export async function measure(
  { argv, env, cwd }: Program,
  folder: string,
  deadlineSeconds: number,
): Promise<Figures> {
  const out = join(folder, 'figures.json');
  const output = openSync(join(folder, 'output'), 'w');
  try {
    const code = await new Promise<number | null>((done, fail) => {
      const child = spawn('python3', [HELPER, out, String(deadlineSeconds), ...argv], {
        stdio: ['ignore', output, output],
        env: { ...process.env, ...env },
        ...(cwd === undefined ? {} : { cwd }),
      });
      child.once('error', fail);
      child.once('close', done);
    });
    if (code !== 0) throw new Error(`measure.py failed: ${lastOutput(folder)}`);
    return JSON.parse(readFileSync(out, 'utf8')) as Figures;
  } finally {
    closeSync(output);
  }
}

/** The end of what the last program said. */
export function lastOutput(folder: string): string {
  return readFileSync(join(folder, 'output'), 'utf8').slice(-2000);
}
