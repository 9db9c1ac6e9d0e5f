import * as nodeFs from 'node:fs';
import { dirname } from 'node:path';
import { CaravanError } from '../values/error.js';
import type { EventSink } from '../engine/events.js';

/** The part of `node:fs` that a journal uses. */
export type JournalFs = Pick<
  typeof nodeFs,
  'mkdirSync' | 'openSync' | 'fstatSync' | 'fchmodSync' | 'readSync' | 'writeSync' | 'closeSync'
>;

/** An open journal: for people and for timing, never for truth. */
export interface Journal {
  /** Appends each event as one line of JSON. Never throws; see `failure`. */
  readonly sink: EventSink;
  /** The first write that failed, such as on a full disk; the run goes on without its journal. */
  readonly failure: () => Error | undefined;
  readonly close: () => void;
}

/** Whether the file ends within a line, as after a kill in the middle of a write. */
function endsInLine(fs: JournalFs, fd: number): boolean {
  const { size } = fs.fstatSync(fd);
  if (size === 0) return false;
  const last = Buffer.alloc(1);
  fs.readSync(fd, last, 0, 1, size - 1);
  return last.toString() !== '\n';
}

/**
 * Opens a journal for appending, mode 0600, in a folder that is made with mode 0700 when there is
 * none. Lines are written as they come and not synced. Throws `privilege` when it cannot be opened.
 */
export function openJournal(path: string, fs: JournalFs = nodeFs): Journal {
  let fd: number;
  let endsCut: boolean;
  try {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    fd = fs.openSync(path, 'a+', 0o600);
    fs.fchmodSync(fd, 0o600);
    endsCut = endsInLine(fs, fd);
  } catch (cause) {
    throw new CaravanError('privilege', `cannot open the journal ${path} for appending`, {
      hint: 'choose another folder, or make this one writable',
      cause,
    });
  }
  let failure: Error | undefined;
  let open = true;
  return {
    sink: (event) => {
      if (!open) return;
      let [written, size] = [0, 0];
      try {
        // One write a line: with O_APPEND, two processes do not mix their lines. A disk that gets
        // full takes the first part of it, and tells so at the next write alone.
        const line = Buffer.from(`${endsCut ? '\n' : ''}${JSON.stringify(event)}\n`);
        size = line.length;
        while (written < size) written += fs.writeSync(fd, line, written);
      } catch (thrown) {
        failure ??= thrown instanceof Error ? thrown : new Error(String(thrown));
      }
      if (written > 0) endsCut = written < size;
    },
    failure: () => failure,
    close: () => {
      if (open) fs.closeSync(fd);
      open = false;
    },
  };
}
