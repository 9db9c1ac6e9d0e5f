import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RunRecord } from '../engine/receipts.js';
import { reasonOf } from '../inventory/vars-files.js';
import { CaravanError } from '../values/error.js';

/** The first line of the file; each one behind it is a file that was read, or an attempt that made its host fail. */
interface Head {
  readonly run: string;
  readonly playbook: string;
  /** SHA-256 of all files of the playbook. */
  readonly digest: string;
  /** SHA-256 of the extra variables. */
  readonly varsDigest: string;
  readonly startedAt: string;
}

/** A file that was read while the run went on. */
interface ReadLater {
  readonly file: string;
  readonly digest: string;
}

/** A record in a file. */
export interface KeptRecord extends RunRecord {
  /**
   * Keeps that a file was read while the run went on.
   * @throws CaravanError input where it is not what the run that is resumed has read
   */
  readonly keepRead: (file: string, text: string) => void;
}

interface Wanted {
  /** Folder that the record is kept in. */
  readonly folder: string;
  /** The playbook, as the operator names it. */
  readonly playbook: string;
  readonly digest: string;
  readonly varsDigest: string;
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
export function openRecord(wanted: Wanted): KeptRecord | undefined {
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
    varsDigest: wanted.varsDigest,
    startedAt: wanted.now.toISOString(),
  };
  try {
    mkdirSync(join(folder, 'runs'), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  } catch (cause) {
    warn(`This run cannot be resumed, since nothing can be kept in ${folder}: ${reasonOf(cause)}`);
    return undefined;
  }
  return kept(file, { head, failed: [], read: [] }, wanted);
}

interface Earlier {
  readonly head: Head;
  readonly failed: readonly string[];
  readonly read: readonly ReadLater[];
}

function read(file: string): Earlier | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  // The last line has no end where the controller was stopped while it wrote.
  const [first = '', ...lines] = text.split('\n').slice(0, -1);
  try {
    const isRead = (line: string): boolean => line.startsWith('{');
    return {
      head: JSON.parse(first) as Head,
      failed: lines.filter((line) => !isRead(line)),
      read: lines.filter(isRead).map((line) => JSON.parse(line) as ReadLater),
    };
  } catch {
    return undefined; // it was being written when the controller stopped: nothing had begun
  }
}

function resumed(file: string, earlier: Earlier | undefined, wanted: Wanted): KeptRecord {
  const { playbook, digest, varsDigest } = wanted;
  if (earlier === undefined)
    throw new CaravanError(
      'input',
      `--resume: no run of ${playbook} is known that did not end well`,
      {
        hint: 'run it without --resume; the record is looked for in the folder .caravan beside the inventory, or --state',
      },
    );
  if (earlier.head.digest !== digest)
    throw isAnother(`${playbook}, or a file that it imports, is`, earlier.head);
  if (earlier.head.varsDigest !== varsDigest)
    throw isAnother('what -e and --extra-vars give is', earlier.head);
  return kept(file, earlier, wanted);
}

function isAnother(what: string, { startedAt }: Head): CaravanError {
  return new CaravanError(
    'input',
    `--resume: ${what} not what it was at ${startedAt}, so its tasks cannot be told from those that were done`,
    { hint: 'run it without --resume, or take the changes back' },
  );
}

function kept(file: string, { head, failed, read }: Earlier, { resume, warn }: Wanted): KeptRecord {
  const append = (line: string): void => {
    try {
      appendFileSync(file, `${line}\n`);
    } catch (cause) {
      // The hosts are in the middle of their work: that goes on.
      warn(`What --resume would need cannot be kept in ${file}: ${reasonOf(cause)}`);
    }
  };
  const known = new Map(read.map((one) => [one.file, one.digest]));
  return {
    ...{ run: head.run, isResumed: resume, failed },
    keepFailed: append,
    keepRead: (path, text) => {
      const digest = createHash('sha256').update(text).digest('hex');
      if (known.get(path) === digest) return;
      if (known.has(path)) throw isAnother(`${path} is`, head);
      known.set(path, digest);
      append(JSON.stringify({ file: path, digest } satisfies ReadLater));
    },
    endedWell: () => {
      rmSync(file, { force: true });
    },
  };
}
