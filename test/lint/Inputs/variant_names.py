# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Derived, never recognised: no code between the spec and the target knows a variant of attention by name.

Comments may cite a paper; names of elementary functions (sigmoid, relu) are functions, not variants."""
import re
from tree import files, finish, read

FOLDERS = ("passes/", "dialects/", "compiler/targets/", "compiler/codegen/")
VARIANTS = re.compile(r"soft_?max|flash|attention|causal|sliding|[gm]qa(?![a-z])|\bmha|\bmla|alibi|moba|\bnsa\b|mamba|retnet|"
                      r"linformer|performer|longformer|prefix_?lm|t5|rope(?!r)|paged", re.I)
COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)
faults = []
paths = [p for p in files(".cpp", ".h") if p.startswith(FOLDERS)]
for path in paths:
    # strings stay (they would be names to match), comments go; line ends stay for the count
    code = COMMENT.sub(lambda m: m[0] if m[0].startswith('"') else "\n" * m[0].count("\n"), read(path))
    for number, line in enumerate(code.splitlines(), 1):
        if match := VARIANTS.search(line):
            faults.append(f"{path}:{number}: '{match[0]}' names a variant")
finish(len(paths), faults)
