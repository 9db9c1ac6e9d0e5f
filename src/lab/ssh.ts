import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CaravanError } from '../values/error.js';
import type { Secret } from '../values/secret.js';
import { quoteWord } from '../values/shell.js';
import { DATA_FOLDER } from './places.js';
import { tail, throwIfCancelled, tryProgram } from './program.js';
import type { ProgramResult } from './program.js';
import type { LabContext, LabDescription, LabHost } from './types.js';

/** Options of the system's ssh that reach a host of the lab, strictly and without asking. */
export function sshOptions(lab: Pick<LabDescription, 'knownHosts' | 'privateKey'>): string[] {
  return [
    ...['-F', 'none', '-i', lab.privateKey, '-o', 'IdentitiesOnly=yes', '-o', 'BatchMode=yes'],
    ...['-o', `UserKnownHostsFile=${lab.knownHosts}`, '-o', 'GlobalKnownHostsFile=none'],
    ...['-o', 'ConnectTimeout=5', '-o', 'ServerAliveInterval=5', '-o', 'LogLevel=ERROR'],
  ];
}

/** Runs shell text on a host as root; an exit code other than 0 is a result. */
export async function tryOnHost(
  ctx: LabContext,
  lab: Pick<LabDescription, 'knownHosts' | 'privateKey'>,
  host: LabHost,
  script: string,
  options: { input?: string | Secret; timeoutMs?: number; words?: readonly string[] } = {},
): Promise<ProgramResult> {
  const remote = ['sh', '-c', script, 'sh', ...(options.words ?? [])].map(quoteWord).join(' ');
  const { input, timeoutMs } = options;
  return tryProgram(ctx, ['ssh', ...sshOptions(lab), `root@${host.address}`, remote], {
    ...(input === undefined ? {} : { input }),
    timeoutMs: timeoutMs ?? 60_000,
  });
}

/**
 * Runs shell text on a host as root and gives its standard output.
 * @throws CaravanError of kind command, with the host and the end of what it wrote
 */
export async function onHost(
  ctx: LabContext,
  lab: Pick<LabDescription, 'knownHosts' | 'privateKey'>,
  host: LabHost,
  script: string,
  options: { input?: string | Secret; timeoutMs?: number; words?: readonly string[] } = {},
): Promise<string> {
  const result = await tryOnHost(ctx, lab, host, script, options);
  if (result.code === 0) return result.stdout;
  const what = script.trim().split('\n').slice(0, 2).join(' ');
  throw new CaravanError(
    'command',
    `ran on ${host.name}: ${what}; found exit code ${String(result.code)}, needed 0: ${tail(result)}`,
    { host: host.name },
  );
}

/** A script of `lab/provision/`, which VMs are set up with too. */
export async function provisionScript(name: string): Promise<string> {
  return readFile(path.join(DATA_FOLDER, 'provision', name), 'utf8');
}

/**
 * Asks until the answer is yes.
 * @throws CaravanError of kind timeout with what was waited for
 */
export async function until(
  ctx: LabContext,
  what: string,
  timeoutMs: number,
  ask: () => Promise<boolean>,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await ask())) {
    throwIfCancelled(ctx);
    if (Date.now() > deadline) {
      throw new CaravanError(
        'timeout',
        `waited ${timeoutMs / 1000} s for ${what}; it did not come`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
