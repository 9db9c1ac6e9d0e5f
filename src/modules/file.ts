import * as z from 'zod';
import { readFact } from '../facts/fact.js';
import { fileStat, placesOf, type FileStat } from '../facts/file-stat.js';
import { sh } from '../values/shell.js';
import {
  attributeChanges,
  modeBits,
  modeInput,
  pathInput,
  octal,
  ownerOf,
  wantedMode,
  type Mode,
} from './file-input.js';
import { applyHostChanges, makeFolders, type HostChange } from './host-change.js';
import type { Connection } from '../transport/port.js';
import type { TaskModule, Verdict } from './module.js';

const timeInput = z.enum(['now', 'preserve']).optional();

const input = z
  .strictObject({
    path: pathInput,
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
    /** Whether `touch` sets the times of a file that is there (default: `now`). */
    modification_time: timeInput,
    access_time: timeInput,
  })
  .refine(
    ({ state, modification_time: modified, access_time: read }) =>
      state === 'touch' || (modified !== 'now' && read !== 'now'),
    { message: "a time 'now' belongs to state touch" },
  )
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
  // A new hard link's mode is that of the file, which is not looked at.
  const mode = state === 'link' ? '0777' : isSame ? octal(stat.mode) : undefined;
  const result = { dest: path, src, ...(mode && { mode }) };
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

function creation(state: string, stat: FileStat, given: Input): HostChange[] {
  const { path, mode } = given;
  // Folders above that are made on the way get the same attributes, as Ansible has it.
  if (state === 'directory') {
    const bits = mode === undefined ? mode : octal(wantedMode(stat, given, 'directory'));
    return [makeFolders([path], { mode: bits, owner: ownerOf(given) })];
  }
  if (state !== 'touch') return [];
  const keeps = stat.type !== 'absent';
  const times = [
    ...(keeps && given.access_time === 'preserve' ? [] : ['-a']),
    ...(keeps && given.modification_time === 'preserve' ? [] : ['-m']),
  ];
  return times.length === 0 ? [] : [run(`touch ${path}`, sh`touch ${times} -- ${path}`)];
}

function shown(mode: Mode): string {
  return typeof mode === 'number' ? octal(mode) : mode;
}

function recursion({ differing }: Seen, given: Input): HostChange[] {
  if (!given.recurse || differing === 0) return [];
  const owner = ownerOf(given);
  const { path, mode } = given;
  return [
    ...(mode === undefined
      ? []
      : [run(`set mode below ${path} to ${shown(mode)}`, sh`chmod -R ${shown(mode)} -- ${path}`)]),
    ...(owner === undefined
      ? []
      : [run(`set owner below ${path} to ${owner}`, sh`chown -h -R ${owner} -- ${path}`)]),
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
  const made = state === 'directory' ? 'directory' : 'file';
  const creates = state === 'touch' || !isThere ? creation(state, stat, given) : [];
  const changes = [...creates, ...attributeChanges(stat, given, made), ...recursion(seen, given)];
  const mode = octal(wantedMode(stat, given, made));
  const result = { ...(state === 'touch' ? { dest: path } : { path }), mode };
  return changes.length > 0
    ? { changes, result }
    : { changes, reason: `${path} is as asked`, result };
}

/** How many paths below a folder have other attributes than asked. Links have no mode of their own. */
async function countDiffering(given: Input, connection: Connection): Promise<number> {
  const { path, mode } = given;
  const [user, group] = ownerOf(given)?.split(':') ?? [];
  const tests = [
    ...(typeof mode === 'number' ? ['!', '-type', 'l', '!', '-perm', octal(mode), '-o'] : []),
    ...(user ? ['!', '-user', user, '-o'] : []),
    ...(group ? ['!', '-group', group, '-o'] : []),
  ].slice(0, -1);
  const clauses = typeof mode === 'string' ? mode : undefined;
  if (tests.length === 0 && clauses === undefined) return 0;
  const byTests = tests.length === 0 ? sh`:` : sh`find ${path} ${tests} | sed 's/.*/differs/'`;
  const modes =
    clauses === undefined ? sh`:` : sh`find ${path} ! -type l -exec stat -c '%a %F' {} +`;
  const { stdout } = await connection.run(sh`${byTests}
${modes}`);
  return stdout.split('\n').filter((line) => {
    if (line === '' || line === 'differs') return line !== '';
    const [bits = '', kind] = line.split(' ');
    const old = Number.parseInt(bits, 8);
    return clauses !== undefined && modeBits(clauses, old, kind === 'directory') !== old;
  }).length;
}

/** Folders, links, absence, and attributes of files. */
export const file: TaskModule<Input, Seen, HostChange> = {
  name: 'file',
  doc: 'Makes a folder or a link, removes a path, touches a file, or sets mode and owner.',
  input,
  hostPaths: ['path', 'src'],
  aliases: { dest: 'path', name: 'path' },
  touches: ({ stat }, { state, src }) =>
    state === 'hard' && src !== undefined ? [...placesOf(stat), src] : placesOf(stat),
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
    return { stat, differing: await countDiffering(given, connection) };
  },
  check,
  apply: (changes, _given, context) => applyHostChanges(changes, context),
};
