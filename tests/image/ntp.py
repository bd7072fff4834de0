#!/usr/bin/env python3
"""ntp.py PORT: tells the time on the loopback by SNTP (RFC 4330) until it is ended; says `ready` when it listens."""

import socket
import struct
import sys
import time

# Seconds from 1900 to 1970.
SINCE_1900 = 2208988800


def stamp(seconds):
    """A timestamp of NTP: seconds since 1900, and 32 bits of their fraction."""
    whole = int(seconds)
    return struct.pack("!II", (whole + SINCE_1900) & 0xFFFFFFFF, int((seconds - whole) * (1 << 32)))


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as at:
        at.bind(("127.0.0.1", int(sys.argv[1])))
        print("ready", flush=True)
        while True:
            asked, who = at.recvfrom(512)
            arrived = time.time()
            if len(asked) < 48:
                continue
            # No leap second, the asker's version, a server (4) of stratum 2, a precision of about a microsecond; root delay
            # and dispersion of a millisecond.
            head = struct.pack("!BBbbII4s", asked[0] & 0x38 | 4, 2, asked[2] & 0x7F, -20, 66, 66, b"\x7f\x7f\x01\x01")
            answer = head + stamp(arrived - 10) + asked[40:48] + stamp(arrived) + stamp(time.time())
            at.sendto(answer, who)


main()
