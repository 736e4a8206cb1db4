# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# write_npy.py FILE SHAPE ...: files with some values, without NumPy: f32, or bf16 as uint16 if the name says so.
import struct, sys

for path, text in zip(sys.argv[1::2], sys.argv[2::2]):
    shape = tuple(map(int, text.split(",")))
    count = 1
    for extent in shape:
        count *= extent
    isBf16 = "bf16" in path
    header = str({"descr": "<u2" if isBf16 else "<f4", "fortran_order": False, "shape": shape})
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    values = [((i * 37 + len(path)) % 101) / 50 - 1 for i in range(count)]
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        words = struct.pack("<%df" % count, *values)
        file.write(b"".join(words[i + 2:i + 4] for i in range(0, len(words), 4)) if isBf16 else words)
