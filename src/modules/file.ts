import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStat } from '../facts/file-stat.js';
import { sh } from '../values/shell.js';
import { attributeChanges, modeInput, octal, ownerOf } from './file-input.js';
import { applyHostChanges, type HostChange } from './host-change.js';
import type { TaskModule, Verdict } from './module.js';

const input = z
  .strictObject({
    path: z.string().refine(isAbsolute, 'must be an absolute path'),
    /** Without it: a folder with `recurse`, a link with `src`, else only attributes are set. */
    state: z.enum(['file', 'directory', 'absent', 'touch', 'link', 'hard']).optional(),
    /** What a link points to. */
    src: z.string().optional(),
    /** A link may point to nothing, and take the place of a file or of an empty folder. */
    force: z.boolean().default(false),
    /** Attributes are those of all below, too. */
    recurse: z.boolean().default(false),
    mode: modeInput.optional(),
    owner: z.string().optional(),
    group: z.string().optional(),
    /** Attributes are set on what a link points to. */
    follow: z.boolean().default(true),
  })
  .refine(({ state, src }) => (state === 'link' || state === 'hard') === (src !== undefined), {
    message: "'src' belongs to state link or hard",
  });

type Input = z.infer<typeof input>;

interface Seen {
  readonly stat: FileStat;
  /** Paths below that have other attributes than asked, with `recurse`. */
  readonly differing: number;
}

function refuse(message: string): Verdict<HostChange> {
  return { changes: [], failure: { kind: 'input', message } };
}

function run(summary: string, script: ReturnType<typeof sh>): HostChange {
  return { kind: 'run', summary, script };
}

function linkChanges(stat: FileStat, { state, path, src = '', force }: Input): Verdict<HostChange> {
  const isSame = state === 'link' ? stat.linkTarget === src : stat.sameAs === src;
  const result = { dest: path, src, mode: '0777' };
  if (isSame) return { changes: [], reason: `${path} is as asked`, result };
  const isInTheWay = stat.type !== 'absent' && stat.type !== 'link';
  const isFolder = stat.type === 'directory';
  if (isInTheWay && (!force || (isFolder && state === 'hard')))
    return refuse(`file: ${path} is a ${stat.type}; 'force' replaces a file or an empty folder`);
  const flags = state === 'link' ? ['-s', '-f', '-n'] : ['-f'];
  const needed =
    state === 'link' && !force
      ? sh`[ -e "$(dirname -- ${path})"/${src} ] || [ -e ${src} ] || { echo ${`${src} does not exist`} >&2; exit 1; }`
      : sh`:`;
  return {
    changes: [
      run(
        `link ${path} to ${src}`,
        sh`${needed}
${isFolder ? sh`rmdir -- ${path} || exit` : sh`:`}
ln ${flags} -- ${src} ${path}`,
      ),
    ],
    result,
  };
}

function creation(state: string, given: Input): HostChange[] {
  const { path, mode } = given;
  const owner = ownerOf(given);
  // Folders above that are made on the way get the same attributes, as Ansible has it.
  if (state === 'directory')
    return [
      run(
        `create folder ${path}`,
        sh`d=${path}; set --
while [ ! -e "$d" ]; do set -- "$d" "$@"; d=$(dirname -- "$d"); done
mkdir -p -- ${path} || exit
${mode === undefined ? sh`:` : sh`chmod ${octal(mode)} -- "$@"`} || exit
${owner === undefined ? sh`:` : sh`chown ${owner} -- "$@"`}`,
      ),
    ];
  return state === 'touch' ? [run(`touch ${path}`, sh`touch -- ${path}`)] : [];
}

function recursion({ differing }: Seen, given: Input): HostChange[] {
  if (!given.recurse || differing === 0) return [];
  const owner = ownerOf(given);
  const { path, mode } = given;
  return [
    ...(mode === undefined
      ? []
      : [run(`set mode below ${path} to ${octal(mode)}`, sh`chmod -R ${octal(mode)} -- ${path}`)]),
    ...(owner === undefined
      ? []
      : [run(`set owner below ${path} to ${owner}`, sh`chown -R ${owner} -- ${path}`)]),
  ];
}

function check(seen: Seen, given: Input): Verdict<HostChange> {
  const { stat } = seen;
  const { path } = given;
  const isThere = stat.type !== 'absent';
  const state = given.state ?? (given.recurse || stat.type === 'directory' ? 'directory' : 'file');
  if (state === 'absent')
    return isThere
      ? { changes: [{ kind: 'remove', path, summary: `remove ${path}` }], result: { path } }
      : { changes: [], reason: `${path} is absent`, result: { path } };
  if (state === 'link' || state === 'hard') return linkChanges(stat, given);
  if (state === 'directory' && isThere && stat.type !== 'directory')
    return refuse(`file: ${path} is a ${stat.type}, not a folder`);
  if (state === 'file' && !isThere)
    return { ...refuse(`file: ${path} does not exist`), result: { path } };
  if (state === 'file' && stat.type === 'directory' && given.state === 'file')
    return refuse(`file: ${path} is a directory, not a file`);
  const creates = state === 'touch' || !isThere ? creation(state, given) : [];
  const changes = [...creates, ...attributeChanges(stat, given), ...recursion(seen, given)];
  const made = state === 'directory' ? 0o755 : 0o644;
  const mode = octal(given.mode ?? (isThere ? stat.mode : made));
  const result = { ...(state === 'touch' ? { dest: path } : { path }), mode };
  return changes.length > 0
    ? { changes, result }
    : { changes, reason: `${path} is as asked`, result };
}

/** Folders, links, absence, and attributes of files. */
export const file: TaskModule<Input, Seen, HostChange> = {
  name: 'file',
  doc: 'Makes a folder or a link, removes a path, touches a file, or sets mode and owner.',
  input,
  aliases: { dest: 'path', name: 'path' },
  touches: ({ stat }) => placesOf(stat),
  observe: async (given, { connection }) => {
    const { path, state, src, follow } = given;
    const isLink = state === 'link' || state === 'hard' || state === 'absent';
    const stat = await readFact(
      connection,
      fileStat(path, {
        follow: follow && !isLink,
        ...(state === 'hard' && src !== undefined ? { sameAs: src } : {}),
      }),
    );
    if (!given.recurse || stat.type !== 'directory') return { stat, differing: 0 };
    const owner = ownerOf(given)?.split(':');
    const tests = [
      ...(given.mode === undefined ? [] : ['!', '-perm', octal(given.mode), '-o']),
      ...(owner?.[0] ? ['!', '-user', owner[0], '-o'] : []),
      ...(owner?.[1] ? ['!', '-group', owner[1], '-o'] : []),
    ].slice(0, -1);
    if (tests.length === 0) return { stat, differing: 0 };
    const found = await connection.run(sh`find ${path} ${tests} | wc -l`);
    return { stat, differing: Number(found.stdout) };
  },
  check,
  apply: (changes, _given, context) => applyHostChanges(changes, context),
};
