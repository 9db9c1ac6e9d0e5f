import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import { digestOf } from '../values/digest.js';
import { CaravanError } from '../values/error.js';
import { joinScripts, quoteWord, sh, type Script } from '../values/shell.js';
import type { FileWrite, StepResult } from './port.js';
import { base64Lines } from './step-text.js';

/** Exit code of the script where the bytes that arrived are not those that were sent. */
export const DAMAGED = 91;

/** What the script prints when a file is in its place, where somebody waits for that. */
export const RENAMED = 'renamed';

/** Modes that a new file can get from the umask, so that no `chmod` is needed. */
const PLAIN_MODES = 0o666;

/** Where a file goes, and whose it is. */
export type FileAttributes = Pick<FileWrite, 'path' | 'mode' | 'owner' | 'temporaryFolder'>;

/** One file with its bytes. */
export interface FileBytes {
  readonly file: FileWrite;
  readonly content: Buffer;
}

/** Attributes as GNU's stat is asked for them, and as BSD's is; and the SHA-256 of standard input. */
export const FUNCTIONS = sh`fail() { code=$1; shift; echo "$*" >&2; exit "$code"; }
about() { stat -L -c "$1" -- "$3" 2>/dev/null || stat -L -f "$2" -- "$3"; }
sum() { s=$(sha256sum 2>/dev/null || shasum -a 256); echo "\${s%% *}"; }`;

/**
 * A script that puts files in place, in one step: temporary files with random names, SHA-256,
 * owner, mode, sync; then each is renamed, and the folders are synced. Whatever fails before the
 * first rename, all files that were there stay as they were and the temporary ones go.
 *
 * The path itself is replaced: where it is a symbolic link, the link becomes the file, and what it
 * pointed at stays as it is (its mode and owner are the defaults). A folder is refused.
 *
 * The bytes of a single file come through standard input; those of several stand in the script.
 */
export function writeFilesScript(files: readonly FileBytes[]): Script {
  const all = files.map(({ file, content }, i) => {
    const folder = posix.dirname(file.path);
    // Without the file's own name, which may be as long as names can be.
    const name = `.caravan-${randomUUID()}.tmp`;
    const temporary = posix.join(file.temporaryFolder ?? folder, name);
    return { file, content, folder, temporary, number: i + 1 };
  });
  const temporaries = all.map(({ temporary }) => temporary);
  return joinScripts([
    FUNCTIONS,
    sh`trap ${`rm -f -- ${temporaries.map(quoteWord).join(' ')}`} EXIT
trap 'exit 143' HUP INT TERM
trap '' PIPE`,
    files.length > 1 ? PUT : sh``,
    ...all.map((one) => prepareScript(one, files.length === 1)),
    ...(files.length === 1 ? [] : [checkAll(all)]),
    sh`sync -- ${temporaries} 2>/dev/null || sync`,
    ...all.flatMap(({ file: { beforeRename, onRenamed, path }, temporary }) => [
      beforeRename
        ? sh`( ${beforeRename}
) >/dev/null 2>&1`
        : sh``,
      sh`mv -f -- ${temporary} ${path} || exit 1`,
      onRenamed ? sh`echo ${RENAMED}` : sh``,
    ]),
    sh`trap - EXIT
sync -- ${[...new Set(all.map(({ folder }) => folder))]} 2>/dev/null || sync`,
  ]);
}

interface Prepared extends FileBytes {
  readonly folder: string;
  readonly temporary: string;
  readonly number: number;
}

/** Makes the temporary file, with its mode and owner. */
function prepareScript(one: Prepared, isSingle: boolean): Script {
  const { file, content, temporary } = one;
  const { mode } = file;
  const isPlain = mode !== undefined && (mode & ~PLAIN_MODES) === 0;
  const received = isSingle ? sh`cat >"$tmp"` : inScript(content);
  return joinScripts([
    namesScript(file, temporary),
    sh`umask ${isPlain ? (0o777 & ~mode).toString(8).padStart(3, '0') : '077'}
set -C
${received} || fail 1 "cannot write $tmp"
set +C`,
    isSingle ? sumScript(digestOf('sha256', content)) : sh``,
    attributesScript(file, isPlain),
  ]);
}

/** Names the files; a folder is refused. */
export function namesScript({ path, owner = '' }: FileAttributes, temporary: string): Script {
  return sh`target=${path}; tmp=${temporary}; owner=${owner}; mode=
[ ! -d "$target" ] || fail 1 "$target is a folder (or a link to one)"`;
}

/** Gives the temporary file the owner and the mode (unless it `hasMode`) that the target shall have. */
export function attributesScript(file: FileAttributes, hasMode = false): Script {
  const { path, mode, temporaryFolder } = file;
  const folder = posix.dirname(path);
  const elsewhere =
    temporaryFolder === undefined || temporaryFolder === folder
      ? sh``
      : sh`[ "$(about %d %d "$tmp")" = "$(about %d %d ${folder})" ] ||
  fail 1 ${`${temporaryFolder} is not on the file system of ${folder}, so a rename would not be atomic`}`;
  return joinScripts([
    elsewhere,
    // What belongs to us is ours again; else it stays whose it was.
    sh`if [ -e "$target" ]; then
${mode === undefined ? sh`mode=$(about %a %Lp "$target")` : sh`:`}
[ -n "$owner" ] || { [ -O "$target" ] && [ -G "$target" ] && [ -G "$tmp" ]; } ||
  owner=$(about %u:%g %u:%g "$target")
fi
[ -z "$owner" ] || chown -- "$owner" "$tmp" || exit 1`,
    hasMode
      ? sh``
      : sh`chmod -- ${mode === undefined ? sh`"\${mode:-644}"` : mode.toString(8)} "$tmp" || exit 1`,
  ]);
}

/**
 * Writes a text and a newline, with no program where the shell can. A `printf` that is one would show
 * the text in its argv.
 */
const PUT = sh`if PATH=/nowhere printf '' 2>/dev/null; then put() { printf '%s\\n' "$1"; }
else put() { cat <<~
$1
~
}
fi`;

/** What any shell passes on as it is, with a newline at its end. */
const PLAIN_TEXT = /^[\t\n\x20-\x7e]*\n$/;

/** The bytes of a file as they stand in the script. The end of the heredoc cannot stand in base64. */
function inScript(content: Buffer): Script {
  const text = content.toString('latin1');
  if (PLAIN_TEXT.test(text)) return sh`put ${text.slice(0, -1)} >"$tmp"`;
  const lines = [...base64Lines(content)].map((line) => sh`${line}`);
  return joinScripts([sh`base64 -d >"$tmp" <<'~'`, ...lines, sh`~\n[ $? = 0 ]`]);
}

/** Ends with {@link DAMAGED} where the temporary file has another SHA-256. */
export function sumScript(sha256: string): Script {
  return sh`found=$(sum <"$tmp")
[ "$found" = ${sha256} ] || fail ${DAMAGED} "found SHA-256 $found"`;
}

/** One program checks all; where it finds one that differs, or is not there, it is asked for sums. */
function checkAll(all: readonly Prepared[]): Script {
  const temporaries = all.map(({ temporary }) => temporary);
  const sums = all.map(({ content }) => digestOf('sha256', content));
  const list = all.map(({ temporary }, i) => `${sums[i] ?? ''}  ${temporary}`).join('\n');
  // A sum with a backslash in front is that of a file with an odd name.
  return sh`list=${list}
sha256sum -c >/dev/null 2>&1 <<~ || {
$list
~
found=$({ sha256sum -- ${temporaries} 2>/dev/null || shasum -a 256 -- ${temporaries}; } |
  while read -r sum name; do echo "\${sum#\\\\}"; done)
[ "$found" = ${sums.join('\n')} ] || fail ${DAMAGED} "found SHA-256 $found"
}`;
}

/** Throws what a result of {@link writeFilesScript} says went wrong. */
export function checkWritten(host: string, files: readonly FileBytes[], result: StepResult): void {
  const path = files.map(({ file }) => file.path).join(', ');
  if (result.code !== 0) throw writeError(host, path, result);
}

/** What an exit code other than 0 means. */
export function writeError(host: string, path: string, result: StepResult): CaravanError {
  const said = result.stderr.trim() || `exit code ${String(result.code)}`;
  return result.code === DAMAGED
    ? new CaravanError(
        'verify',
        `${host}: ${path} arrived damaged and was not put in place: ${said}`,
        { host },
      )
    : new CaravanError('command', `${host}: ${path} could not be written: ${said}`, { host });
}
