# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""damage.py FOLDER HOW: damages the one entry of a cache; HOW is cut, flip, empty or another cache whose entry replaces it."""
import glob
import sys

folder, how = sys.argv[1:]
[path] = glob.glob(folder + "/llvmcache-*[0-9a-f]")
content = bytearray(open(path, "rb").read())
if how == "cut":
    content = content[:-100]
elif how == "flip":
    content[len(content) // 2] ^= 4
elif how == "empty":
    content = b""
else:
    [other] = glob.glob(how + "/llvmcache-*[0-9a-f]")
    content = open(other, "rb").read()
open(path, "wb").write(content)
