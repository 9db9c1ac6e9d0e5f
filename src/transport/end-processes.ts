import { sh, type Script } from '../values/shell.js';

/**
 * Ends a shell and all that runs below it, and says by its exit code whether all are gone.
 *
 * A step cannot have a process group of its own: `set -m` needs a terminal in dash and busybox.
 * So the processes are found: those below the shell, and those in its session (Linux) or process
 * group (elsewhere), which also holds what was left behind in the background. They are stopped
 * first, so that none can fork away; then asked to end, and after two seconds killed.
 *
 * What stands above the shell is left alone: sudo is in the same session, another user's, and ends
 * with its shell.
 *
 * To be run from another shell of the same user. Needs `/proc` or POSIX `ps`.
 */
export function endProcessesScript(shellPid: number): Script {
  return sh`shell=${shellPid}
if [ -r /proc/self/stat ]; then
  list() {
    for stat in /proc/[0-9]*/stat; do
      { read -r line <"$stat"; } 2>/dev/null || continue
      pid=\${line%% *}
      set -- \${line##*) }
      case $1 in [ZX]) ;; *) echo "$pid $2 $4" ;; esac
    done
  }
else
  list() { ps -A -o pid= -o ppid= -o pgid=; }
fi
all=$(list)
of() {
  echo "$all" | while read -r pid parent its; do
    if [ "$pid" = "$1" ]; then echo "$parent $its"; fi
  done
}
group=$(of "$shell"); group=\${group#* }
above=" "; up=$shell
for level in 1 2 3; do up=$(of "$up"); up=\${up%% *}; above="$above$up "; done
known=" $shell "
grow() {
  added=0
  set -- $(list)
  while [ $# -ge 3 ]; do
    case "$known$above" in
      *" $1 "*) ;;
      *) case " $group $known" in
        " $3 "* | *" $2 "*) known="$known$1 "; kill -STOP "$1" 2>/dev/null; added=1 ;;
      esac ;;
    esac
    shift 3
  done
}
left() {
  rest=
  set -- $(list)
  while [ $# -ge 3 ]; do
    case "$known" in *" $1 "*) rest="$rest $1" ;; esac
    shift 3
  done
}
kill -STOP "$shell" 2>/dev/null
grow
while [ $added = 1 ]; do grow; done
kill -TERM $known 2>/dev/null
kill -CONT $known 2>/dev/null
tries=0
left
while [ -n "$rest" ] && [ $tries -lt 20 ]; do
  tries=$((tries + 1))
  sleep 0.1 2>/dev/null || sleep 1
  left
done
[ -z "$rest" ] && exit 0
kill -KILL $rest 2>/dev/null
tries=0
while [ -n "$rest" ] && [ $tries -lt 20 ]; do
  tries=$((tries + 1))
  sleep 0.1 2>/dev/null || sleep 1
  left
done
[ -z "$rest" ]`;
}
