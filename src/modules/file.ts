import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, type FileStat } from '../facts/file-stat.js';
import { sh } from '../values/shell.js';
import { attributeChanges, modeInput } from './file-input.js';
import { applyHostChanges, type HostChange } from './host-change.js';
import type { TaskModule, Verdict } from './module.js';

const input = z.strictObject({
  path: z.string().refine(isAbsolute, 'must be an absolute path'),
  /** `file` (default) only sets attributes of what is there. */
  state: z.enum(['file', 'directory', 'absent', 'touch']).default('file'),
  mode: modeInput.optional(),
  owner: z.string().optional(),
  group: z.string().optional(),
});

type Input = z.infer<typeof input>;

function refuse(message: string): Verdict<HostChange> {
  return { changes: [], failure: { kind: 'input', message } };
}

function creation({ state, path }: Input): HostChange {
  return state === 'directory'
    ? { kind: 'run', summary: `create folder ${path}`, script: sh`mkdir -p -- ${path}` }
    : { kind: 'run', summary: `touch ${path}`, script: sh`touch -- ${path}` };
}

function check(stat: FileStat, given: Input): Verdict<HostChange> {
  const { state, path } = given;
  const isThere = stat.type !== 'absent';
  if (state === 'absent')
    return isThere
      ? { changes: [{ kind: 'remove', path, summary: `remove ${path}` }] }
      : { changes: [], reason: `${path} is absent` };
  if (state === 'directory' && isThere && stat.type !== 'directory')
    return refuse(`file: ${path} is a ${stat.type}, not a folder`);
  if (state === 'file' && !isThere) return refuse(`file: ${path} does not exist`);
  const creates = state === 'touch' || !isThere ? [creation(given)] : [];
  const changes = [...creates, ...attributeChanges(stat, given)];
  return changes.length > 0 ? { changes } : { changes, reason: `${path} is as asked` };
}

/** Folders, absence, and attributes of files. */
export const file: TaskModule<Input, FileStat, HostChange> = {
  name: 'file',
  doc: 'Makes a folder, removes a path, touches a file, or sets mode and owner.',
  input,
  observe: ({ path, state }, { connection, signal }) =>
    readFact(connection, fileStat(path, { follow: state !== 'absent' }), { signal }),
  check,
  apply: (changes, _given, context) => applyHostChanges(changes, context),
};
