import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const CARAVAN = new URL('../../bin/caravan.js', import.meta.url).pathname;

/** How a run of the command ended; `output` is its standard output. */
export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** What a run of the command may be given. */
export interface RunOptions {
  readonly stdin?: string;
  /** Ends it with SIGKILL when lines of its standard output have matched all of these, in order. */
  readonly killAt?: readonly RegExp[];
  /** Its standard error is part of `output`; else it goes to this process's. */
  readonly withErrors?: boolean;
}

/** Runs the built command as a user does. */
export function caravan(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = spawn(process.execPath, [CARAVAN, ...args], {
    stdio: ['pipe', 'pipe', options.withErrors ? 'pipe' : 'inherit'],
  });
  child.stdin?.end(options.stdin ?? '');
  const lines: string[] = [];
  const ahead = [...(options.killAt ?? [])];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      if (!ahead[0]?.test(line)) return;
      ahead.shift();
      if (ahead.length === 0) child.kill('SIGKILL');
    });
  }
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, output: lines.join('\n') });
    });
  });
}

/** What a script that root runs on a host of the lab prints. Throws where it fails. */
export async function onHost(host: string, script: string, stdin = ''): Promise<string> {
  const ended = await caravan(['lab', 'ssh', '--root', host, script], { stdin });
  if (ended.code !== 0) throw new Error(`${host}: exit code ${ended.code}: ${ended.output}`);
  return ended.output;
}
