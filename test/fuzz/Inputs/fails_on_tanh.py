# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Stands for attnc: "fails" where a spec applies tanh and has more than 8 points of m."""
import re
import sys

text, sizes = open(sys.argv[2]).read(), dict(p.split("=") for p in sys.argv[sys.argv.index("--size") + 1].split(","))
body = text[text.index("kernel"):]
if "Q[" not in body or "K[" not in body or "->" not in body or not re.search(r"S\[.*= ", body):
    sys.exit("k.attn:1:1: error: not a spec")
if "tanh(" in body and int(sizes["M"]) > 8:
    sys.exit("check: failed")
print("check: ok")
