// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include "llvm/Option/OptParser.td"

def BuildCommand : SubCommand<"build", "compile a spec; the command if none is given", "attnc [build] SPEC [options]">;
def RunCommand : SubCommand<"run", "compile a spec and run it on files or random tensors", "attnc run SPEC [options]">;
def CheckCommand : SubCommand<"check", "compare a compiled spec with the reference evaluator", "attnc check SPEC [options]">;
def ExplainCommand : SubCommand<"explain", "passes, derivation, routes and work of a spec", "attnc explain SPEC [options]">;
def BenchCommand : SubCommand<"bench", "measure a compiled spec", "attnc bench SPEC --size ... [options]">;
def TargetsCommand : SubCommand<"targets", "what is available here, and what covers a spec", "attnc targets [SPEC] [options]">;
def FmtCommand : SubCommand<"fmt", "format a spec, to the standard output", "attnc fmt SPEC [--check | -i]">;
def NewCommand : SubCommand<"new", "write a spec to start from, NAME.attn", "attnc new NAME">;

defvar everywhere = [BuildCommand, RunCommand, CheckCommand, ExplainCommand, BenchCommand, TargetsCommand];
defvar everyCommand = everywhere # [FmtCommand, NewCommand];
defvar sized = [RunCommand, CheckCommand, ExplainCommand, BenchCommand];
defvar called = [RunCommand, CheckCommand, BenchCommand];

// An option with a value: --name VALUE or --name=VALUE.
multiclass Value<string name, list<SubCommand> commands, string meta, string help> {
  def NAME : Separate<["--"], name, commands>, MetaVarName<meta>, HelpText<help>;
  def NAME#_eq : Joined<["--"], name#"=", commands>, Alias<!cast<Option>(NAME)>;
}

def help : Flag<["--"], "help", everyCommand>, HelpText<"print this text">;
def help_h : Flag<["-"], "h", everyCommand>, Alias<help>;
def version : Flag<["--"], "version">, HelpText<"print the version">;

defm kernel : Value<"kernel", everywhere, "NAME", "only this kernel of the file">;
defm target : Value<"target", everywhere, "TARGET", "see `attnc targets`; the default is the best that runs here">;
defm type : Value<"type", everywhere, "T=f16,...", "element types of the kernel's type parameters">;
defm bind : Value<"bind", everywhere, "E=128,...", "extents and const scalars known when compiling">;
defm tile : Value<"tile", everywhere, "p=64,...", "block sizes, in place of the compiler's choice">;
def exact_factors : Flag<["--"], "exact-factors", everywhere>,
                    HelpText<"round no factor of a contraction to the other's type">;
defvar compiled = [BuildCommand, RunCommand, CheckCommand, BenchCommand];
defm cache_dir : Value<"cache-dir", compiled, "DIR", "where compiled kernels are kept; else $ATTNC_CACHE_DIR, ~/.cache/attnc">;
def no_cache : Flag<["--"], "no-cache", compiled>, HelpText<"compile anew, keep nothing">;
def verbose : Flag<["--"], "verbose", everywhere>, HelpText<"more to read">;

def o : Separate<["-"], "o", [BuildCommand]>, MetaVarName<"FILE">, HelpText<"output; the default is SPEC's name">;
defm emit : Value<"emit", [BuildCommand], "KIND,...", "so (default), obj, header, asm, llvm, mlir">;
defm until : Value<"until", [BuildCommand], "NAME", "stop after this phase or pass and print the IR">;
defm dump_dir : Value<"dump-dir", [BuildCommand], "DIR", "write the IR after each pass to DIR">;

defm size : Value<"size", sized, "B=1,...", "extents of ranks">;
defm set : Value<"set", sized, "NAME=X", "value of a scalar argument; may repeat">;
defm input_file : Value<"in", [RunCommand], "Q=FILE.npy", "input from a file, or as text: Q=[[1,2],[3,4]]; may repeat">;
defm output_file : Value<"out", [RunCommand], "O=FILE.npy", "result to a file, or printed: O=-; may repeat">;
def reference : Flag<["--"], "reference", [RunCommand]>,
                HelpText<"compile nothing; the results are the reference evaluator's (f64, slow)">;
defm seed : Value<"seed", called, "N", "of the random tensors">;
defm threads : Value<"threads", called, "N", "how many; the default is one a core">;
defm scale_data : Value<"scale-data", [CheckCommand], "X", "multiplies the random tensors">;
def json : Flag<["--"], "json", [ExplainCommand, BenchCommand]>, HelpText<"one JSON object">;

defm html : Value<"html", [ExplainCommand], "FILE", "one page for a browser, in place of the text">;

def i : Flag<["-"], "i", [FmtCommand]>, HelpText<"write the file in place, if anything changes">;
def check : Flag<["--"], "check", [FmtCommand]>, HelpText<"write nothing; status 1 if the file is not formatted">;
