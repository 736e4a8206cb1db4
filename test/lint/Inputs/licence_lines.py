# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every source file names its licence in the first lines."""
from tree import files, finish, read

LINE = "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"
SOURCES = (".cpp", ".h", ".c", ".hpp", ".td", ".py", ".sh", ".mlir", ".cmake", ".in",
           "CMakeLists.txt")
SCRIPTS = ("dev", ".ci/run", "examples/demo")
paths = [p for p in files() if p.endswith(SOURCES) or p in SCRIPTS]
finish(len(paths), [f"{p}: no '{LINE}'" for p in paths if LINE not in "".join(read(p).splitlines()[:3])])
