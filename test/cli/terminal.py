"""Runs a program on a terminal of its own, of ROWS by COLUMNS. What it writes goes to standard output.
A line 'pause' on standard input stops the program, and says so to the terminal once all that it wrote
is through; 'size ROWS COLUMNS' resizes the terminal and lets it go on, 'type TEXT' types a line, 'stop'
presses Ctrl-C."""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import threading
import time

rows, columns, *program = sys.argv[1:]


def resize(terminal, *size):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', *map(int, size), 0, 0))


child, terminal = pty.fork()
if child == 0:
    resize(0, rows, columns)
    os.execvp(program[0], program)


def tell(data):
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def listen():
    for line in sys.stdin:
        word, _, rest = line.rstrip('\n').partition(' ')
        if word == 'size':
            resize(terminal, *rest.split())
            os.kill(child, signal.SIGCONT)
        elif word == 'pause':
            os.kill(child, signal.SIGSTOP)
            while select.select([terminal], [], [], 0.2)[0]:
                time.sleep(0.02)
            tell(b'\033]9999;paused\007')
        elif word == 'type':
            os.write(terminal, rest.encode() + b'\n')
        elif word == 'stop':
            os.write(terminal, b'\x03')


threading.Thread(target=listen, daemon=True).start()
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    tell(data)
_, status = os.waitpid(child, 0)
os._exit(os.waitstatus_to_exitcode(status) & 0xff)
