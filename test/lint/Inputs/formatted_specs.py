# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Specs that people read, the examples and the prelude, are as `attnc fmt` writes them. Needs attnc on the path."""
import os
import re
import subprocess
from tree import ROOT, files, finish

specs = [p for p in files(".attn") if re.fullmatch(r"examples/[^/]+|compiler/spec/prelude\.attn", p)]
faults = []
for path in specs:
    run = subprocess.run(["attnc", "fmt", "--check", os.path.join(ROOT, path)], capture_output=True, text=True)
    if run.returncode:
        faults.append(f"{path}: {run.stderr.strip()}")
finish(len(specs), faults)
