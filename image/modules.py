#!/usr/bin/env python3
"""modules.py strays FOLDER: the kernel's modules below FOLDER that need another one which is not there, so that they could never be
loaded: lines of file, and what it lacks.
modules.py wanted FOLDER LIST [WHOLE TREE…]: checks that what a board needs is below FOLDER, with all that it needs itself: the modules of
LIST, and, where WHOLE has the modules as they were before any was taken out, each that a device tree asks for and LIST does not
refuse by a minus.

What a module needs is read from the module itself: depmod's files of a folder name only what is in it."""

import os
import re
import subprocess
import sys

# Files that one call of modinfo is given.
AT_ONCE = 500


def name_of(path):
    """A module's name, by which - and _ are the same."""
    return re.sub(r"\.ko(\.\w+)?$", "", os.path.basename(path)).replace("-", "_")


class Modules:
    def __init__(self, folder):
        files = []
        for at, _, names in os.walk(folder):
            files += [os.path.join(at, name) for name in names if re.search(r"\.ko(\.\w+)?$", name)]
        with open(os.path.join(folder, "modules.builtin"), encoding="utf-8") as file:
            self.builtin = {name_of(line.strip()) for line in file}
        self.files = {name_of(path): path for path in sorted(files)}
        # Without the one, a module cannot be loaded; without the other, it does not come up.
        self.needs = {name: [] for name in self.files}
        self.soft = {name: [] for name in self.files}
        for at in range(0, len(files), AT_ONCE):
            told = subprocess.run(["modinfo", *files[at : at + AT_ONCE]], stdout=subprocess.PIPE, text=True, check=True).stdout
            for line in told.splitlines():
                key, _, value = line.partition(":")
                value = value.strip()
                if key == "filename":
                    of = name_of(value)
                elif key == "depends":
                    self.needs[of] = [name_of(need) for need in value.split(",") if need]
                elif key == "softdep" and "pre:" in value:
                    soft = value.split("pre:")[1].split("post:")[0].split()
                    # An algorithm, which any of several modules may bring.
                    self.soft[of] += [name_of(need) for need in soft if not need.startswith("crypto-")]

    def has(self, name):
        return name in self.files or name in self.builtin

    def lacks(self, name, soft):
        """What is not there of all that a module needs, and that those need."""
        seen, todo, lacking = set(), [name], []
        while todo:
            name = todo.pop()
            if name in seen or name in self.builtin:
                continue
            seen.add(name)
            if name not in self.files:
                lacking.append(name)
                continue
            todo += self.needs[name] + (self.soft[name] if soft else [])
        return lacking


def strays(folder):
    modules = Modules(folder)
    for name, path in modules.files.items():
        lacking = modules.lacks(name, soft=False)
        if lacking:
            print(path, *lacking)


def asked_for(whole, trees):
    """The modules that device trees ask for, by the aliases of all modules."""
    compatible = set()
    for tree in trees:
        source = subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dts", tree], stdout=subprocess.PIPE, text=True, check=True).stdout
        for words in re.findall(r"\bcompatible = (.*);", source):
            compatible |= {word for text in re.findall(r'"([^"]*)"', words) for word in text.split("\\0")}
    with open(os.path.join(whole, "modules.alias"), encoding="utf-8") as file:
        for line in file:
            found = re.match(r"alias of:N\*T\*C(.*?)(C\*)? (\S+)$", line)
            if found and found[1] in compatible:
                yield name_of(found[3])


def wanted(folder, listed, whole=None, *trees):
    with open(listed, encoding="utf-8") as file:
        words = [word for line in file for word in line.split("#")[0].split()]
    refused = {name_of(word[1:]) for word in words if word.startswith("-")}
    names = {name_of(word) for word in words if not word.startswith("-")}
    if whole:
        names |= set(asked_for(whole, trees)) - refused
    modules = Modules(folder)
    wrong = []
    for name in sorted(names):
        lacking = modules.lacks(name, soft=True)
        if lacking:
            wrong.append(f"{name} lacks " + ", ".join(lacking) if lacking != [name] else f"{name} is not there")
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(names)} modules are there, with all that they need: {' '.join(sorted(names))}")


if __name__ == "__main__":
    {"strays": strays, "wanted": wanted}[sys.argv[1]](*sys.argv[2:])
