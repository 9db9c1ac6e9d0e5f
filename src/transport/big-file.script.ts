import { posix } from 'node:path';
import { digestOf } from '../values/digest.js';
import { joinScripts, sh, type Script } from '../values/shell.js';
import type { FileSend } from './port.js';
import { attributesScript, DAMAGED, FUNCTIONS, namesScript, sumScript } from './write-file.js';

/** A partial file grows, and is gone on with, in whole blocks of this size. */
export const BLOCK_BYTES = 64 * 1024;
/** Of a file of which more is left, this much goes first, and the link is measured with it. */
export const FIRST_BYTES = 1024 * 1024;
const MEASURED_BYTES = 4 * FIRST_BYTES;

/** Digits of a SHA-256 in the name of a partial file. */
const NAME_DIGITS = 24;

/** Longest name, in bytes, that a partial file's name, of at most 255, has room for. */
const NAME_BYTES = 200;

function prefixOf({ path, temporaryFolder }: FileSend): string {
  const own = posix.basename(path);
  const name =
    Buffer.byteLength(own) <= NAME_BYTES
      ? own
      : digestOf('sha256', Buffer.from(own)).slice(0, NAME_DIGITS);
  return posix.join(temporaryFolder ?? posix.dirname(path), `.${name}.caravan-`);
}

/** Where a file is put together on the host: another attempt at the same content finds it. */
export function partialOf(file: FileSend): string {
  return `${prefixOf(file)}${file.source.sha256.slice(0, NAME_DIGITS)}.part`;
}

/**
 * The text for a shell that takes a file's bytes from its standard input. It prints lines of
 * `mark`: `ready SIZE PLAN`, then it waits for bytes from the block on that SIZE lies in.
 *
 * - `done`: the file is in its place, put there by an attempt whose end nobody saw
 * - `whole`: all bytes are there
 * - `plain`: the bytes, until the input ends
 * - `measured`: {@link FIRST_BYTES}; `more` answers; then a line `gzip` or `plain`, which `go`
 *   answers; then the rest, as that line said, until the input ends
 *
 * `end CODE` is the last line. Bytes are written at their place and not appended: what an attempt
 * whose connection was cut still writes are the same bytes at the same place. A partial file that
 * is a link, has a second name, or belongs to or can be written by somebody else, goes, and so do
 * those of other contents. Where the disk is too small nothing is left on it.
 */
export function receiveText(file: FileSend, mark: string): string {
  const { source, path } = file;
  const { size, sha256 } = source;
  const receive = joinScripts([
    FUNCTIONS,
    namesScript(file, partialOf(file)),
    sh`umask 077
tell() { printf '%s %s\\n' ${mark} "$*"; }
for old in ${prefixOf(file)}????????????????????????.part; do
[ "$old" = "$tmp" ] || [ -L "$old" ] || [ ! -f "$old" ] || [ ! -O "$old" ] || rm -f -- "$old"
done
size=0 gzip=
if [ -e "$tmp" ] || [ -L "$tmp" ]; then
[ ! -f "$tmp" ] || [ -L "$tmp" ] || size=$(about '%u %a %h %s' '%u %Lp %l %z' "$tmp")
case $size in
"$(id -u) 600 1 "*) size=\${size##* } ;;
*) size=-1 ;;
esac
[ "$size" -ge 0 ] && [ "$size" -le ${size} ] || { size=0; rm -f -- "$tmp" || exit; }
fi
if [ ! -e "$tmp" ]; then
if [ -f ${path} ] && [ ! -L ${path} ] && [ "$(about %s %z ${path})" = ${size} ] &&
[ "$(sum <${path})" = ${sha256} ]; then tell ready ${size} done; exit; fi
( set -C; : >"$tmp" ) && chmod 600 "$tmp" || exit
fi
[ "$size" -lt ${size} ] || { tell ready ${size} whole; exit; }
left=$((${size} - size))`,
    freeScript(posix.dirname(partialOf(file))),
    sh`at=$((size / ${BLOCK_BYTES}))
put() {
dd ibs=${BLOCK_BYTES} obs=${BLOCK_BYTES} seek="$at" conv=notrunc of="$tmp" && return
code=$?
[ "$code" -gt 128 ] || rm -f -- "$tmp"
exit "$code"
}
how=plain
if [ "$left" -gt ${MEASURED_BYTES} ] && command -v gzip >/dev/null; then
tell ready "$size" measured
head -c ${FIRST_BYTES} | put || exit
at=$((at + ${FIRST_BYTES / BLOCK_BYTES}))
tell more
read -r how
tell go
else tell ready "$size" plain
fi
case $how in
gzip) gzip -dc | put ;;
*) put ;;
esac`,
  ]);
  return `{ (\n${receive.text}\n); printf '%s end %s\\n' ${mark} "$?"; exit; }\n`;
}

/** Free space as df knows it: the word in front of the percentage. */
function freeScript(folder: string): Script {
  return sh`free=
for word in $(df -Pk -- ${folder} 2>/dev/null | tail -n 1); do
case $word in *%) break ;; esac
free=$word
done
case $free in
'' | *[!0-9]*) ;;
*) [ $((free * 1024)) -ge "$left" ] || {
rm -f -- "$tmp"
fail 1 "No space left on device: $((left / 1024)) KiB are needed and $free KiB free"
} ;;
esac`;
}

/**
 * A script that checks a file that has arrived, gives it its owner and mode, and renames it, as
 * `writeFilesScript` does. What fails takes the partial file with it; what is stopped leaves it.
 */
export function finishScript(file: FileSend): Script {
  const { path, source, validate } = file;
  const partial = partialOf(file);
  return joinScripts([
    FUNCTIONS,
    namesScript(file, partial),
    sh`if [ ! -e "$tmp" ]; then
[ "$(sum <"$target")" != ${source.sha256} ] || exit 0
fail ${DAMAGED} "$tmp is gone"
fi
trap 'rm -f -- "$tmp"' EXIT
trap 'trap - EXIT; exit 143' HUP INT TERM
trap '' PIPE`,
    sumScript(source.sha256),
    validate === undefined
      ? sh``
      : sh`/bin/sh -c ${validate.replaceAll('%s', '"$0"')} "$tmp" </dev/null >&2 ||
fail 1 ${`'${validate}' did not accept it`}`,
    attributesScript(file),
    sh`sync -- "$tmp" 2>/dev/null || sync
mv -f -- "$tmp" "$target" || exit 1
trap - EXIT
sync -- ${posix.dirname(path)} 2>/dev/null || sync`,
  ]);
}
