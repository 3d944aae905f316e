"""Runs a program on a pseudo-terminal and writes what it shows there to standard output, until it ends or has shown a text.

at_a_terminal.py STOP_AT PROGRAM [ARGUMENT ...]: with STOP_AT other than "", the program is asked to leave once it has shown that.
"""

import os
import pty
import signal
import sys

stop_at, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
shown = b""
is_asked = False
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        # The other side of the terminal is closed.
        break
    if not part:
        break
    shown += part
    if stop_at and stop_at in shown and not is_asked:
        is_asked = True
        os.kill(child, signal.SIGTERM)
_, status = os.waitpid(child, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))
