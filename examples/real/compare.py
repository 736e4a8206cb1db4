#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""compare.py GOT.npy WANT.npy [TOLERANCE]: the largest difference, relative to the largest magnitude in WANT.

Exit status 0 if it is at most TOLERANCE (default 1e-5), 1 if it is above or a value is NaN or infinite, 2 if the files
cannot be compared. Reads little-endian float16, float32 and float64 in C order; needs nothing but Python 3.
"""
import ast
import math
import struct
import sys

FORMATS = {"<f2": "e", "<f4": "f", "<f8": "d"}


def load(path):
    """Returns the shape and the values of a .npy file (format versions 1 to 3)."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 12 or data[:6] != b"\x93NUMPY" or data[6] not in (1, 2, 3):
        raise ValueError(f"{path}: not a .npy file of version 1, 2 or 3")
    size, start = (*struct.unpack_from("<H", data, 8), 10) if data[6] == 1 else (*struct.unpack_from("<I", data, 8), 12)
    header = ast.literal_eval(data[start : start + size].decode("utf-8"))
    form, shape = FORMATS.get(header["descr"]), header["shape"]
    if form is None or header["fortran_order"]:
        raise ValueError(f"{path}: expected float16, float32 or float64 in C order, found {header}")
    values, expected = data[start + size :], math.prod(shape) * struct.calcsize("<" + form)
    if len(values) != expected:
        raise ValueError(f"{path}: expected {expected} bytes of values for shape {list(shape)}, found {len(values)}")
    return shape, struct.unpack(f"<{math.prod(shape)}{form}", values)


def main(got_path, want_path, tolerance="1e-5"):
    tolerance = float(tolerance)
    (got_shape, got), (want_shape, want) = load(got_path), load(want_path)
    if got_shape != want_shape:
        raise ValueError(f"{got_path} has shape {list(got_shape)}, but {want_path} {list(want_shape)}")
    wrong = sum(not (math.isfinite(g) and math.isfinite(w)) for g, w in zip(got, want))
    if wrong:
        print(f"{wrong} of {len(want)} pairs have a NaN or an infinity")
        return 1
    difference = max((abs(g - w) for g, w in zip(got, want)), default=0.0)
    largest = max(map(abs, want), default=0.0)
    # Against a tensor of zeros no difference but none is small.
    relative = difference / largest if largest else (math.inf if difference else 0.0)
    fits = relative <= tolerance
    print(f"largest difference {relative:.1e} of the largest value, {'within' if fits else 'above'} {tolerance:.0e}"
          f"  ({len(want)} values)")
    return 0 if fits else 1


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4:
        print(__doc__.splitlines()[0], file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error) as error:
        print(f"compare.py: {error}", file=sys.stderr)
        sys.exit(2)
