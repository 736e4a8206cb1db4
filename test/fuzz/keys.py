# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Where keys and values come from: each class declares its arguments and gives the text of a read of either.

`streamed` are the ranks that the map is normalised over, `ranks` statements that declare ranks, `derived` the extents that
are not arguments' own.
"""


class Plain:
    """Tensors of keys and values."""
    streamed = ["m"]
    derived = ()

    @staticmethod
    def fits(draw):
        return True

    def __init__(self, draw):
        self.draw, self.ranks = draw, []
        self.orders = {}
        self.declare()

    def declare(self):
        pass

    def adjust(self, sizes):
        pass

    def read(self, name, last):
        if name not in self.orders:
            self.orders[name] = self.draw.permuted(self.draw.shared + self.streamed + [last])
            self.draw.tensor(name, self.orders[name])
        return self.draw.at(name, self.orders[name])

    def key(self):
        return self.read("K", "e")

    def value(self):
        return self.read("V", "f")


class Grid(Plain):
    """Two ranks under one normaliser."""
    streamed = ["u", "v"]


class Ragged(Plain):
    """As many keys as a table says for each member of the batch."""

    @staticmethod
    def fits(draw):
        return "b" in draw.shared

    def declare(self):
        self.ranks = ["rank m[b] = count[b]"]
        self.draw.argument("count", "i32[b]")


class Paged(Plain):
    """Pages of a pool, found through a table."""
    derived = ("M",)

    @staticmethod
    def fits(draw):
        return "b" in draw.shared

    def declare(self):
        self.ranks = ["rank m = L*W"]
        self.draw.argument("page", "i32[b,l]")
        self.draw.least = {"N": 1}

    def read(self, name, last):
        heads = [r for r in self.draw.shared if r != "b"]
        self.draw.argument(name, f"T[{','.join(['n', 'w'] + heads + [last])}]")
        return self.draw.at(name, ["page[b,m/W]", "m%W"] + heads + [last])

    def adjust(self, sizes):
        sizes["W"] = min(sizes["W"], 16)
        sizes["L"] = min(sizes["L"], 8)


class TwoSources(Plain):
    """Keys of a memory before keys of their own."""
    streamed = ["j"]
    derived = ("J",)

    def declare(self):
        self.ranks = ["rank j = N + M"]

    def read(self, name, last):
        if name not in self.orders:
            self.orders[name] = self.draw.shared + ["j", last]
            whole = ",".join(self.orders[name])
            before = self.draw.shared
            for part, rank, at, where in (("m", "n", "j", "j < N"), ("s", "m", "j-N", "j >= N")):
                self.draw.argument(name + part, f"T[{','.join(before + [rank, last])}]")
                self.draw.statements.append(f"{name}[{whole}] = {name}{part}[{','.join(before + [at, last])}]    if {where}")
        return self.draw.at(name, self.orders[name])


class Packed(Plain):
    """Heads and features in one dimension."""

    @staticmethod
    def fits(draw):
        return draw.shared == draw.outer == ["b", "h"]

    def declare(self):
        self.draw.tensor("heads", ["h"])

    def read(self, name, last):
        self.draw.argument(name, f"T[b,m,h*{last}]")
        return f"{name}[b,m,h,{last}]"

    def key(self):
        return self.read("K", "e") + " * heads[h]"


class Projected(Plain):
    """Both projected from one tensor."""

    def declare(self):
        self.draw.tensor("Z", self.draw.shared + ["m", "d"])

    def read(self, name, last):
        self.draw.tensor("P" + name, ["d", last])
        return f"{self.draw.at('Z', self.draw.shared + ['m', 'd'])} * P{name}[d,{last}]"

    def key(self):
        self.draw.statements.append(f"{self.whole('K', 'e')} = {self.read('K', 'e')}")
        return self.draw.at("K", self.draw.shared + ["m", "e"])

    def value(self):
        if self.draw.chance(0.5):
            return self.read("V", "f")
        self.draw.statements.append(f"{self.whole('V', 'f')} = {self.read('V', 'f')}")
        return self.draw.at("V", self.draw.shared + ["m", "f"])

    def whole(self, name, last):
        return f"{name}[{','.join(self.draw.shared + ['m', last])}]"

    def adjust(self, sizes):
        sizes["D"] = min(sizes["D"], 33)


class Pooled(Plain):
    """Means of blocks of keys."""
    streamed = ["c"]
    derived = ("C",)

    def declare(self):
        self.size = self.draw.rng.choice([1, 2, 4, 8])
        self.ranks = [f"require M % {self.size} == 0", f"rank c = M/{self.size}"]

    def read(self, name, last):
        if name not in self.orders:
            self.orders[name] = self.draw.shared + ["c", last]
            self.draw.argument(name + "m", f"T[{','.join(self.draw.shared + ['m', last])}]")
            member = ",".join(self.draw.shared + [f"c*{self.size}+i", last])
            self.draw.statements.append(f"{name}[{','.join(self.orders[name])}] = mean[i < {self.size}] {name}m[{member}]")
        return self.draw.at(name, self.orders[name])

    def adjust(self, sizes):
        sizes["M"] = -(-sizes["M"] // self.size) * self.size


class Quantised(Plain):
    """Small integers with a scale each row."""

    def read(self, name, last):
        ranks = self.draw.shared + ["m"]
        self.draw.argument(name, f"i8[{','.join(ranks + [last])}]")
        self.draw.argument(name + "s", f"f32[{','.join(ranks)}]")
        return f"f32({self.draw.at(name, ranks + [last])}) * {self.draw.at(name + 's', ranks)}"


KEYS = [Plain, Grid, Ragged, Paged, TwoSources, Packed, Projected, Pooled, Quantised]
