# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""on_terminal.py COMMAND...: runs it with a terminal as standard error and prints what it wrote there, control characters
as Python writes them, and then its standard output."""
import os
import pty
import subprocess
import sys

ours, its = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, stderr=its)
os.close(its)
said = b""
while True:
    try:
        part = os.read(ours, 4096)
    except OSError:   # the other end is closed
        break
    if not part:
        break
    said += part
out, _ = child.communicate()
print("terminal:", ascii(said.decode()))
print("output:", out.decode())
sys.exit(child.returncode)
