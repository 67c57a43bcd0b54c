"""Runs a program at a terminal of its own and types for it: `terminal.py TYPED PROGRAM…`. Each line of TYPED (`^C` for Ctrl-C) is
typed at a prompt, once the terminal does not echo. Prints what the terminal showed, and last whether it echoes and the status."""
import os
import pty
import select
import subprocess
import sys
import termios
import time


def echoes(terminal):
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


typed = sys.argv[1].split("\n")
ours, its = pty.openpty()
child = subprocess.Popen(sys.argv[2:], stdin=its, stdout=its, stderr=its, preexec_fn=lambda: os.login_tty(its))
shown, deadline = b"", time.monotonic() + 60
while time.monotonic() < deadline:
    if select.select([ours], [], [], 0.05)[0]:
        shown += os.read(ours, 4096)
    elif child.poll() is not None:
        break
    elif typed and not echoes(its) and shown.endswith(b": "):
        line = typed.pop(0)
        os.write(ours, b"\x03" if line == "^C" else line.encode() + b"\n")
        shown += b"\n"
print(shown.decode().replace("\r\n", "\n"), end="")
print("echo" if echoes(its) else "no echo", child.poll())
