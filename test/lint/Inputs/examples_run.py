# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every example is checked against the evaluator by a test, and stands in the list of examples/README.md."""
import re
from tree import files, finish, read

checked = set()
for path in files():
    if path.startswith("test/run/") and path.endswith((".test", ".py")):
        for line in read(path).splitlines():
            if re.search(r"\bcheck\b", line):
                checked.update(re.findall(r"examples/([\w-]+\.attn)", line))
listed = read("examples/README.md")
examples = [p.split("/")[1] for p in files(".attn") if re.fullmatch(r"examples/[^/]+", p)]
faults = [f"examples/{e}: no test under test/run runs 'attnc check' on it" for e in examples if e not in checked]
faults += [f"examples/{e}: not in examples/README.md" for e in examples if e not in listed]
faults += [f"examples/{e}: in a test, but there is no such file" for e in checked if e not in examples]
finish(len(examples), faults)
