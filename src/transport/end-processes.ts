import { sh, type Script } from '../values/shell.js';
import type { ReceiptName } from './port.js';
import { receiptFile } from './step-text.js';

/**
 * Ends a shell and all that its step runs, and says by its exit code whether all are gone.
 *
 * A step cannot have a process group of its own: `set -m` needs a terminal in dash and busybox.
 * So the processes are found: those below the shell, and those in its session (Linux) or process
 * group (elsewhere), which also holds what was left behind in the background. Of these last, what
 * began before the step is an earlier one's and goes on (on Linux, where times can be told). They are
 * stopped first, so that none can fork away; then asked to end, and after two seconds killed.
 *
 * What stands above the shell is left alone: sudo is in the same session, another user's, and ends
 * with its shell.
 *
 * To be run from another shell of the same user. Needs `/proc` or POSIX `ps`.
 * @param receipt of a step that may run in a shell of an earlier connection, which is ended too
 */
export function endProcessesScript(shellPid: number, receipt?: ReceiptName): Script {
  const claim = receipt === undefined ? sh`''` : receiptFile(receipt);
  return sh`shells=${shellPid}
claim=${claim}
if [ -n "$claim" ] && [ ! -s "$claim.rc" ] && { read -r other then <"$claim"; } 2>/dev/null; then
  boot=-; name=; its=; { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
  { read -r name </proc/$shells/comm; read -r its </proc/$other/comm; } 2>/dev/null
  # Its number may be that of another program by now.
  if [ "$other" != "$shells" ] && [ "$then $its" = "$boot $name" ]; then
    shells="$shells $other"
  fi
fi
if [ -r /proc/self/stat ]; then
  list() {
    for stat in /proc/[0-9]*/stat; do
      { read -r line <"$stat"; } 2>/dev/null || continue
      pid=\${line%% *}
      set -- \${line##*) }
      case $1 in [ZX]) ;; *) echo "$pid $2 $4 \${20}" ;; esac
    done
  }
else
  list() { ps -A -o pid= -o ppid= -o pgid= | while read -r line; do echo "$line 0"; done; }
fi
of() {
  echo "$all" | while read -r pid parent its began; do
    if [ "$pid" = "$1" ]; then echo "$parent $its"; fi
  done
}
is_ours() {
  case $known in *" $2 "*) return 0 ;; esac
  [ "$3" = "$group" ] && [ -n "$since" ] || return
  # Ticks are coarse: within one, numbers tell. Where no time is told, all may be the step's.
  [ "$4" -gt "$since" ] || [ "$4" = 0 ] || { [ "$4" = "$since" ] && [ "$1" -gt "$first" ]; }
}
grow() {
  added=0
  set -- $(list)
  while [ $# -ge 4 ]; do
    case "$known$above" in
      *" $1 "*) ;;
      *) if is_ours "$@"; then known="$known$1 "; kill -STOP "$1" 2>/dev/null; added=1; fi ;;
    esac
    shift 4
  done
}
left() {
  rest=
  set -- $(list)
  while [ $# -ge 4 ]; do
    case "$known" in *" $1 "*) rest="$rest $1" ;; esac
    shift 4
  done
}
await() {
  tries=0
  left
  while [ -n "$rest" ] && [ $tries -lt 20 ]; do
    tries=$((tries + 1))
    sleep 0.1 2>/dev/null || sleep 1
    left
  done
}
end() {
  all=$(list)
  group=$(of "$1"); group=\${group#* }
  above=" "; up=$1
  for level in 1 2 3; do up=$(of "$up"); up=\${up%% *}; above="$above$up "; done
  known=" $1 "
  kill -STOP "$1" 2>/dev/null
  # The step is what the shell waits for, so it began when the first of that did.
  since=; shell=$1
  set -- $(list)
  while [ $# -ge 4 ]; do
    if [ "$2" = "$shell" ] && [ "$4" -le "\${since:-$4}" ]; then since=$4; first=$1; fi
    shift 4
  done
  grow
  while [ $added = 1 ]; do grow; done
  kill -TERM $known 2>/dev/null
  kill -CONT $known 2>/dev/null
  await
  [ -z "$rest" ] && return
  kill -KILL $rest 2>/dev/null
  await
  [ -z "$rest" ]
}
for shell in $shells; do end "$shell" || exit 1; done`;
}
