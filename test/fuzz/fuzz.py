# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random compositions of what attention variants are made of, each run through `attnc check`.

A located "not ... yet" error of the compiler is a skip; anything else that is not "check: ok" is a failure. It is shrunk to a
small spec of the same failure and printed with its command; `--only K` with the same seed repeats draw K alone.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True    # nothing is written into the source tree
from draw import Draw
from shrink import shrink

FRAMES = re.compile(r"^ *#\d+ .*\n", re.M)


def run(attnc, text, options):
    """Its outcome ("ok", "skipped" or "failed"), the kind of failure, and what was printed."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "k.attn")
        with open(path, "w") as spec:
            spec.write(text)
        try:
            done = subprocess.run(attnc + ["check", path] + options, capture_output=True, text=True, timeout=120)
        except subprocess.TimeoutExpired:
            return "failed", "no answer", "no answer in 120 seconds"
    said = FRAMES.sub("", done.stdout + done.stderr).replace(folder + os.sep, "")
    if done.returncode == 0 and re.search(r"^check: ok", done.stdout, re.M):
        return "ok", "", said
    if done.returncode == 1 and re.search(r"k\.attn:\d+:\d+: error: .*not .* yet", said):
        return "skipped", "", re.search(r"error: .*", said).group()
    return "failed", kind(done.returncode, said), f"exit status {done.returncode}\n{said}"


def kind(status, said):
    """What two failures share if they are one: the status and the error without its names, numbers and places."""
    error = re.search(r"error: (.*)|(Assertion .*)|^(check: [a-z]+)", said, re.M)
    return f"{status} " + re.sub(r"'[^']*'|\d+", "", error.group() if error else "")


def draw_and_run(attnc, seed, k, shrinks):
    draw = Draw(random.Random(seed * 1000003 + k))
    text, options = draw.text(), draw.options()
    outcome, what, said = run(attnc, text, options)
    if outcome == "failed" and shrinks:
        same = lambda t, o: run(attnc, t, o)[:2] == (outcome, what)
        text, options = shrink(text, options, same)
        said = run(attnc, text, options)[2]
    return outcome, text, options, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("attnc", nargs="+", help="the command")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--only", type=int)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--no-shrink", action="store_true", help="print failures as drawn")
    given = parser.parse_args()
    counts, reasons = collections.Counter(), collections.Counter()
    chosen = [given.only] if given.only is not None else range(given.draws)
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        draws = [pool.submit(draw_and_run, given.attnc, given.seed, k, not given.no_shrink) for k in chosen]
        for k, done in zip(chosen, draws):
            outcome, text, options, said = done.result()
            counts[outcome] += 1
            if outcome == "skipped":
                reasons[re.sub(r"'[^']*'", "'...'", said)] += 1
            if outcome == "failed" or given.only is not None:
                print(f"draw {k} of seed {given.seed}: {outcome}\n{text}attnc check k.attn {' '.join(options)}\n{said}", flush=True)
            if sys.stderr.isatty():
                print(f"\r{sum(counts.values())} of {len(chosen)}, {counts['failed']} failed ", end="", file=sys.stderr, flush=True)
    for reason, count in sorted(reasons.items()):
        print(f"skipped {count}: {reason}")
    print(f"seed {given.seed}: {counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
