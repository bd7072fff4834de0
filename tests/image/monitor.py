#!/usr/bin/env python3
"""monitor.py SOCKET COMMAND: tells QEMU's monitor something, and prints what it answers; a command that does what it is told
answers nothing, or OK."""

import socket
import sys

PROMPT = b"(qemu) "
WITHIN_S = 10


def until_prompt(monitor):
    """What is told up to the next prompt."""
    text = b""
    while not text.endswith(PROMPT):
        got = monitor.recv(4096)
        if not got:
            sys.exit("monitor.py: QEMU ended")
        text += got
    return text[: -len(PROMPT)]


def main():
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(WITHIN_S)
        monitor.connect(sys.argv[1])
        until_prompt(monitor)
        monitor.sendall(sys.argv[2].encode() + b"\n")
        # The first line is the command itself, as a terminal shows it.
        answer = until_prompt(monitor).decode(errors="replace").partition("\n")[2].strip()
    if answer not in ("", "OK"):
        sys.exit(answer)


main()
