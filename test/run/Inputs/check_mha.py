# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# check_mha.py Q K V O: O is the attention of Q, K, V, computed here in the plainest way.
import ast, math, struct, sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + length].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    body = data[10 + length:]
    return header["shape"], struct.unpack("<%df" % (len(body) // 4), body)


(shape, q), (keys, k), (values, v), (out, o) = map(read, sys.argv[1:])
b, h, p, e = shape
m, f = keys[2], values[3]
assert out == (b, h, p, f), out
for i in range(b * h):
    for row in range(p):
        s = [sum(q[(i * p + row) * e + c] * k[(i * m + key) * e + c] for c in range(e)) / math.sqrt(e) for key in range(m)]
        w = [math.exp(x - max(s)) for x in s]
        for c in range(f):
            want = sum(w[key] * v[(i * m + key) * f + c] for key in range(m)) / sum(w)
            assert abs(o[(i * p + row) * f + c] - want) < 1e-5, (i, row, c)
