# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# What -i does to files, in the folder given.
import os, subprocess, sys

folder = sys.argv[1]
work, link = os.path.join(folder, "work.attn"), os.path.join(folder, "link.attn")


def fmt(path):
    assert subprocess.run(["attnc", "fmt", "-i", path], check=True, capture_output=True).stdout == b""


wanted = open(os.path.join(folder, "formatted.attn")).read()
os.chmod(work, 0o640)
os.symlink("work.attn", link)
files = set(os.listdir(folder))
fmt(link)
assert open(work).read() == wanted
assert os.path.islink(link) and os.stat(work).st_mode & 0o777 == 0o640
before = os.stat(work)
fmt(work)
after = os.stat(work)
assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
assert set(os.listdir(folder)) == files
