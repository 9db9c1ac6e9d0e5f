import * as z from 'zod';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { JsonObject } from '../values/json.js';
import type { Secret } from '../values/secret.js';
import type { Applied, ModuleContext, Verdict } from './module.js';
import { commandError } from './host-change.js';

/** Arguments that `command`, `shell` and `script` have in common. */
export const guardInput = {
  /** Folder to run in. */
  chdir: z.string().optional(),
  creates: z.string().optional(),
  removes: z.string().optional(),
} as const;

/** What holds a command back. */
export interface Guarded {
  /** Folder that paths and patterns are relative to. */
  readonly chdir?: string | undefined;
  /** Nothing is done where this exists: a path, or a glob pattern. */
  readonly creates?: string | undefined;
  /** Nothing is done where this does not exist. */
  readonly removes?: string | undefined;
}

/** What the guards of a command look like on a host. */
export interface GuardSeen {
  readonly createsExists: boolean;
  readonly removesExists: boolean;
}

/** A script in its folder, where it has one. */
export function inFolder(chdir: string | undefined, script: Script): Script {
  return chdir === undefined ? script : joinScripts([sh`cd -- ${chdir} || exit`, script]);
}

/** Prints a word where something is at a path, or matches a pattern. A broken link is something. */
function says(word: string, path: string | undefined): Script {
  if (path === undefined) return sh`:`;
  return sh`p=${path}
for f in $p; do if [ -e "$f" ] || [ -L "$f" ]; then echo ${word}; break; fi; done`;
}

/** Looks at the guards: no round trip where there are none. */
export async function seeGuards(guards: Guarded, context: ModuleContext): Promise<GuardSeen> {
  const { chdir, creates, removes } = guards;
  if (creates === undefined && removes === undefined)
    return { createsExists: false, removesExists: true };
  // With no IFS, a variable is one word, of which only patterns are expanded.
  const look = joinScripts([sh`IFS=`, says('creates', creates), says('removes', removes)]);
  const { stdout, code } = await context.connection.run(inFolder(chdir, look));
  return {
    createsExists: stdout.includes('creates'),
    // Where there is no such folder, the command is to say so.
    removesExists: removes === undefined || code !== 0 || stdout.includes('removes'),
  };
}

const NOT_RUN = { rc: 0, stdout: '', stderr: '', msg: '' };

/** The result of a command that a guard held back, in Ansible's words. */
function notRun(reason: string): JsonObject {
  const [, path = '', how = ''] = /^(.*) (exists|does not exist)$/s.exec(reason) ?? [];
  const msg = `Did not run command since '${path}' ${how}`;
  return { ...NOT_RUN, stdout: `skipped, since ${reason}`, msg };
}

/**
 * A command changes its host unless a guard says that nothing is to do; without one, nobody knows
 * before it was run.
 */
export function checkGuards(seen: GuardSeen, guards: Guarded, summary: string): Verdict {
  const reason = seen.createsExists
    ? `${guards.creates ?? ''} exists`
    : seen.removesExists
      ? undefined
      : `${guards.removes ?? ''} does not exist`;
  if (reason !== undefined) return { changes: [], reason, result: notRun(reason) };
  const isGuarded = guards.creates !== undefined || guards.removes !== undefined;
  return { changes: [{ summary }], result: NOT_RUN, ...(isGuarded ? {} : { isUnforeseen: true }) };
}

/** Runs the script; its output goes to the watcher line by line, and into the result. */
export async function runScript(
  script: Script,
  what: { readonly summary: string; readonly stdin?: string | Secret | undefined },
  context: ModuleContext,
): Promise<Applied> {
  const result = await context.connection.run(script, {
    once: true,
    onLine: (line) => {
      context.progress(line);
    },
    ...(what.stdin === undefined ? {} : { stdin: what.stdin }),
  });
  const { code } = result;
  // Ansible strips line ends from what a command prints, and playbooks compare with that.
  const [stdout, stderr] = [result.stdout, result.stderr].map((text) =>
    text.replace(/[\r\n]+$/, ''),
  );
  const done: Applied = {
    result: {
      rc: code ?? -1,
      stdout: stdout ?? '',
      stderr: stderr ?? '',
      // In Ansible's words, which playbooks may look for; the error says more.
      msg: code === 0 ? '' : 'non-zero return code',
    },
  };
  if (code === 0) return done;
  const { kind, message } = commandError(what.summary, result, context.host.name);
  return { ...done, failure: { kind, message } };
}

/** The summary of a command: its first line, cut. */
export function commandSummary(text: string): string {
  const [line = '', ...more] = text.trim().split('\n');
  const short = line.length > 100 ? `${line.slice(0, 97)}...` : line;
  return `run '${short}${more.length > 0 ? ' ...' : ''}'`;
}
