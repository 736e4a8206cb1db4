# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""npy_types.py: a kernel that copies X to O gives back the bytes of a file in each element type that numpy has, in
row-major and in column-major order, and refuses every other type."""
import struct
import subprocess

TYPES = {"f16": "<f2", "bf16": "<u2", "f32": "<f4", "f64": "<f8", "i8": "|i1", "i32": "<i4", "i64": "<i8", "bool": "|b1"}
NAMES = {"<f2": "float16", "<u2": "uint16", "<f4": "float32", "<f8": "float64", "|i1": "int8", "<i4": "int32", "<i8": "int64",
         "|b1": "bool"}
VALUES = {"f": lambda i: i - 2.5, "i": lambda i: 7 * i - 20, "u": lambda i: 0x3f80 + i, "b": lambda i: i % 2 == 1}
PACK = {"<f2": "e", "<u2": "H", "<f4": "f", "<f8": "d", "|i1": "b", "<i4": "i", "<i8": "q", "|b1": "?"}
P, M = 2, 3


def write(path, descr, by_column):
    values = [VALUES[descr[1]](i) for i in range(P * M)]
    order = [p * M + m for m in range(M) for p in range(P)] if by_column else range(P * M)
    header = str({"descr": descr, "fortran_order": by_column, "shape": (P, M)})
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    pack = lambda numbers: struct.pack("<" + str(P * M) + PACK[descr], *numbers)
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pack([values[i] for i in order]))
    return pack(values)


def attnc(element, source):
    with open("copy.attn", "w") as file:
        file.write(f"kernel copy(X: {element}[p,m]) -> O: {element}[p,m] {{ O[p,m] = X[p,m] }}\n")
    return subprocess.run(["attnc", "run", "copy.attn", "--in", "X=" + source, "--out", "O=o.npy"],
                          capture_output=True, text=True)


for element, descr in TYPES.items():
    for by_column in (False, True):
        want = write("x.npy", descr, by_column)
        run = attnc(element, "x.npy")
        assert run.returncode == 0, (element, run.stderr)
        with open("o.npy", "rb") as file:
            data = file.read()
        header = data[10:10 + struct.unpack("<H", data[8:10])[0]].decode()
        assert f"'descr': '{descr}'" in header and "'shape': (2, 3)" in header, (element, header)
        assert data[-len(want):] == want, (element, by_column)
    for other in TYPES:
        if other != element:
            run = attnc(other, "x.npy")
            assert run.returncode == 1, (element, other)
            assert f"x.npy: argument 'X' has element type {other}, found {NAMES[descr]}" in run.stderr, run.stderr
print(len(TYPES), "types")
