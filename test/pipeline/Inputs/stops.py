# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""stops.py SPEC FOLDER: attnc stops at every phase and pass it knows, and --dump-dir writes their files in that order."""
import os
import re
import shutil
import subprocess
import sys

spec, folder = sys.argv[1:]
PHASES = ["spec", "cascade", "route", "tile", "target"]


def attnc(*options):
    return subprocess.run(["attnc", spec, "--target=cpu:x86-64-v3", *options], capture_output=True, text=True)


stops = re.search("known: (.*)", attnc("--until=no such stop").stderr)[1].split(", ")
assert [s for s in stops if s in PHASES] == PHASES, stops
passes = [s for s in stops if s not in PHASES]

for stop in stops:
    shutil.rmtree(folder, ignore_errors=True)
    run = attnc(f"--until={stop}", f"--dump-dir={folder}")
    assert run.returncode == 0 and "module {" in run.stdout, (stop, run.stderr)
    files = sorted(os.listdir(folder)) if os.path.exists(folder) else []
    numbers = [int(re.fullmatch(r"(\d\d)-[\w-]+\.mlir", name)[1]) for name in files]
    assert numbers == list(range(1, len(files) + 1)), (stop, files)
    ours = [name[3:-5] for name in files if name[3:-5] in passes]
    before = [s for s in stops[:stops.index(stop) + 1] if s in passes]
    assert ours == before, (stop, ours, before)
    if files:   # the last file is what --until prints, or says that the last pass left everything as it was
        with open(os.path.join(folder, files[-1])) as file:
            text = file.read()
        assert text.strip() in (run.stdout.strip(), "// unchanged"), stop
print(f"{len(stops)} stops, {len(passes)} passes")
