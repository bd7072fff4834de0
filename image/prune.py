#!/usr/bin/env python3
"""prune.py ROOT PLUGINS PRUNE: takes out of a root what the image has no use for.

First GStreamer's plugins that PLUGINS does not name and what PRUNE lists; then, again and again, each shared library at the
top of the library folder that no ELF file left needs. A library that is opened by name at run time is needed by nobody in
this sense: KEEP has those.
"""

import fnmatch
import glob
import os
import shutil
import struct
import sys

LIBRARIES = "usr/lib/aarch64-linux-gnu"
# Opened at run time: by libc, systemd and udev, libcurl and glib, p11-kit, and by PAM.
KEEP = [
    "ld-linux*", "libnss_*", "libgcc_s.so*", "libkmod.so*", "libidn2.so*", "liblz4.so*", "liblzma.so*", "libzstd.so*",
    "libpcre2-8.so*", "libcrypt.so*", "libapparmor.so*", "libaudit.so*", "libseccomp.so*", "libacl.so*", "libmount.so*",
    "libblkid.so*", "libcap*.so*", "libpam*.so*", "libresolv.so*", "libanl.so*", "libmvec.so*", "libthread_db.so*",
    "libfdisk.so*", "libcurl.so*", "libjson-glib*", "libnl-*", "libdbus-1.so*", "libssl.so*", "libcrypto.so*", "libproxy*",
    # RAUC and Bandstand's programs, which come later, are linked to these.
    "libgst*", "libglib*", "libgio*", "libgobject*",
]


def words(path):
    """The words of a list, without comments."""
    with open(path, encoding="utf-8") as file:
        return [word for line in file for word in line.split("#")[0].split()]


def needed(path):
    """The DT_NEEDED names and the DT_SONAME of an ELF64 file, or None where it is none (System V gABI, chapter 5)."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    loads, dynamic = [], None
    for at in range(offset, offset + size * count, size):
        kind, _, place, address, _, length = struct.unpack_from("<IIQQQQ", data, at)
        if kind == 1:
            loads.append((address, place, length))
        elif kind == 2:
            dynamic = (place, length)
    if dynamic is None:
        return set()
    entries = list(struct.iter_unpack("<QQ", data[dynamic[0] : dynamic[0] + dynamic[1] // 16 * 16]))
    strings = next((value for tag, value in entries if tag == 5), None)
    if strings is None:
        return set()
    strings = next(place + strings - address for address, place, length in loads if address <= strings < address + length)
    text = lambda at: data[strings + at : data.index(b"\0", strings + at)].decode()
    return {text(value) for tag, value in entries if tag == 1}


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def sweep(root):
    """Removes the libraries that nothing needs; how many it were."""
    top = os.path.join(root, LIBRARIES)
    libraries, roots = {}, set()
    for folder, _, files in os.walk(root):
        if os.path.relpath(folder, root).split("/")[0] in ("dev", "proc", "sys", "run"):
            continue
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                if file.read(4) != b"\x7fELF":
                    continue
            needs = needed(path)
            if needs is None:
                continue
            if folder == top and not any(fnmatch.fnmatch(name, glob_) for glob_ in KEEP):
                libraries[name] = needs
            else:
                roots |= needs
    links = {name: os.path.basename(os.path.realpath(os.path.join(top, name))) for name in os.listdir(top)}
    live, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        name = links.get(name, name)
        if name not in live:
            live.add(name)
            todo += libraries.get(name, ())
    gone = [name for name in libraries if name not in live]
    for name in gone:
        os.unlink(os.path.join(top, name))
    for name in os.listdir(top):
        path = os.path.join(top, name)
        # An absolute link, as Debian's alternatives are, leads to a file below another folder, which stays.
        if os.path.islink(path) and ".so" in name and not os.readlink(path).startswith("/") and not os.path.exists(path):
            os.unlink(path)
    return len(gone)


def main():
    root, plugins, prune = sys.argv[1:]
    wanted = {f"libgst{name}.so" for name in words(plugins)}
    folder = os.path.join(root, LIBRARIES, "gstreamer-1.0")
    there = {name for name in os.listdir(folder) if name.endswith(".so")}
    if wanted - there:
        sys.exit(f"{plugins} names plugins that no package brings: {' '.join(sorted(wanted - there))}")
    for name in there - wanted:
        os.unlink(os.path.join(folder, name))
    for pattern in words(prune):
        for path in glob.glob(os.path.join(root, pattern)):
            remove(path)
    print(f"{len(there - wanted)} plugins and {sweep(root)} libraries taken out, {len(wanted)} plugins left")


main()
