import { CaravanError } from '../values/error.js';
import type { Json, JsonObject } from '../values/json.js';
import type { Secret } from '../values/secret.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { FileSend, StepOptions, StepResult } from '../transport/port.js';
import type { Applied, Change, ModuleContext } from './module.js';
import { transferProgress } from './transfer-progress.js';

/** A file to be written whole, atomically. */
export interface WriteChange extends Change {
  readonly kind: 'write';
  readonly path: string;
  readonly content: string | Buffer | Secret | Secret<Buffer>;
  /** For example 0o600. Default: that of the file there, else 0o644. */
  readonly mode?: number;
  /** `user:group`. Default: that of the file there. */
  readonly owner?: string;
  /** See `FileWrite.temporaryFolder`. */
  readonly temporaryFolder?: string;
}

/** A file or folder to be removed, with all that is in it. */
export interface RemoveChange extends Change {
  readonly kind: 'remove';
  readonly path: string;
}

/** A script to be run. */
export interface RunChange extends Change {
  readonly kind: 'run';
  readonly script: Script;
  readonly stdin?: NonNullable<StepOptions['stdin']>;
  /** The key of the task's result under which what the script prints is kept. */
  readonly prints?: string;
  /** Default: what is left of the task's time. */
  readonly timeoutMs?: number;
}

/** Keeps a copy of a file as it was, with process and time in its name; `key` in the result tells it. */
export function keepCopy(path: string, key: string): RunChange {
  return {
    kind: 'run',
    summary: `keep a copy of ${path}`,
    script: sh`k=${path}."$$.$(date +%Y-%m-%d@%H:%M:%S~)" && cp -p -- ${path} "$k" && printf %s "$k"`,
    prints: key,
  };
}

/** Makes a folder with those above it that are missing, all with the same attributes. */
export function makeFolders(
  paths: readonly string[],
  { mode, owner }: { readonly mode?: string | undefined; readonly owner?: string | undefined },
): RunChange {
  return {
    kind: 'run',
    summary: `create folder ${paths.join(', ')}`,
    script: joinScripts(
      paths.map(
        (path) => sh`d=${path}; set --
while [ ! -e "$d" ]; do set -- "$d" "$@"; d=$(dirname -- "$d"); done
mkdir -p -- ${path} || exit
[ $# -eq 0 ] || { ${mode === undefined ? sh`:` : sh`chmod ${mode} -- "$@"`} && ${owner === undefined ? sh`:` : sh`chown ${owner} -- "$@"`}; } || exit`,
      ),
    ),
  };
}

/** A large file of the controller to be put in place by a stream. */
export interface SendChange extends Change, Omit<FileSend, 'onProgress'> {
  readonly kind: 'send';
  readonly isAlone: true;
}

/** What most modules change on a host, as data. */
export type HostChange = WriteChange | SendChange | RemoveChange | RunChange;

/** Lines of standard error that an error carries. */
const STDERR_LINES = 20;

/** The error of a step that ended with an exit code other than 0. */
export function commandError(what: string, result: StepResult, host: string): CaravanError {
  const ended =
    result.code === null ? 'was ended by a signal' : `ended with exit code ${result.code}`;
  const tail = (result.stderr.trim() || result.stdout.trim())
    .split('\n')
    .slice(-STDERR_LINES)
    .join('\n');
  return new CaravanError('command', `${what} ${ended}${tail === '' ? '' : `: ${tail}`}`, { host });
}

async function applyOne(
  change: HostChange,
  context: ModuleContext,
  together: Pick<StepOptions, 'batch' | 'chained'>,
): Promise<JsonObject> {
  const { connection, host } = context;
  switch (change.kind) {
    case 'write': {
      const { path, content, mode, owner, temporaryFolder } = change;
      await connection.writeFile(
        {
          path,
          content,
          ...(mode === undefined ? {} : { mode }),
          ...(owner === undefined ? {} : { owner }),
          ...(temporaryFolder === undefined ? {} : { temporaryFolder }),
        },
        together,
      );
      return {};
    }
    case 'send': {
      const onProgress = transferProgress(change.source.size, context);
      await connection.sendFile({ ...change, onProgress });
      return {};
    }
    case 'remove': {
      const result = await connection.run(sh`rm -rf -- ${change.path}`, {
        ...{ once: true, ...together },
      });
      if (result.code !== 0) throw commandError(`remove ${change.path}`, result, host.name);
      return {};
    }
    case 'run': {
      const { script, stdin, timeoutMs, summary, prints } = change;
      const result = await connection.run(script, {
        ...{ once: true, ...together },
        ...(stdin === undefined ? {} : { stdin }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
      if (result.code !== 0) throw commandError(summary, result, host.name);
      return prints === undefined ? {} : { [prints]: result.stdout };
    }
  }
}

/**
 * Applies changes in order, stopping at the first that fails; all in one round trip, but for large
 * files, which go one by one.
 * @throws CaravanError command with the change, the exit code and the tail of standard error.
 */
export async function applyHostChanges(
  changes: readonly HostChange[],
  context: ModuleContext,
): Promise<Applied> {
  let left = changes;
  const result: Record<string, Json> = {};
  while (left.length > 0) {
    const at = left.findIndex(({ kind }) => kind === 'send');
    const next = left.slice(0, at < 0 ? left.length : Math.max(at, 1));
    Object.assign(result, ...(await applyTogether(next, context)));
    left = left.slice(next.length);
  }
  return Object.keys(result).length === 0 ? {} : { result };
}

async function applyTogether(
  changes: readonly HostChange[],
  context: ModuleContext,
): Promise<JsonObject[]> {
  const together = { batch: { name: 'changes' }, chained: true };
  const results = await Promise.allSettled(
    changes.map((change) => applyOne(change, context, together)),
  );
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason as Error;
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}
