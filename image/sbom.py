#!/usr/bin/env python3
"""sbom.py left ROOT: of each package that was installed into a root, how many of its files are left in it, without its
documentation: lines of package, files left, files.
sbom.py make WORK REPO VERSION OUT: the bill of materials of the image, CycloneDX 1.5 as JSON: Debian's packages as they were
installed (pruning takes files and leaves versions), kernel, firmware, RAUC, the crates of Bandstand's programs, and what the page
has of npm; and the licences of the last two, into WORK/licences and WORK/licences.page."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

PROGRAMS = ["control", "channel", "ingest", "board"]
TARGET = "aarch64-unknown-linux-gnu"
# What ends in the page, and not only builds it, which npm does not tell apart: what its sources import, and what Svelte's part that runs
# in a browser imports.
PAGE = ["svelte", "clsx", "esm-env", "@fontsource/barlow"]


def left(root):
    for path in sorted(glob.glob(f"{root}/var/lib/dpkg/info/*.list")):
        package = os.path.basename(path)[: -len(".list")].split(":")[0]
        with open(path, encoding="utf-8") as file:
            names = [line.strip() for line in file if not line.startswith("/usr/share/doc/")]
        files = [name for name in names if not os.path.isdir(root + name)]
        there = sum(os.path.lexists(root + name) for name in files)
        print(package, there, len(files))


def deb(name, version, architecture, source=None, properties=()):
    component = {"type": "library", "name": name, "version": version, "bom-ref": f"deb/{name}"}
    component["purl"] = f"pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-13"
    found = [{"name": f"bandstand:{key}", "value": str(value)} for key, value in properties]
    if source and source != name:
        found.append({"name": "bandstand:source", "value": source})
    return component | ({"properties": found} if found else {})


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file if not line.startswith("#")]


def crates(repo, work):
    tree = ["cargo", "tree", "--locked", "--quiet", "--target", TARGET, "--edges", "normal,build", "--prefix", "none"]
    for program in PROGRAMS:
        tree += ["--package", program]
    used = set(re.findall(r"^(\S+) v(\S+)", subprocess.check_output(tree, cwd=repo, text=True), re.M))
    metadata = ["cargo", "metadata", "--locked", "--quiet", "--format-version", "1", "--filter-platform", TARGET]
    packages = json.loads(subprocess.check_output(metadata, cwd=repo))["packages"]
    folder = os.path.join(work, "licences")
    shutil.rmtree(folder, ignore_errors=True)
    for package in sorted(packages, key=lambda p: (p["name"], p["version"])):
        name, version = package["name"], package["version"]
        if (name, version) not in used or not package["source"]:
            continue
        component = {"type": "library", "name": name, "version": version, "bom-ref": f"cargo/{name}@{version}"}
        component["purl"] = f"pkg:cargo/{name}@{version}"
        if package["license"]:
            component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
        yield component
        sources = os.path.dirname(package["manifest_path"])
        texts = [n for n in os.listdir(sources) if re.match(r"(?i)(licen[cs]e|copying|notice|unlicense)", n)]
        for text in texts:
            if os.path.isfile(os.path.join(sources, text)):
                os.makedirs(os.path.join(folder, f"{name}-{version}"), exist_ok=True)
                shutil.copyfile(os.path.join(sources, text), os.path.join(folder, f"{name}-{version}", text))


def page(repo, work):
    ui = os.path.join(repo, "web-ui")
    for path in glob.glob(f"{ui}/src/**/*.*", recursive=True):
        if path.endswith((".ts", ".svelte", ".css")) and not path.endswith(".test.ts"):
            with open(path, encoding="utf-8") as file:
                named = re.findall(r"""(?:\bfrom |\bimport |@import |url\()['"]((?:@[\w-]+/)?[a-z][\w-]*)""", file.read())
            strangers = {name for name in named if name not in PAGE}
            if strangers:
                sys.exit(f"{path} imports {', '.join(strangers)}, which image/sbom.py does not name")
    with open(f"{ui}/package-lock.json", encoding="utf-8") as file:
        lock = json.load(file)["packages"]
    folder = os.path.join(work, "licences.page")
    shutil.rmtree(folder, ignore_errors=True)
    for name in sorted(PAGE):
        package = lock[f"node_modules/{name}"]
        version, sources = package["version"], f"{ui}/node_modules/{name}"
        purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
        yield {"type": "library", "name": name, "version": version, "bom-ref": f"npm/{name}@{version}", "purl": purl} | {
            "licenses": [{"expression": package["license"]}]
        }
        texts = [n for n in os.listdir(sources) if re.match(r"(?i)licen[cs]e", n)]
        if not texts:
            sys.exit(f"{sources} has no licence")
        os.makedirs(os.path.join(folder, f"{name.replace('/', '-')}-{version}"))
        for text in texts:
            shutil.copyfile(os.path.join(sources, text), os.path.join(folder, f"{name.replace('/', '-')}-{version}", text))


def make(work, repo, version, out):
    kept = {name: (int(there), int(all_)) for name, there, all_ in rows(os.path.realpath(f"{work}/root.left"))}
    components = []
    for name, number, architecture, source, _ in rows(os.path.realpath(f"{work}/debian.packages")):
        there, all_ = kept.get(name, (0, 0))
        components.append(deb(name, number, architecture, source, [("files_left", there), ("files", all_)]))
    for part in ("kernel", "board"):
        for name, number, architecture, sum_ in rows(f"{work}/fetched/{part}.packages"):
            component = deb(name, number, architecture)
            component["hashes"] = [{"alg": "SHA-256", "content": sum_}]
            components.append(component)
    with open(os.path.join(os.path.realpath(f"{work}/rauc"), "version"), encoding="utf-8") as file:
        components.append(deb("rauc", file.read().strip(), "arm64", properties=[("built", "from Debian's source")]))
    components += crates(repo, work)
    components += page(repo, work)
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "firmware", "name": "Bandstand", "version": version, "bom-ref": "bandstand"}},
        "components": components,
    }
    with open(out, "w", encoding="utf-8") as file:
        json.dump(bill, file, indent=1, sort_keys=True)
        file.write("\n")
    print(f"{len(components)} components")


if __name__ == "__main__":
    {"left": left, "make": make}[sys.argv[1]](*sys.argv[2:])
