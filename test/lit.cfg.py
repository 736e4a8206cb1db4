# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import os, sys
import lit.formats

config.name = "attnc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.substitutions += [("%python", sys.executable), ("%examples", config.examples_dir),
                         ("%build", config.build_dir)]
config.suffixes = [".mlir", ".test", ".attn"]
config.excludes = ["Inputs", "corpus"]
config.test_source_root = os.path.dirname(__file__)
config.environment["PATH"] = os.pathsep.join([config.bin_dir, config.llvm_bin_dir, os.environ["PATH"]])
for name in ("ATTNC_FUZZ",):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.environment["ATTNC_CACHE_DIR"] = ""   # none: a test sees what this compiler makes
config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0"   # lld's archives are not instrumented but share allocators
for level, need in (("v3", "avx2"), ("v4", "avx512vl")):         # REQUIRES: x86-64-v4
    if need in open("/proc/cpuinfo").read().split():
        config.available_features.add("x86-64-" + level)
if any(os.access(os.path.join(folder, "chromium"), os.X_OK) for folder in config.environment["PATH"].split(os.pathsep)):
    config.available_features.add("chromium")                    # looks at the pages that explain writes
