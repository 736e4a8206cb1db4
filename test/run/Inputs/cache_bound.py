# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""cache_bound.py SPEC: three entries in a cache for two; the first is used again before the third comes."""
import glob
import os
import subprocess
import sys
import time


def build(tile):
    said = subprocess.run(["attnc", sys.argv[1], "--tile", f"k={tile}", "--cache-dir=bound", "--verbose", "-o", "a.so"],
                          capture_output=True, text=True, check=True).stderr
    return said.split("cache: ")[1].splitlines()[0].split()


def age():
    """Makes all entries a minute older: files know the time of their use in seconds, on some systems."""
    for path in glob.glob("bound/llvmcache-*[0-9a-f]"):
        stat = os.stat(path)
        os.utime(path, (stat.st_atime - 60, stat.st_mtime - 60))


first = build(32)[-1]
age()
second = build(64)[-1]
age()
assert build(32)[0] == "from"
age()
build(128)
state = {True: "kept", False: "gone"}
print(len(glob.glob("bound/llvmcache-*[0-9a-f]")), "entries, of the first:", state[os.path.exists(first)] + ",",
      "of the second:", state[os.path.exists(second)])
