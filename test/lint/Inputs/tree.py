# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The source tree as the lint tests see it: what git tracks, or every file where there is no git."""
import os
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))


def files(*endings):
    """Paths relative to the root; those that end in one of `endings`, if there are any."""
    listing = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True)
    if listing.returncode == 0:
        paths = listing.stdout.decode().split("\0")[:-1]
    else:
        walk = os.walk(ROOT)
        paths = []
        for folder, folders, names in walk:
            folders[:] = [f for f in folders if f != ".git" and not f.startswith("build")]
            paths += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(p for p in paths if p.endswith(endings or "") and os.path.isfile(os.path.join(ROOT, p)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def finish(checked, faults):
    """Ends the test: what was checked must be something, and without a fault."""
    for fault in faults:
        print(fault)
    print(f"{checked} checked, {len(faults)} faults")
    sys.exit(bool(faults) or checked == 0)
