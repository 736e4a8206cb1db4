# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flag <dialect>-<stem> = passes/<dialect>/<Stem>.cpp = test/passes/<dialect>/<stem>.mlir, for each pass of the project."""
import re
from tree import exists, files, finish, read

faults, flags = [], set()
for path in files("Passes.td"):
    text = read(path)
    for name, flag in re.findall(r'^def (\w+)\s*:\s*Pass<"([\w-]+)"', text, re.M):
        flags.add(flag)
        dialect, _, stem = flag.partition("-")
        camel = "".join(word.capitalize() for word in stem.split("-"))
        if name != dialect.capitalize() + camel:
            faults.append(f"{path}: pass '{flag}' is defined as '{name}', expected '{dialect.capitalize() + camel}'")
        for wanted in (f"passes/{dialect}/{camel}.cpp", f"test/passes/{dialect}/{stem}.mlir"):
            if not exists(wanted):
                faults.append(f"{path}: pass '{flag}' has no {wanted}")
    for example in re.findall(r"test/[\w/-]+\.mlir", re.sub(r"\s+", " ", text)):
        if not exists(example):
            faults.append(f"{path}: the example {example} does not exist")

for path in files(".mlir"):
    match = re.fullmatch(r"test/passes/(\w+)/([\w-]+)\.mlir", path)
    if match and f"{match[1]}-{re.sub('-errors$', '', match[2])}" not in flags:
        faults.append(f"{path}: there is no pass '{match[1]}-{re.sub('-errors$', '', match[2])}'")

pipeline = read("compiler/Pipeline.cpp")
for flag in flags:
    if f'"{flag}"' not in pipeline:
        faults.append(f"compiler/Pipeline.cpp: pass '{flag}' is not in the list")
finish(len(flags), faults)
