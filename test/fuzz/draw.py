# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Draws a kernel of the acyclic language: where keys and values come from, scores and what changes them, conditions,
normalisers, what follows the map, and results. `Draw(rng)` has `text()` and `options(rng)` for `attnc check`.

The parts are chosen independently of each other, so most draws are variants that nobody has written down.
"""
import re

from keys import KEYS

DEFS = """def off_by_one[m](S) -> A { X = max(max[m] S, 0.0)   N = exp(S - X)   A = N / (sum[m] N + exp(-X)) }
def l1[m](S) -> A { N = softplus(S)   A = N / (sum[m] N + 0.001) }
def relu_l1[m](S) -> A { N = relu(S)   A = N / (sum[m] N + 1.0) }
def l2[m](S) -> A { A = S / sqrt(sum[m] S * S + 0.5) }
def max_norm[m](S) -> A { A = S / (max[m] abs(S) + 1.0) }
def temperature[m](S) -> A { X = max[m] S   N = exp2(3.0 * (S - X))   A = N / sum[m] N }
def standard[m](S) -> A { U = mean[m] S   W = mean[m] (S - U) * (S - U)   A = (S - U) * rsqrt(W + 0.1) }
"""
SIZES = [1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 64, 65, 100, 130, 257]
MOST_POINTS = 1 << 18
OVER_ONE_RANK = ["off_by_one", "l1", "relu_l1", "l2", "max_norm", "temperature", "standard"]
POINTWISE = {"sigmoid": "sigmoid({})", "relu": "relu({})", "relu2": "relu({0}) * relu({0})", "identity": "{}"}


class Draw:
    """One kernel: its arguments in the order in which they were needed, its statements, its results, its extents."""

    def __init__(self, rng):
        self.rng = rng
        self.arguments, self.statements, self.results = {}, [], []
        self.least = {}        # extents that must not be less than this
        self.heads()
        self.keys()
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
        return self.at(name, ranks)

    def permuted(self, ranks):
        """Mostly as it is; else another order of storage."""
        ranks = list(ranks)
        if self.chance(0.25):
            self.rng.shuffle(ranks)
        return ranks

    def at(self, name, ranks):
        return f"{name}[{','.join('h*G/H' if r == 'g' else r for r in ranks)}]" if ranks else name

    def heads(self):
        kind = self.rng.choice(["mha", "mha", "gqa", "mqa", "none", "decode", "batch", "grid"])
        self.outer = {"none": [], "batch": ["b"], "grid": ["b"]}.get(kind, ["b", "h"])
        self.shared = {"gqa": ["b", "g"], "mqa": ["b"]}.get(kind, self.outer)     # of keys and values
        self.query = {"decode": [], "grid": ["y", "x"]}.get(kind, ["p"])
        self.row = self.outer + self.query
        self.head = ["h"] if "h" in self.outer else []

    def keys(self):
        kinds = [k for k in KEYS if k.fits(self)]
        self.source = self.rng.choice([KEYS[0]] * 4 + kinds)(self)
        self.streamed = self.source.streamed
        self.point = self.row + self.streamed

    def scores(self):
        key = self.source.key()
        s = f"{self.query_read()} * {key}"
        if self.chance(0.15) and self.query == ["p"] and self.streamed == ["m"]:
            self.least["R"] = 1
            self.statements.append("at: i32[p,m] = clamp(m - p + R/2, 0, R - 1)")
            s = f"{self.query_read()} * ({key} + {self.tensor('Rk', ['r', 'e']).replace('r', 'at[p,m]', 1)})"
        if self.chance(0.6):
            s += f" * {self.argument('scale', 'f32 = rsqrt(max(E, 1))')}"
        for change in self.rng.sample(["softcap", "slope", "bias", "key bias", "query bias", "temperature", "tanh", "square"],
                                      self.rng.choice([0, 0, 1, 1, 2, 3])):
            s = self.changed(s, change)
        self.s = s

    def query_read(self):
        if "Q" not in self.arguments:
            self.q = self.permuted(self.row + ["e"])
            self.tensor("Q", self.q)
        return self.at("Q", self.q)

    def changed(self, s, change):
        m, p = self.streamed[0], self.query[0] if self.query else None
        if change == "softcap":
            return f"softcap({s}, {self.rng.choice(['5.0', '50.0'])})"
        if change == "tanh":
            return f"tanh({s})"
        if change == "square":
            return f"-0.1 * ({s}) * ({s})"
        if change == "slope" and p:
            return f"{s} - {self.tensor('slope', self.head, 'f32')} * ({self.rng.choice([f'{p} - {m}', f'abs({p} - {m})'])})"
        if change == "bias":
            ranks = self.rng.choice([self.head, self.outer]) + self.query + self.streamed
            return f"{s} + {self.tensor('bias', ranks, self.rng.choice(['f32', 'T']))}"
        if change == "key bias":
            return f"{s} + {self.tensor('kb', self.streamed)}"
        if change == "query bias":
            return f"({s} + {self.tensor('qb', self.row)}) * 0.5"
        if change == "temperature" and self.head:
            return f"({s}) * {self.tensor('temp', self.head, 'f32')}"
        return s

    def conditions(self):
        chosen = [self.condition() for _ in range(self.rng.choice([0, 1, 1, 1, 2]))]
        self.where = f"    if {self.rng.choice([' and ', ' or ']).join(f'({c})' for c in chosen)}" if chosen else ""

    def condition(self):
        m = self.streamed[0]
        options = [f"{m} < few", f"{m} % 3 == 0", f"keep[{m}]", f"{m} >= few"] + ([f"{m} < len[b]"] * 2 if "b" in self.outer else [])
        for p, m in zip(self.query, self.streamed):
            options += [f"{m} <= {p}", f"{m} <= {p} + {m.upper()} - {p.upper()}", f"{p} - {m} < window",
                        f"{m} <= {p} and {p} - {m} < window", f"abs({p} - {m}) <= window", f"{m} <= {p} or {m} < few",
                        f"{m} > {p}", f"qdoc[{p}] == kdoc[{m}]", f"({p} - {m}) % 2 == 0", f"{m}/8 == {p}/8", f"seen[{p},{m}]"]
        c = self.rng.choice(options)
        for name in ("window", "few"):
            if re.search(rf"\b{name}\b", c):
                self.argument(name, "i32")
        for name, element in (("len", "i32"), ("qdoc", "i32"), ("kdoc", "i32"), ("keep", "bool"), ("seen", "bool")):
            for ranks in re.findall(rf"\b{name}\[([^\]]*)\]", c):
                self.tensor(name, ranks.split(","), element)
        return c

    def weights(self):
        self.score = self.at("S", self.point)
        self.statements.append(f"{self.score} = {self.s}{self.where}")
        over, ranks = ",".join(self.streamed), ",".join(self.point)
        norms = ["softmax"] * 5 + ["sink", "sink", "twice", "two maps", "mean"] + list(POINTWISE)
        self.norm = self.rng.choice(norms + (OVER_ONE_RANK if len(self.streamed) == 1 else []))
        if self.norm == "softmax" or self.norm in OVER_ONE_RANK:
            self.weight = f"{self.norm}[{over}](S)[{ranks}]"
        elif self.norm == "sink":
            self.tensor("z", self.head, "f32")
            self.weight = f"sink_softmax[{over}](S, z)[{ranks}]"
        elif self.norm == "twice":
            self.statements.append(f"{self.at('A1', self.point)} = softmax[{over}](S)[{ranks}] * 2.0")
            self.weight = f"softmax[{over}](A1)[{ranks}]"
        elif self.norm == "two maps":
            self.statements.append(f"{self.at('S2', self.point)} = -0.5 * {self.score}")
            self.weight = f"(softmax[{over}](S)[{ranks}] - 0.25 * softmax[{over}](S2)[{ranks}])"
        elif self.norm == "mean":
            self.weight = f"exp({self.score}) / max({' * '.join(r.upper() for r in self.streamed)}, 1)"
        else:
            self.weight = POINTWISE[self.norm].format(self.score)
        self.after_the_map()

    def after_the_map(self):
        """Gates, mixing of heads, or nothing; a map with a name of its own where something follows it."""
        self.gate = f"sigmoid({self.tensor('gate', self.row + ['f'])}) * " if self.chance(0.1) else ""
        if self.head and self.chance(0.08):
            self.statements.append("require I == H")
            mixed = self.weight_named("Am").replace("h", "i")
            self.weight = self.named("A", f"{self.tensor('Wh', ['h', 'i'])} * {mixed}")
        elif self.chance(0.2):
            self.weight = self.weight_named("A")

    def weight_named(self, name):
        return self.named(name, self.weight)

    def named(self, name, expression):
        self.statements.append(f"{self.at(name, self.point)} = {expression}")
        return self.at(name, self.point)

    def result(self, name, ranks, expression, element="f32"):
        self.results.append(f"{name}: {element}[{','.join(ranks)}]" if ranks else f"{name}: {element}")
        self.statements.append(f"{self.at(name, ranks)} = {expression}")

    def outputs(self):
        over = ",".join(self.streamed)
        if self.chance(0.9):
            value = self.source.value()
            reduced = f"{self.gate}{self.weight} * {value}"
            if len(self.streamed) == 1 and self.chance(0.1):
                reduced = f"{self.gate}(sum[{over} if {over} % 2 == 0] {self.weight} * {value})"
            self.result("O", self.permuted(self.row + ["f"]), reduced, self.rng.choice(["T", "T", "f32"]))
        extra = [("Ls", self.row, f"logsumexp[{over}] {self.score}"), ("Xs", self.row, f"max[{over}] {self.score}"),
                 ("Ns", self.row, f"min[{over}] {self.score}"), ("Ds", self.row, f"sum[{over}] {self.score} * {self.score}"),
                 ("Ys", self.row, f"mean[{over}] {self.score}"), ("Ws", self.row, f"sum[{over}] {self.weight} * {self.weight}")]
        if self.query == ["p"] and self.chance(0.15):
            extra = [("Cs", self.outer + self.streamed, f"sum[p] {self.weight}")]
        count = self.rng.choice([0, 0, 0, 1, 2]) if self.results else 1
        for name, ranks, expression in self.rng.sample(extra, min(count, len(extra))):
            self.result(name, ranks, expression)

    def shape(self):
        names = sorted({r.upper() for r in re.findall(r"\b[a-z]\b", " ".join(re.findall(r": \w+\[([^\]]*)\]", self.text())))})
        names = [n for n in names if n not in self.source.derived]
        self.sizes = {n: self.rng.choice(SIZES) for n in names}
        for n in "BGHI":
            if n in self.sizes:
                self.sizes[n] = self.rng.choice([1, 2, 3, 5])
        if self.chance(0.05):
            self.sizes[self.rng.choice([n for n in names if n in "MPEFUYX"])] = 0
        if self.chance(0.3) and {"P", "M"} <= self.sizes.keys():
            self.sizes["P"] = self.sizes["M"]
        while self.points() > MOST_POINTS:
            largest = max(self.sizes, key=self.sizes.get)
            self.sizes[largest] = max(1, self.sizes[largest] // 2)
        if "G" in self.sizes and self.chance(0.7):
            self.sizes["H"] = self.sizes["G"] * self.rng.choice([1, 2, 3])
        if "I" in self.sizes:
            self.sizes["H"] = self.sizes["I"]
        self.source.adjust(self.sizes)
        for n, least in self.least.items():
            self.sizes[n] = max(least, self.sizes[n])

    def points(self):
        product = 1
        for n, size in self.sizes.items():
            product *= max(1, size) if n not in "EFGI" else 1
        return product * max(self.sizes.get("E", 1), self.sizes.get("F", 1), 1)

    def text(self):
        arguments = sorted(self.arguments.items(), key=lambda a: "=" in a[1])
        head = ", ".join(f"{n}: {t}" for n, t in arguments)
        ranks = "".join(f"  {r}\n" for r in self.source.ranks)
        return DEFS + f"kernel k<T>({head}) -> {', '.join(self.results)} {{\n{ranks}  " + "\n  ".join(self.statements) + "\n}\n"

    def options(self):
        tiles = ",".join(f"{r}={self.rng.choice([1, 3, 8, 16, 20, 64])}" for r in self.query + self.streamed if self.chance(0.8))
        options = ["--size", ",".join(f"{n}={s}" for n, s in self.sizes.items()), "--seed", str(self.rng.randrange(1000))]
        options += ["--threads", str(self.rng.choice([1, 2, 3]))]
        options += ["--type", "T=" + self.rng.choice(["f16", "bf16", "f64"])] if self.chance(0.3) else []
        return options + (["--tile", tiles] if tiles and self.chance(0.4) else [])
