#!/usr/bin/env python3
"""frames.py make FILE: a clip of 320x180, 15 pictures a second, with sound, whose pictures carry their number in a strip of
black and white blocks at the top.
frames.py read FILE [LAST-SECONDS]: what a recording holds: `slate=N pictures=N numbered=N different=N forward=N black=N seconds=S
gap_ms=N`, where `slate` counts pictures before the first that has a number, and the
rest is of those behind; `forward` counts pictures whose number is the one before, or later, and `gap_ms` is the longest time from one
picture to the next. Both need ffmpeg."""

import json
import subprocess
import sys

WIDTH, HEIGHT, RATE, LENGTH = 320, 180, 15, 20
# The strip: a twelfth of the picture high; 3 blocks of sync, 12 of the number, 4 of its check sum, 1 of sync.
STRIP, BLOCKS = HEIGHT // 12, 20


def bits(number):
    check = (number ^ number >> 4 ^ number >> 8 ^ 0b1010) & 15
    return [1, 0, 1] + [number >> n & 1 for n in range(11, -1, -1)] + [check >> n & 1 for n in range(3, -1, -1)] + [1]


def make(path):
    command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE)]
    command += ["-i", "-", "-f", "lavfi", "-i", "sine=440:r=48000", "-t", str(LENGTH), "-pix_fmt", "yuv420p", "-c:v", "libx264"]
    command += ["-preset", "veryfast", "-g", str(RATE), "-bf", "0", "-b:v", "500k", "-c:a", "aac", "-ac", "2", "-b:a", "64k", path]
    ffmpeg = subprocess.Popen(command, stdin=subprocess.PIPE)
    for number in range(RATE * LENGTH):
        row = b"".join(bytes([235 if bit else 16]) * (WIDTH // BLOCKS) for bit in bits(number))
        # Below it something that moves, so that the encoder has work.
        below = b"".join(bytes((x + y + number * 3) % 200 + 20 for x in range(WIDTH)) for y in range(16))
        picture = row * STRIP + (below * HEIGHT)[: WIDTH * (HEIGHT - STRIP)]
        ffmpeg.stdin.write(picture)
    ffmpeg.stdin.close()
    sys.exit(ffmpeg.wait())


def number_of(picture):
    size, got = WIDTH // BLOCKS, []
    for block in range(BLOCKS):
        at = (STRIP // 2) * WIDTH + block * size + size // 2
        level = sum(picture[at - 2 : at + 3]) / 5
        if 100 < level < 150:
            return None
        got.append(int(level > 125))
    number = int("".join(map(str, got[3:15])), 2)
    return number if bits(number) == got else None


def read(path, last_s):
    probe = ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=pts_time", "-of", "json", path]
    times = sorted(float(p["pts_time"]) for p in json.loads(subprocess.check_output(probe))["packets"])
    if not times:
        sys.exit(f"{path} holds no pictures")
    command = ["ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    decoded = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout
    size = WIDTH * HEIGHT
    pictures = [decoded[at : at + size] for at in range(0, len(decoded) - size + 1, size)]
    skip = 0 if last_s is None else len(pictures) - int(last_s * RATE)
    times, pictures = times[max(skip, 0) :], pictures[max(skip, 0) :]
    numbers = [number_of(picture) for picture in pictures]
    # Before the source is there, the audience sees the slate.
    lead = next((at for at, number in enumerate(numbers) if number is not None), len(numbers))
    times, pictures, numbers = times[lead:], pictures[lead:], numbers[lead:]
    if not pictures:
        sys.exit(f"{path}: none of its {lead} pictures has a number")
    known = [number for number in numbers if number is not None]
    # The clip loops: a step backwards by more than half of it is a step forward.
    forward = sum((b - a) % (RATE * LENGTH) < RATE * LENGTH // 2 for a, b in zip(known, known[1:]))
    black = sum(max(picture) < 40 for picture in pictures)
    gap = max((b - a for a, b in zip(times, times[1:])), default=0)
    print(
        f"slate={lead} pictures={len(pictures)} numbered={len(known)} different={len(set(known))} forward={forward} black={black} "
        f"seconds={times[-1] - times[0]:.1f} gap_ms={gap * 1000:.0f}"
    )


if sys.argv[1] == "make":
    make(sys.argv[2])
else:
    read(sys.argv[2], float(sys.argv[3]) if len(sys.argv) > 3 else None)
