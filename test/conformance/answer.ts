import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** What a run did, in words that both programs share. */
export interface Answer {
  readonly exit: number;
  /** Plays, tasks and handlers in the order in which they started. */
  readonly order: readonly string[];
  /** By host: `task: status` in order, the items of a loop one by one. */
  readonly results: Readonly<Record<string, readonly string[]>>;
  readonly recap: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By host: registered results and facts that were set. */
  readonly vars: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** By path: type, mode, owner, content. */
  readonly files: Readonly<Record<string, string>>;
  /** What it printed, for a person who looks at a difference. */
  readonly log?: string;
}

/** Everything under a folder, one line a path. */
export function filesUnder(folder: string, at = ''): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(folder, at)).sort()) {
    const path = join(at, name);
    const stat = lstatSync(join(folder, path));
    const type = stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'file';
    const mode = type === 'link' ? '' : (stat.mode & 0o7777).toString(8);
    const content =
      type === 'file'
        ? readFileSync(join(folder, path), 'latin1')
        : type === 'link'
          ? readlinkSync(join(folder, path))
          : '';
    found[path] = `${type} ${mode} ${stat.uid}:${stat.gid} ${content}`;
    if (type === 'folder') Object.assign(found, filesUnder(folder, path));
  }
  return found;
}

/**
 * What a result holds in Ansible and not here, by intent: see docs/ansible.md. Times differ from
 * run to run, and the wording of failures is our own.
 */
const NOT_COMPARED = [
  ...['start', 'end', 'delta', 'elapsed', 'atime', 'ctime', 'mtime', 'invocation', 'exception'],
  ...[
    'warnings',
    'deprecations',
    'diff',
    'ansible_facts',
    'md5sum',
    'reason',
    'failed_when_result',
  ],
  ...['ansible_job_id', 'finished', 'started', 'discovered_interpreter_python', 'unreachable'],
  ...['failed_when_suppressed_exception', 'module_stdout', 'module_stderr', 'skip_reason'],
  ...['false_condition', 'skipped_reason', 'obj', 'cmd'],
  // Of a file that was written: what is there is compared, and `stat` tells it.
  ...['src', 'uid', 'gid', 'owner', 'group', 'state', 'size'],
  // What a POSIX shell does not tell of a file.
  ...['inode', 'dev', 'blocks', 'block_size', 'device_type', 'mimetype', 'charset', 'version'],
  ...['attributes', 'attr_flags', 'readable', 'writeable', 'executable', 'remote_md5sum'],
];

/** Where a value of Ansible's differs from ours, one line each; what only we have is no difference. */
export function differences(theirs: unknown, ours: unknown, path = ''): string[] {
  if (path.endsWith('.ansible_failed_task') && isPlain(theirs))
    return differences({ name: theirs['name'], action: theirs['action'] }, ours, `${path} `);
  if (isPlain(theirs) && isPlain(ours)) {
    const failed = theirs['failed'] === true || theirs['unreachable'] === true;
    return Object.entries(theirs).flatMap(([key, value]) =>
      NOT_COMPARED.includes(key) || key.startsWith('_ansible') || (failed && key === 'msg')
        ? []
        : differences(value, ours[key], `${path}.${key}`),
    );
  }
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length)
    return theirs.flatMap((value, i) => differences(value, ours[i], `${path}[${i}]`));
  if (isDeepStrictEqual(theirs, ours)) return [];
  return [`${path}: ansible ${JSON.stringify(theirs)}, caravan ${JSON.stringify(ours)}`];
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
