#!/usr/bin/env python3
"""take.py FILE: prints a port of the loopback, takes what one connection to it sends into the file, and prints how many bytes it was."""

import socket
import sys

WITHIN_S = 120


def main():
    with socket.socket() as door, open(sys.argv[1], "wb") as file:
        door.bind(("127.0.0.1", 0))
        door.listen(1)
        door.settimeout(WITHIN_S)
        print(door.getsockname()[1], flush=True)
        sender, _ = door.accept()
        with sender:
            sender.settimeout(WITHIN_S)
            while piece := sender.recv(1 << 16):
                file.write(piece)
        print(file.tell())


main()
