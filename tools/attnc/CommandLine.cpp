// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Options.td, read by llvm/Option: libLLVM registers options of its own, with which cl::opt would clash.
#include "tools/attnc/CommandLine.h"
#include "compiler/driver/Artifacts.h"
#include "compiler/driver/SetOption.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Option/ArgList.h"
#include "llvm/Option/OptTable.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;
using llvm::opt::DefaultVis;
using llvm::opt::HelpHidden;

namespace {
#define OPTTABLE_STR_TABLE_CODE
#define OPTTABLE_PREFIXES_TABLE_CODE
#define OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE
#define OPTTABLE_SUBCOMMANDS_CODE
#include "tools/attnc/Options.inc"
#undef OPTTABLE_STR_TABLE_CODE
#undef OPTTABLE_PREFIXES_TABLE_CODE
#undef OPTTABLE_SUBCOMMAND_IDS_TABLE_CODE
#undef OPTTABLE_SUBCOMMANDS_CODE

enum Id {
  OPT_INVALID,
#define OPTION(...) LLVM_MAKE_OPT_ID(__VA_ARGS__),
#include "tools/attnc/Options.inc"
#undef OPTION
};

constexpr opt::OptTable::Info infos[] = {
#define OPTION(...) LLVM_CONSTRUCT_OPT_INFO(__VA_ARGS__),
#include "tools/attnc/Options.inc"
#undef OPTION
};

struct Table : opt::GenericOptTable {
  Table()
      : GenericOptTable(OptionStrTable, OptionPrefixesTable, infos, false, OptionSubCommands,
                        OptionSubCommandIDsTable) {}
};

struct CommandRow {
  StringLiteral name;
  Exit (*run)(const Request &);
  bool needsSpec;
  /// What the help says below the options.
  StringLiteral more;
};

constexpr StringLiteral kBinding = R"(
Sizes that are known compile to faster code: a rank of at most 512 points is bound when compiling if it is the last
dimension of every argument and result that has it (as e and f in Q[b,h,p,e], V[b,h,m,f]).
Tensors that --in does not give are random, optional ones (H?: f32[..]) not given. Sets are i32 lists, padded with -1.
)";
constexpr StringLiteral kJsonExplain = R"(
Keys of --json: kernel, target, kernels, ranks (a list: rank, passes_written, passes, block_pass; of streamed ones also
written_block_pass, summaries, derivation, state, merge, final, state_bytes, remarks), flops_formula, functions_formula,
bytes_formula, balance (flop/byte), tiling, routes (a list: ranks, block, condition), problem where something is not
known; with --size also flops, functions, bytes, intensity, and of routes blocks (visited, full, partial, total) and map
(rows, columns, row_points, column_points, cells: '#' full, '+' partial, '.' not visited), or missing: what else --size
and --set must give. Each of the summaries has pass, over_blocks (made from the values of blocks, behind that pass),
summary, place, why, waits_for (numbers of summaries). What is not lowered has no passes and block_pass.
)";
constexpr StringLiteral kJsonBench = R"(
Keys of --json: kernel target threads flops bytes median_s best_s samples gflops peak_gflops fraction_of_peak gbs
read_gbs fraction_of_bandwidth. Without a quiet sample those that need one are null.
)";

constexpr StringLiteral kFormat = R"(
Comments, line breaks inside a statement and single empty lines stay. A spec that does not parse is not written.
)";
constexpr StringLiteral kNew = R"(
The kernel has the same name. NAME may have a folder before it; a file that exists is not overwritten.
)";

constexpr CommandRow kCommands[] = {
    {"build", runBuild, true, "\nSeveral kinds after --emit: -o names the files, each with its own ending.\n"},
    {"run", runRun, true, kBinding},
    {"check", runCheck, true, "\nWithout --size: a set of awkward shapes.\n"},
    {"explain", runExplain, true, kJsonExplain},
    {"bench", runBench, true, kJsonBench},
    {"targets", runTargets, false, ""},
    {"fmt", runFormat, true, kFormat},
    {"new", runNew, true, kNew},
};

class Reader {
public:
  Reader(const opt::InputArgList &args, const CommandRow &command) : args(args), command(command) {}

  Error read(Request &request) {
    std::vector<std::string> specs = args.getAllArgValues(OPT_INPUT);
    if (specs.size() > 1 || (specs.empty() && command.needsSpec))
      return usageError("'" + command.name + "' expects one " + (command.run == runNew ? "name" : "spec") + ", found " +
                        Twine(specs.size()));
    if (!specs.empty())
      request.spec = specs.front();
    request.output = value(OPT_o);
    request.page = value(OPT_html);
    request.json = args.hasArg(OPT_json);
    request.verbose = args.hasArg(OPT_verbose);
    request.inPlace = args.hasArg(OPT_i);
    request.checksOnly = args.hasArg(OPT_check);
    request.reference = args.hasArg(OPT_reference);
    if (!args.hasArg(OPT_no_cache))
      request.cacheDir = args.hasArg(OPT_cache_dir) ? value(OPT_cache_dir) : Cache::defaultDirectory();
    Error error = readOptions(request.options);
    for (auto step : {&Reader::readKinds, &Reader::readTensors, &Reader::readNumbers})
      if (!error)
        error = (this->*step)(request);
    return error;
  }

private:
  std::string value(Id id) { return args.getLastArgValue(id).str(); }

  Error readOptions(CompileOptions &options) {
    options.until = value(OPT_until);
    options.dumpDir = value(OPT_dump_dir);
    for (auto [id, name] : {std::pair(OPT_target, "target"),
                            {OPT_kernel, "kernel"},
                            {OPT_type, "type"},
                            {OPT_bind, "bind"},
                            {OPT_tile, "tile"},
                            {OPT_exact_factors, "exact-factors"}})
      for (const opt::Arg *arg : args.filtered(id))
        if (Error error = setOption(options, name, arg->getNumValues() ? arg->getValue() : ""))
          return error;
    return Error::success();
  }

  Error readKinds(Request &request) {
    for (const std::string &text : args.getAllArgValues(OPT_emit))
      for (StringRef kind : split(text, ','))
        if (!findArtifactKind(kind))
          return unknownKind(kind);
        else if (!is_contained(request.emit, kind))
          request.emit.push_back(kind.str());
    if (!request.options.until.empty() && !request.emit.empty())
      return usageError("--until prints the IR; it does not go with --emit");
    return Error::success();
  }

  Error readPairs(Id id, StringRef what, Assignments &into) {
    for (const std::string &text : args.getAllArgValues(id)) {
      Expected<Assignment> pair = parseAssignment(text, what);
      if (!pair)
        return pair.takeError();
      if (any_of(into, [&](const Assignment &other) { return other.first == pair->first; }))
        return usageError(what + " gives '" + pair->first + "' twice");
      into.push_back(std::move(*pair));
    }
    return Error::success();
  }

  Error readTensors(Request &request) {
    if (Error error = readPairs(OPT_input_file, "--in", request.inputs))
      return error;
    if (Error error = readPairs(OPT_output_file, "--out", request.outputs))
      return error;
    std::map<std::string, std::string> scalars;
    for (const std::string &text : args.getAllArgValues(OPT_set))
      if (Error error = parseAssignments(text, "--set", scalars))
        return error;
    request.scalars.assign(scalars.begin(), scalars.end());
    for (const std::string &text : args.getAllArgValues(OPT_size))
      if (Error error = parseSizes(text, "--size", 0, request.sizes))
        return error;
    return Error::success();
  }

  template <typename T> Error readNumber(Id id, StringRef what, T least, T &into) {
    const opt::Arg *arg = args.getLastArg(id);
    if (arg && (StringRef(arg->getValue()).getAsInteger(10, into) || into < least))
      return usageError(what + " expects an integer of at least " + Twine(least) + ", found '" + arg->getValue() + "'");
    return Error::success();
  }

  Error readNumbers(Request &request) {
    if (Error error = readNumber<uint64_t>(OPT_seed, "--seed", 0, request.seed))
      return error;
    if (Error error = readNumber<int32_t>(OPT_threads, "--threads", 1, request.threads))
      return error;
    const opt::Arg *scale = args.getLastArg(OPT_scale_data);
    if (scale && StringRef(scale->getValue()).getAsDouble(request.dataScale))
      return usageError("--scale-data expects a number, found '" + Twine(scale->getValue()) + "'");
    return Error::success();
  }

  const opt::InputArgList &args;
  const CommandRow &command;
};

std::string helpText(const Table &table, const CommandRow *command) {
  std::string text;
  raw_string_ostream out(text);
  table.printHelp(out, "attnc [command] [options]", "attention compiler", false, false, opt::Visibility(),
                  command ? StringRef(command->name) : StringRef());
  if (command)
    out << command->more;
  return text;
}

Error checkOptions(const Table &table, const opt::InputArgList &args, StringRef command) {
  for (const opt::Arg *arg : args) {
    unsigned id = arg->getOption().getID();
    if (id == OPT_UNKNOWN) {
      std::string nearest;
      table.findNearest(arg->getSpelling(), nearest);
      return usageError("unknown option '" + arg->getSpelling() + "'; did you mean '" + nearest + "'?");
    }
    if (id != OPT_INPUT && !table.isValidForSubCommand(&infos[id - 1], command))
      return usageError("option '" + arg->getSpelling() + "' is not for '" + command + "'");
  }
  return Error::success();
}
} // namespace

Expected<CommandLine> attn::parseCommandLine(ArrayRef<const char *> arguments) {
  Table table;
  // The command is the first word, build if that is none; ArgList::getSubCommand refuses any other positional argument.
  const CommandRow *command = nullptr;
  for (const CommandRow &row : kCommands)
    if (!arguments.empty() && row.name == arguments[0])
      command = &row;
  CommandLine line;
  if (arguments.empty() || (!command && StringRef(arguments[0]).starts_with("-"))) {
    StringRef only = arguments.empty() ? "--help" : arguments[0];
    if (only == "--help" || only == "-h")
      return line.text = helpText(table, nullptr), std::move(line);
    if (only == "--version")
      return line.text = "attnc " ATTNC_VERSION "\n", std::move(line);
  }
  unsigned missingIndex, missingCount;
  opt::InputArgList args = table.ParseArgs(command ? arguments.drop_front() : arguments, missingIndex, missingCount);
  if (missingCount)
    return usageError("option '" + Twine(args.getArgString(missingIndex)) + "' needs a value");
  if (!command)
    command = &kCommands[0];
  if (args.hasArg(OPT_help))
    return line.text = helpText(table, command), std::move(line);
  if (Error error = checkOptions(table, args, command->name))
    return std::move(error);
  if (Error error = Reader(args, *command).read(line.request))
    return std::move(error);
  line.run = command->run;
  return line;
}
