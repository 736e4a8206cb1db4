# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""llvm-objdump -d --no-show-raw-insn on stdin: innermost loops, and what they hold that they should not: calls."""
import re
import sys

INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(\w+)\s*(.*)")
code, loops = {}, []
for line in sys.stdin:
    if match := INSTRUCTION.match(line):
        address, name = int(match[1], 16), match[2]
        code[address] = name
        target = re.match(r"0x([0-9a-f]+)", match[3])
        if name.startswith("j") and target and int(target[1], 16) <= address:
            loops.append((int(target[1], 16), address))
inner = [(a, b) for a, b in loops if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)]
calls = sum(name.startswith("call") for a, b in inner for address, name in code.items() if a <= address <= b)
print(f"inner loops {len(inner)}, calls in them {calls}")
sys.exit(not inner or calls != 0)
