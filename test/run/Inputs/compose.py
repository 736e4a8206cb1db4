# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random compositions of what attention variants are made of, each run through `attnc check`.

usage: compose.py ATTNC [--seed N] [--draws N] [--only K] [--keep DIR]

A located "not ... yet" error of the compiler is a skip; anything else that is not "check: ok" is a failure: it is printed
with its spec and the command, and `--only K` with the same seed repeats draw K alone.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile

DEFS = """def off_by_one[m](S) -> A { X = max(max[m] S, 0.0)   N = exp(S - X)   A = N / (sum[m] N + exp(-X)) }
def l1[m](S) -> A { N = softplus(S)   A = N / (sum[m] N + 0.001) }
def relu_l1[m](S) -> A { N = relu(S)   A = N / (sum[m] N + 1.0) }
def l2[m](S) -> A { A = S / sqrt(sum[m] S * S + 0.5) }
def max_norm[m](S) -> A { A = S / (max[m] abs(S) + 1.0) }
def temperature[m](S) -> A { X = max[m] S   N = exp2(3.0 * (S - X))   A = N / sum[m] N }
"""
SIZES = [1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 64, 65, 100, 130, 257]
MOST_POINTS = 1 << 18


class Draw:
    """One kernel: its arguments in the order in which they were needed, its equations, its extents."""

    def __init__(self, rng):
        self.rng = rng
        self.arguments, self.equations, self.results = {}, [], []
        self.heads()
        self.scores()
        self.conditions()
        self.weights()
        self.outputs()
        self.shape()

    def chance(self, p):
        return self.rng.random() < p

    def argument(self, name, text):
        self.arguments[name] = text
        return name

    def tensor(self, name, ranks, element="T"):
        self.argument(name, f"{element}[{','.join(ranks)}]" if ranks else element)

    def permuted(self, ranks):
        """Mostly as it is; else another order of storage."""
        ranks = list(ranks)
        if self.chance(0.25):
            self.rng.shuffle(ranks)
        return ranks

    def heads(self):
        kind = self.rng.choice(["mha", "mha", "gqa", "mqa", "none", "decode", "batch"])
        self.outer = {"none": [], "batch": ["b"]}.get(kind, ["b", "h"])
        self.key = {"gqa": ["b", "g"], "mqa": ["b"]}.get(kind, self.outer)
        self.query = [] if kind == "decode" else ["p"]
        self.row = self.outer + self.query
        self.q, self.k, self.v = (self.permuted(r) for r in (self.row + ["e"], self.key + ["m", "e"], self.key + ["m", "f"]))
        self.tensor("Q", self.q)
        self.tensor("K", self.k)
        self.tensor("V", self.v)

    def at(self, name, ranks):
        return f"{name}[{','.join('h*G/H' if r == 'g' else r for r in ranks)}]"

    def scores(self):
        s = f"{self.at('Q', self.q)} * {self.at('K', self.k)}"
        if self.chance(0.6):
            s += f" * {self.argument('scale', 'f32 = rsqrt(max(E, 1))')}"
        for change in self.rng.sample(["softcap", "slope", "bias", "key bias", "query bias", "temperature", "tanh"],
                                      self.rng.choice([0, 0, 1, 1, 2, 3])):
            s = self.changed(s, change)
        self.s = s

    def changed(self, s, change):
        head = ["h"] if "h" in self.outer else []
        if change == "softcap":
            return f"softcap({s}, {self.rng.choice(['5.0', '50.0'])})"
        if change == "tanh":
            return f"tanh({s})"
        if change == "slope" and self.query:
            self.tensor("slope", head, "f32")
            return f"{s} - {self.at('slope', head) if head else 'slope'} * ({self.rng.choice(['p - m', 'abs(p - m)'])})"
        if change == "bias":
            ranks = self.rng.choice([head, self.outer]) + self.query + ["m"]
            self.tensor("bias", ranks, self.rng.choice(["f32", "T"]))
            return f"{s} + {self.at('bias', ranks)}"
        if change == "key bias":
            self.tensor("kb", ["m"])
            return f"{s} + kb[m]"
        if change == "query bias":
            self.tensor("qb", self.row)
            return f"({s} + {self.at('qb', self.row) if self.row else 'qb'}) * 0.5"
        if change == "temperature" and head:
            self.tensor("temp", head, "f32")
            return f"({s}) * temp[h]"
        return s

    def conditions(self):
        chosen = [self.condition() for _ in range(self.rng.choice([0, 1, 1, 1, 2]))]
        self.where = f"    if {self.rng.choice([' and ', ' or ']).join(f'({c})' for c in chosen)}" if chosen else ""

    def condition(self):
        with_b = "b" in self.outer
        options = ["m < n", "m % 3 == 0", "keep[m]", "m >= n"] + (["m < len[b]"] * 2 if with_b else [])
        if self.query:
            options += ["m <= p", "m <= p + M - P", "p - m < window", "m <= p and p - m < window", "abs(p - m) <= window",
                        "m <= p or m < n", "m > p", "qdoc[p] == kdoc[m]", "(p - m) % 2 == 0", "m/8 == p/8", "seen[p,m]"]
        c = self.rng.choice(options)
        for name in ("window", "n"):
            if re.search(rf"\b{name}\b", c):
                self.argument(name, "i32")
        for name, ranks, element in (("len", "b", "i32"), ("qdoc", "p", "i32"), ("kdoc", "m", "i32"), ("keep", "m", "bool"),
                                     ("seen", "pm", "bool")):
            if name + "[" in c:
                self.tensor(name, list(ranks), element)
        return c

    def weights(self):
        point = self.row + ["m"]
        self.score = self.at("S", point)
        self.equations.append(f"{self.score} = {self.s}{self.where}")
        self.norm = self.rng.choice(["softmax"] * 5 + ["sink", "sink", "off_by_one", "sigmoid", "relu", "relu2", "identity", "mean",
                                                       "l1", "relu_l1", "l2", "max_norm", "temperature", "twice", "two maps"])
        if self.norm in ("softmax", "off_by_one", "l1", "relu_l1", "l2", "max_norm", "temperature"):
            self.weight = f"{self.norm}[m](S)[{','.join(point)}]"
        elif self.norm == "sink":
            head = ["h"] if "h" in self.outer else []
            self.tensor("z", head, "f32")
            self.weight = f"sink_softmax[m](S, z)[{','.join(point)}]"
        elif self.norm == "twice":
            self.equations.append(f"{self.at('A1', point)} = softmax[m](S)[{','.join(point)}] * 2.0")
            self.weight = f"softmax[m](A1)[{','.join(point)}]"
        elif self.norm == "two maps":
            self.equations.append(f"{self.at('S2', point)} = -0.5 * {self.score}")
            self.weight = f"(softmax[m](S)[{','.join(point)}] - 0.25 * softmax[m](S2)[{','.join(point)}])"
        else:
            self.weight = {"sigmoid": "sigmoid({})", "relu": "relu({})", "relu2": "relu({0}) * relu({0})", "identity": "{}",
                           "mean": "exp({}) / max(M, 1)"}[self.norm].format(self.score)

    def result(self, name, ranks, expression, element="f32"):
        self.results.append(f"{name}: {element}[{','.join(ranks)}]" if ranks else f"{name}: {element}")
        self.equations.append(f"{self.at(name, ranks) if ranks else name} = {expression}")

    def outputs(self):
        values = self.at("V", self.v)
        ranks = self.permuted(self.row + ["f"])
        if self.chance(0.9):
            self.result("O", ranks, f"{self.weight} * {values}", self.rng.choice(["T", "T", "f32"]))
        extra = [("L", f"logsumexp[m] {self.score}"), ("X", f"max[m] {self.score}"), ("N", f"min[m] {self.score}"),
                 ("D", f"sum[m] {self.score} * {self.score}"), ("Y", f"mean[m] {self.score}")]
        count = self.rng.choice([0, 0, 0, 1, 2]) if self.results else 1
        for name, expression in self.rng.sample(extra, count):
            self.result(name, self.row, expression)

    def shape(self):
        text = self.text()
        names = sorted({r.upper() for r in re.findall(r"\b[a-z]\b", " ".join(re.findall(r": \w+\[([^\]]*)\]", text)))})
        self.sizes = {n: self.rng.choice(SIZES) for n in names}
        for n in "BGH":
            if n in self.sizes:
                self.sizes[n] = self.rng.choice([1, 2, 3, 5])
        if self.chance(0.05):
            self.sizes[self.rng.choice([n for n in names if n in "MPEF"])] = 0
        if self.chance(0.3) and {"P", "M"} <= self.sizes.keys():
            self.sizes["P"] = self.sizes["M"]
        while self.points() > MOST_POINTS:
            largest = max(self.sizes, key=self.sizes.get)
            self.sizes[largest] = max(1, self.sizes[largest] // 2)
        if "G" in self.sizes and self.chance(0.7):
            self.sizes["H"] = self.sizes["G"] * self.rng.choice([1, 2, 3])

    def points(self):
        product = 1
        for n, size in self.sizes.items():
            product *= max(1, size) if n not in "EFG" else 1
        return product * max(self.sizes.get("E", 1), self.sizes.get("F", 1), 1)

    def text(self):
        arguments = sorted(self.arguments.items(), key=lambda a: "=" in a[1])
        head = ", ".join(f"{n}: {t}" for n, t in arguments)
        return DEFS + f"kernel k<T>({head}) -> {', '.join(self.results)} {{\n  " + "\n  ".join(self.equations) + "\n}\n"

    def options(self):
        tiles = ",".join(f"{r}={self.rng.choice([1, 3, 8, 16, 20, 64])}" for r in self.query + ["m"] if self.chance(0.8))
        options = ["--size", ",".join(f"{n}={s}" for n, s in self.sizes.items()), "--seed", str(self.rng.randrange(1000))]
        options += ["--threads", str(self.rng.choice([1, 2, 3]))]
        options += ["--type", "T=" + self.rng.choice(["f16", "bf16", "f64"])] if self.chance(0.3) else []
        return options + (["--tile", tiles] if tiles and self.chance(0.4) else [])


def run(attnc, path, options):
    """ "ok", "skipped" or "failed", and what was printed."""
    command = [attnc, "check", path] + options
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "failed", "no answer in 120 seconds"
    text = done.stdout + done.stderr
    if done.returncode == 0 and re.search(r"^check: ok", done.stdout, re.M):
        return "ok", text
    if done.returncode == 1 and re.search(r"k\.attn:\d+:\d+: error: .*not .* yet", text):
        return "skipped", re.search(r"error: .*", text).group()
    frames = re.compile(r"^ *#\d+ .*\n", re.M)
    return "failed", f"exit status {done.returncode}\n{frames.sub('', text)}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("attnc")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=int(os.environ.get("ATTNC_FUZZ") or 20))
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    counts = {"ok": 0, "skipped": 0, "failed": 0}
    reasons = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "k.attn")
        for k in [given.only] if given.only is not None else range(given.draws):
            draw = Draw(random.Random(given.seed * 1000003 + k))
            with open(path, "w") as spec:
                spec.write(draw.text())
            options = draw.options()
            outcome, text = run(given.attnc, path, options)
            counts[outcome] += 1
            if outcome == "skipped":
                reasons[text] = reasons.get(text, 0) + 1
            if outcome == "failed" or given.only is not None:
                print(f"draw {k} of seed {given.seed}: {outcome}\n{draw.text()}attnc check k.attn {' '.join(options)}\n{text}", flush=True)
    for reason, count in sorted(reasons.items()):
        print(f"skipped {count}: {reason}")
    print(f"seed {given.seed}: {counts['ok']} ok, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
