# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""cache_processes.py SPEC WANT: eight processes build one spec at once with one cache; each must get the bytes of WANT."""
import glob
import subprocess
import sys

spec, want = sys.argv[1:]
running = [subprocess.Popen(["attnc", spec, "--cache-dir=many", "-o", f"many{i}.so"]) for i in range(8)]
failed = sum(process.wait() != 0 for process in running)
bytes_wanted = open(want, "rb").read()
differ = sum(open(f"many{i}.so", "rb").read() != bytes_wanted for i in range(8))
entries = [path for path in glob.glob("many/*") if not path.endswith(".timestamp")]
print(f"{len(running)} processes, {failed} failed, {differ} differ, {len(entries)} entr{'y' if len(entries) == 1 else 'ies'}")
