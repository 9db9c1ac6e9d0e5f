"""Runs a program and says what it cost, its whole tree of processes included.

    measure.py <file for the figures> <deadline, seconds> <program> [argument]...

Writes {"seconds", "cpuSeconds", "rssMb", "code"} as JSON; `code` is null past the deadline.
Processes that leave their parent (OpenSSH's ControlPersist masters) are adopted, counted and ended
with the program. Memory is the largest sum of the tree's proportional set sizes seen twice a
second, or the largest resident set of one process where that is more. Linux.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36


def below(pid):
    """Process ids of all descendants."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            found = [int(child) for child in children.read().split()]
    except OSError:
        return []
    return found + [pid for child in found for pid in below(child)]


def size(pid):
    """Proportional set size, KiB."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return 0


def main(file, deadline, argv):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os.execvp(argv[0], argv)
    peak, looked, code, seconds = 0, start, None, None
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        now = time.monotonic()
        if pid == child:
            code, seconds = os.waitstatus_to_exitcode(status), now - start
            break
        if now - start > deadline:
            seconds = now - start
            break
        if now - looked > 0.5:
            looked = now
            peak = max(peak, sum(size(pid) for pid in below(os.getpid())))
        if pid == 0:
            time.sleep(0.004)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + 5
        while (left := below(os.getpid())) and time.monotonic() < until:
            for pid in left:
                try:
                    os.kill(pid, sent)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
            try:
                while os.waitpid(-1, os.WNOHANG)[0] != 0:
                    pass
            except ChildProcessError:
                break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "seconds": seconds,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "rssMb": max(peak, used.ru_maxrss) / 1024,
        "code": code,
    }
    with open(file, "w") as out:
        json.dump(figures, out)


main(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
