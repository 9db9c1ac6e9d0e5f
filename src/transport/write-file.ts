import { createHash, randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { CaravanError } from '../values/error.js';
import { sh, type Script } from '../values/shell.js';
import type { FileWrite, StepResult } from './port.js';

/** Exit code of the script where the bytes that arrived are not those that were sent. */
const DAMAGED = 91;

/** What the script prints when the file is in its place. */
export const RENAMED = 'renamed';

/**
 * A script that puts its standard input in place of a file, in one step: temporary file of mode
 * 0600 with a random name, SHA-256, owner, mode, sync, rename, sync. Whatever fails, the file that
 * was there stays as it was and the temporary file goes.
 *
 * The path itself is replaced: where it is a symbolic link, the link becomes the file, and what it
 * pointed at stays as it is (its mode and owner are the defaults). A folder is refused.
 */
export function writeFileScript(file: FileWrite, content: Buffer): Script {
  const folder = posix.dirname(file.path);
  const name = posix.basename(file.path);
  const random = randomBytes(12).toString('hex');
  const temporary = posix.join(file.temporaryFolder ?? folder, `.${name}.${random}.tmp`);
  const sum = createHash('sha256').update(content).digest('hex');
  return sh`umask 077
target=${file.path}; folder=${folder}; tmp=${temporary}
mode=${file.mode?.toString(8) ?? ''}; owner=${file.owner ?? ''}
fail() { code=$1; shift; echo "$*" >&2; exit "$code"; }
about() { stat -L -c "$1" -- "$3" 2>/dev/null || stat -L -f "$2" -- "$3"; }
trap 'rm -f -- "$tmp"' EXIT
trap 'exit 143' HUP INT TERM
[ ! -d "$target" ] || fail 1 "$target is a folder (or a link to one)"
set -C
cat >"$tmp" || fail 1 "cannot write $tmp"
set +C
found=$(sha256sum <"$tmp" 2>/dev/null || shasum -a 256 <"$tmp")
[ "\${found%% *}" = ${sum} ] || fail ${DAMAGED} "found SHA-256 \${found%% *}"
[ "$(about %d %d "$tmp")" = "$(about %d %d "$folder")" ] ||
  fail 1 "\${tmp%/*} is not on the file system of $folder, so a rename would not be atomic"
if [ -e "$target" ]; then
  [ -n "$mode" ] || mode=$(about %a %Lp "$target")
  [ -n "$owner" ] || owner=$(about %u:%g %u:%g "$target")
fi
[ "\${owner:-same}" = same ] || [ "$owner" = "$(about %u:%g %u:%g "$tmp")" ] ||
  chown -- "$owner" "$tmp" || exit 1
chmod -- "\${mode:-644}" "$tmp" || exit 1
sync -- "$tmp" 2>/dev/null || sync
${
  file.beforeRename
    ? sh`( ${file.beforeRename}
) >/dev/null 2>&1`
    : sh``
}
mv -f -- "$tmp" "$target" || exit 1
echo ${RENAMED}
trap - EXIT
sync -- "$folder" 2>/dev/null || sync`;
}

/** Throws what a result of {@link writeFileScript} says went wrong. */
export function checkWritten(host: string, path: string, result: StepResult): void {
  if (result.code === 0) return;
  const said = result.stderr.trim() || `exit code ${String(result.code)}`;
  throw result.code === DAMAGED
    ? new CaravanError(
        'verify',
        `${host}: ${path} arrived damaged and was not put in place: ${said}`,
        {
          host,
        },
      )
    : new CaravanError('command', `${host}: ${path} could not be written: ${said}`, { host });
}
