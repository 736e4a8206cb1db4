# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Every spec of some folders: formatting keeps its words, comments included, and is stable.
import glob, os, subprocess, sys

specs = [path for folder in sys.argv[1:] for path in sorted(glob.glob(os.path.join(folder, "*.attn")))]
assert len(specs) > 50


def fmt(text):
    return subprocess.run(["attnc", "fmt", "-"], input=text, capture_output=True, check=True, text=True).stdout


def without_blanks(text):
    return "".join(text.split())


for path in specs:
    text = open(path).read()
    once = fmt(text)
    assert without_blanks(once) == without_blanks(text), path
    assert fmt(once) == once, path
