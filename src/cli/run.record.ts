import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunRecord } from '../engine/receipts.js';
import { CaravanError } from '../values/error.js';

/** The first line of the file; each one behind it is an attempt that made its host fail. */
interface Head {
  readonly run: string;
  readonly playbook: string;
  /** SHA-256 of all files of the playbook. */
  readonly digest: string;
  readonly startedAt: string;
}

interface Wanted {
  /** Folder that the record is kept in. */
  readonly folder: string;
  /** The playbook, as the operator names it. */
  readonly playbook: string;
  readonly digest: string;
  readonly now: Date;
  readonly resume: boolean;
  readonly warn: (message: string) => void;
}

/**
 * The record of a run that begins, or of the one to be resumed, in a file of its own until the run
 * has ended well. It holds no values of the run:
 * results are kept on the hosts that they came from.
 * @throws CaravanError input where there is nothing to resume, or the playbook is another
 */
export function openRecord(wanted: Wanted): RunRecord | undefined {
  const { folder, playbook, warn } = wanted;
  const name = createHash('sha256').update(resolve(playbook)).digest('hex').slice(0, 16);
  const file = join(folder, 'runs', name);
  const earlier = read(file);
  if (wanted.resume) return resumed(file, earlier, wanted);
  if (earlier !== undefined)
    warn(
      `The run of ${playbook} that began at ${earlier.head.startedAt} did not end well, and this one starts anew. To go on with one: --resume`,
    );
  const head: Head = {
    ...{ run: randomBytes(8).toString('hex'), playbook, digest: wanted.digest },
    startedAt: wanted.now.toISOString(),
  };
  try {
    mkdirSync(join(folder, 'runs'), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    warn(`This run cannot be resumed, since nothing can be kept in ${folder}: ${why}`);
    return undefined;
  }
  return kept(file, head.run, undefined);
}

type Earlier = { readonly head: Head; readonly failed: readonly string[] } | undefined;

function read(file: string): Earlier {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const [first = '', ...failed] = text.split('\n');
  try {
    return { head: JSON.parse(first) as Head, failed: failed.filter((line) => line !== '') };
  } catch {
    return undefined; // it was being written when the controller stopped: nothing had begun
  }
}

function resumed(file: string, earlier: Earlier, { playbook, digest }: Wanted): RunRecord {
  if (earlier === undefined)
    throw new CaravanError(
      'input',
      `--resume: no run of ${playbook} is known that did not end well`,
      {
        hint: 'run it without --resume; the record is looked for in the folder .caravan beside the inventory, or --state',
      },
    );
  if (earlier.head.digest !== digest)
    throw new CaravanError(
      'input',
      `--resume: ${playbook}, or a file that it imports, is not what it was at ${earlier.head.startedAt}, so its tasks cannot be told from those that were done`,
      { hint: 'run it without --resume, or take the changes back' },
    );
  return kept(file, earlier.head.run, earlier.failed);
}

function kept(file: string, run: string, failed: readonly string[] | undefined): RunRecord {
  return {
    ...{ run, isResumed: failed !== undefined, failed: failed ?? [] },
    keepFailed: (attempt) => {
      appendFileSync(file, `${attempt}\n`);
    },
    endedWell: () => {
      rmSync(file, { force: true });
    },
  };
}
