import { setMaxListeners } from 'node:events';
import { createInterface } from 'node:readline';
import { $ } from 'zx/core';
import { CaravanError, asCaravanError } from '../values/error.js';
import { Secret } from '../values/secret.js';
import type { LabContext } from './types.js';

/** How a local program is run. */
export interface ProgramOptions {
  /** For its standard input; key material goes here, never into argv. */
  readonly input?: string | Secret;
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default 600,000. */
  readonly timeoutMs?: number;
  /** Called with each line of both outputs as it comes. */
  readonly onLine?: (line: string) => void;
}

/** What a program gave. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of this machine; an exit code other than 0 is a result. */
export async function tryProgram(
  ctx: LabContext,
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  ctx.signal?.throwIfAborted();
  const { input, onLine } = options;
  const running = $({
    quiet: true,
    nothrow: true,
    verbose: false,
    input: input instanceof Secret ? input.reveal() : (input ?? ''),
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? 600_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(ctx.signal === undefined ? {} : { signal: ctx.signal }),
  })`${[...argv]}`;
  if (onLine !== undefined) {
    for (const stream of [running.stdout, running.stderr]) {
      createInterface({ input: stream }).on('line', onLine);
    }
  }
  const output = await running;
  throwIfCancelled(ctx);
  return { code: output.exitCode, stdout: output.stdout, stderr: output.stderr };
}

/**
 * Runs a program of this machine and gives its standard output.
 * @throws CaravanError of kind command with the end of what it wrote to standard error
 */
export async function program(
  ctx: LabContext,
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  const result = await tryProgram(ctx, argv, options);
  if (result.code === 0) return result.stdout;
  throw new CaravanError(
    'command',
    `ran ${argv.slice(0, 4).join(' ')}; found exit code ${String(result.code)}, needed 0: ${tail(result)}`,
  );
}

/** The last lines that a program wrote, for a message. */
export function tail(result: ProgramResult, lines = 12): string {
  const text = result.stderr.trim() === '' ? result.stdout : result.stderr;
  return text.trim().split('\n').slice(-lines).join('\n');
}

/** @throws CaravanError of kind cancelled when the operator has asked to stop */
export function throwIfCancelled(ctx: LabContext): void {
  if (ctx.signal?.aborted !== true) return;
  if (ctx.signal.reason instanceof CaravanError) throw ctx.signal.reason;
  throw new CaravanError('cancelled', 'the lab was being worked on; the operator asked to stop', {
    hint: '`caravan lab up` goes on or begins anew, `caravan lab down` removes what there is',
  });
}

/** Runs `work` as a named step and reports its start, lines and end. */
export async function step<T>(
  ctx: LabContext,
  name: string,
  work: (line: (text: string) => void) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const seconds = (): number => Math.round((performance.now() - began) / 100) / 10;
  throwIfCancelled(ctx);
  ctx.progress({ step: name, state: 'start', seconds: 0 });
  const result = await work((text) => {
    ctx.progress({ step: name, state: 'line', seconds: seconds(), text });
  });
  ctx.progress({ step: name, state: 'done', seconds: seconds() });
  return result;
}

/**
 * Does `work` for all items at the same time. The first failure cancels the others, and nothing is
 * left running when it is thrown.
 */
export async function together<I, T>(
  ctx: LabContext,
  items: readonly I[],
  work: (item: I, ctx: LabContext) => Promise<T>,
): Promise<T[]> {
  const failed = new AbortController();
  const signal = ctx.signal ? AbortSignal.any([ctx.signal, failed.signal]) : failed.signal;
  // Each running program listens; that is no leak.
  setMaxListeners(0, signal);
  let first: CaravanError | undefined;
  const results = await Promise.allSettled(
    items.map(async (item) => {
      try {
        return await work(item, { ...ctx, signal });
      } catch (thrown) {
        first ??= asCaravanError(thrown);
        failed.abort(first);
        throw thrown;
      }
    }),
  );
  if (first !== undefined) throw first;
  return results.map((result) => (result as PromiseFulfilledResult<T>).value);
}
