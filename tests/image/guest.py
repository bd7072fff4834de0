#!/usr/bin/env python3
"""guest.py SOCKET SECONDS COMMAND: runs a command by the root shell on the machine's second console, prints what it wrote to
standard output and error, and ends as it ended; with 124 where it took longer, and 125 where nobody answers."""

import os
import re
import socket
import sys
import time

# A shell that has just begun answers nothing to what was typed before.
ASK_EVERY_S = 2.0


class Console:
    def __init__(self, path, until):
        self.until, self.text = until, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)

    def read(self, pattern, seconds):
        """What was read up to a pattern, whose match comes back too; none when time is up."""
        end = min(self.until, time.monotonic() + seconds)
        while not (found := re.search(pattern, self.text)):
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                got = self.socket.recv(65536)
            except TimeoutError:
                return None
            if not got:
                return None
            self.text += got
        self.text, before = self.text[found.end() :], self.text[: found.start()]
        return before, found

    def write(self, text):
        self.socket.sendall(text.encode())


def main():
    path, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    until = time.monotonic() + seconds
    try:
        console = Console(path, until)
        # A mark of our own, written so that its echo is not taken for its answer.
        mark = f"{os.getpid()}x{time.monotonic_ns()}"
        while True:
            console.write(f"\x15stty -echo 2>/dev/null; PS1= PS2=; echo 'ready-''{mark}'\n")
            if console.read(rf"ready-{mark}\r?\n".encode(), ASK_EVERY_S):
                break
            if time.monotonic() >= until:
                sys.exit(125)
        # The command as one word, so that the shell does not wait for more of it.
        word = "'" + command.replace("'", "'\\''") + "'"
        console.write(f"bash -c {word} </dev/null 2>&1; echo \"end-{mark}-\"$?\n")
        told = console.read(rf"end-{mark}-(\d+)\r?\n".encode(), seconds)
    except OSError as cause:
        print(f"guest.py: {path}: {cause}", file=sys.stderr)
        sys.exit(125)
    if not told:
        sys.exit(124)
    output, end = told
    # Without what the shell tells a terminal around each line that it reads.
    output = re.sub(rb"^\r?\n", b"", re.sub(rb"\x1b\[\?2004[hl]\r?", b"", output))
    sys.stdout.write(output.decode(errors="replace").replace("\r\n", "\n"))
    sys.exit(int(end[1]))


main()
