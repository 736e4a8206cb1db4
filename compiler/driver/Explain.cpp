// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc explain: in how many passes, why so many, what was derived, which blocks are visited, how much work that is.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Cascade.h"
#include "compiler/driver/Progress.h"
#include "compiler/driver/Work.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

/// Everything there is to say; what a pass refused stands in `stopped`.
struct Explanation {
  const Spec *spec;
  CascadeReport cascade;
  Work work;
  std::optional<double> flops, bytes;
  RankExtents extents; ///< those that are known
  unsigned groups = 0;
  std::vector<Visits> visits;
  std::vector<std::string> tilings, remarks; ///< what the passes said
  std::string stopped;
  unsigned width = 100;
  bool isVerbose = false;
};

std::string plural(unsigned n, StringRef word, StringRef ending = "s") {
  return (Twine(n) + " " + word + (n == 1 ? "" : ending)).str();
}

/// The rest of a line that has `indent` columns already; what does not fit goes to lines indented by two more.
void printWrapped(raw_ostream &out, StringRef text, unsigned indent, unsigned width) {
  unsigned room = width > indent + 27 ? width - indent : 27;
  for (bool isFirst = true; text.size() > room; isFirst = false) { // at a blank, if there is one
    size_t at = text.take_front(room).rfind(' ');
    at = at == StringRef::npos || at < room / 2 ? room : at;
    out << text.take_front(at) << '\n' << std::string(indent + 2, ' ');
    text = text.drop_front(at).ltrim();
    room -= isFirst ? 2 : 0;
  }
  out << text << '\n';
}

/// Text behind a label; further lines are indented alike.
class Lines {
public:
  Lines(raw_ostream &out, unsigned width, std::string label) : out(out), width(width), label(std::move(label)) {}
  void add(StringRef text) {
    out << formatv("  {0,-10} ", label);
    label = "";
    printWrapped(out, text, 13, width);
  }

private:
  raw_ostream &out;
  unsigned width;
  std::string label;
};

std::string passesOver(const algebra::Passes &passes, StringRef ranks) {
  return (passes.str() + (passes.halves == 2 ? " pass" : " passes") + " over " + ranks).str();
}

std::string writtenText(const StreamReport &stream) {
  bool isTold = stream.written.hasBlockPass();
  return stream.written.str() + (stream.isWrittenWithBlockPass && !isTold ? ", and one over the block values,"
                                 : isTold                                 ? ","
                                                                          : "");
}

/// What is not lowered has no passes but those of its text.
bool isLowered(const Explanation &e) { return e.stopped.empty() && !e.cascade.isWrittenOnly; }

std::string passesText(const StreamReport &stream, const Explanation &e) {
  if (isLowered(e))
    return passesOver(stream.derived, stream.ranks) + " (" + writtenText(stream) + " as written)";
  algebra::Passes whole{stream.written.whole() * 2};
  std::string blocks = stream.isWrittenWithBlockPass ? ", and one over the block values," : "";
  return passesOver(whole, stream.ranks) + blocks + " as written";
}

/// "not lowered yet: selection 'topk' (spec:8:17)"
std::string notLowered(const Explanation &e) {
  std::string text = e.stopped;
  StringRef known = " is not lowered yet";
  if (size_t at = text.find(known); at != std::string::npos)
    text.erase(at, known.size());
  return "not lowered yet: " + text;
}

void printHeadline(raw_ostream &out, const Explanation &e) {
  std::string text = e.spec->kernel->name + ": ";
  if (e.groups)
    text += plural(e.groups, "kernel") + ", ";
  std::vector<std::string> passes;
  for (const StreamReport &stream : e.cascade.streams)
    passes.push_back(passesText(stream, e));
  if (!passes.empty())
    text += listOf(passes);
  else
    text += e.cascade.problem.empty() ? "no rank is streamed" : "passes not known";
  StringRef target = e.spec->compilation->target->name;
  size_t used = text.size() + target.size();
  out << text << std::string(used + 2 < e.width ? e.width - used : 2, ' ') << target << "\n\n";
}

/// "  pass 1   max[m](S)    line 3    needs Q, K"
void printWritten(raw_ostream &out, const StreamReport &stream, unsigned width) {
  size_t columns[2] = {0, 0};
  for (const SummaryRow &row : stream.summaries) {
    columns[0] = std::max(columns[0], row.what.size());
    columns[1] = std::max(columns[1], row.place.size());
  }
  columns[0] = std::min<size_t>(columns[0], width / 2);
  out << "  rank " << stream.ranks << " as written\n";
  unsigned last = 0;
  for (const SummaryRow &row : stream.summaries) {
    unsigned halves = 2 * row.pass + row.isOverBlocks;
    out << (halves == last     ? "             "
            : row.isOverBlocks ? "    blocks   "
                               : formatv("    pass {0,-3} ", row.pass).str());
    last = halves;
    std::string what = row.what + std::string(row.what.size() < columns[0] ? columns[0] - row.what.size() : 0, ' ');
    std::string place = row.place + std::string(columns[1] - row.place.size(), ' ');
    printWrapped(out, what + "  " + place + "  " + row.why, 13, width);
  }
  out << '\n';
}

/// "8 + 4*F bytes a row"
std::string stateBytes(const StreamReport &stream, const Explanation &e) {
  bool isDouble =
      any_of(e.spec->kernel->args, [](const codegen::KernelArgument &each) { return each.element == ATTNC_F64; });
  std::vector<Monomial> bytes;
  for (const std::vector<std::string> &ranks : stream.stateRanks)
    addTo(bytes, {isDouble ? 8 : 4, ranks, false});
  std::string formula = print(bytes, {});
  std::optional<double> value = evaluate(bytes, e.extents, nullptr);
  bool isNumber = formula.find('*') == std::string::npos;
  return formula + (value && !isNumber ? " = " + number(*value, 9) : "") + " bytes a row";
}

void printStream(raw_ostream &out, const StreamReport &stream, const Explanation &e) {
  printWritten(out, stream, e.width);
  if (!isLowered(e)) {
    Lines(out, e.width, "after").add(notLowered(e));
    out << '\n';
    return;
  }
  if (!stream.steps.empty())
    out << "  derivation\n";
  for (auto [i, step] : enumerate(stream.steps)) {
    out << formatv("    {0,2}  {1,-11} ", i + 1, step.rule);
    printWrapped(out, step.text, 20, e.width);
  }
  Lines state(out, e.width, "state");
  for (const std::string &text : stream.state)
    state.add(text);
  if (!stream.stateRanks.empty())
    state.add(stateBytes(stream, e));
  Lines merge(out, e.width, "merge");
  for (const std::string &text : stream.merge)
    merge.add(text);
  Lines final(out, e.width, "final");
  for (const std::string &text : stream.final)
    final.add(text);
  Lines remarks(out, e.width, "remark");
  for (const StepRow &remark : stream.remarks)
    remarks.add(remark.text);
  out << '\n';
}

std::string routeText(const Visits &visits) {
  std::string text = visits.condition + (visits.isExact ? "" : ", and what is tested at each point");
  std::vector<std::string> sizes;
  for (int64_t size : visits.block)
    sizes.push_back(std::to_string(size));
  text += "      blocks of " + join(sizes, " x ");
  if (!visits.isCounted)
    return text;
  text += formatv(": {0} of {1} visited, {2} of them partial", visits.visited, visits.total, visits.partial).str();
  if (visits.total)
    text += "  (" + number(100.0 * double(visits.visited) / double(visits.total), 2) + " %)";
  return text;
}

std::string flopsText(const Explanation &e) {
  if (e.work.flops.empty())
    return "no contraction";
  const Visits *visits = mainVisits(e.visits);
  std::string text = print(e.work.flops, visits ? ArrayRef<std::string>(visits->ranks) : ArrayRef<std::string>());
  return e.flops ? text + " = " + quantity(*e.flops, "FLOP") : text;
}

std::string bytesText(const Explanation &e) {
  std::string text = print(e.work.bytes, {});
  if (e.bytes)
    text += " = " + quantity(*e.bytes, "B");
  if (e.flops && *e.flops > 0 && e.bytes)
    text += "      " + number(*e.flops / *e.bytes, 3) + " flop/byte";
  return text;
}

void printText(const Explanation &e) {
  raw_ostream &out = outs();
  printHeadline(out, e);
  if (!e.cascade.problem.empty())
    out << "  passes     not known: " << e.cascade.problem << "\n\n";
  for (const StreamReport &stream : e.cascade.streams)
    printStream(out, stream, e);
  for (const auto &[rank, passes] : e.cascade.others)
    Lines(out, e.width, "rank " + rank)
        .add(passes.str() + (passes.halves == 2 ? " pass" : " passes") + ", not streamed");
  for (const auto &[rank, states] : e.cascade.walks)
    Lines(out, e.width, "rank " + rank).add("walked in order, one step after the other: " + states);
  Lines route(out, e.width, "route");
  for (const Visits &visits : e.visits)
    route.add(routeText(visits));
  if (!e.stopped.empty())
    route.add(notLowered(e));
  Lines(out, e.width, "work").add(flopsText(e));
  Lines(out, e.width, "bytes").add(bytesText(e));
  Lines tiling(out, e.width, "tiling");
  for (const std::string &text : e.tilings)
    tiling.add(text);
  Lines remarks(out, e.width, "passes say");
  for (const std::string &text : e.remarks)
    if (e.isVerbose)
      remarks.add(text);
}

//===-- JSON ---------------------------------------------------------------------------------------------------------

json::Array namesOf(ArrayRef<std::string> names) {
  json::Array array;
  for (const std::string &name : names)
    array.push_back(name);
  return array;
}

/// `derived` is null for what is not lowered.
json::Object rankObject(StringRef rank, const algebra::Passes &written, const algebra::Passes *derived) {
  json::Object object{{"rank", rank}, {"passes_written", static_cast<int64_t>(written.whole())}};
  if (derived) {
    object["passes"] = static_cast<int64_t>(derived->whole());
    object["block_pass"] = derived->hasBlockPass();
  }
  return object;
}

json::Array ranksArray(const Explanation &e) {
  json::Array ranks;
  for (const StreamReport &stream : e.cascade.streams) {
    json::Object object = rankObject(stream.ranks, stream.written, isLowered(e) ? &stream.derived : nullptr);
    object["written_block_pass"] = stream.isWrittenWithBlockPass;
    json::Array remarks;
    for (const StepRow &remark : stream.remarks)
      remarks.push_back(remark.text);
    object["remarks"] = std::move(remarks);
    object["state"] = namesOf(stream.state);
    ranks.push_back(std::move(object));
  }
  for (const auto &[rank, passes] : e.cascade.others)
    ranks.push_back(rankObject(rank, passes, isLowered(e) ? &passes : nullptr));
  return ranks;
}

json::Object blocksObject(const Visits &visits) {
  return json::Object{
      {"visited", visits.visited}, {"full", visits.full}, {"partial", visits.partial}, {"total", visits.total}};
}

void printJson(const Explanation &e) {
  json::Array routes;
  for (const Visits &visits : e.visits) {
    json::Object route{
        {"ranks", namesOf(visits.ranks)}, {"block", json::Array(visits.block)}, {"condition", visits.condition}};
    if (visits.isCounted)
      route["blocks"] = blocksObject(visits);
    routes.push_back(std::move(route));
  }
  const Visits *visits = mainVisits(e.visits);
  json::Object object{
      {"kernel", e.spec->kernel->name},
      {"target", e.spec->compilation->target->name},
      {"kernels", static_cast<int64_t>(e.groups)},
      {"ranks", ranksArray(e)},
      {"flops_formula", print(e.work.flops, visits ? ArrayRef<std::string>(visits->ranks) : ArrayRef<std::string>())},
      {"bytes_formula", print(e.work.bytes, {})},
      {"routes", std::move(routes)}};
  if (e.flops)
    object["flops"] = *e.flops;
  if (e.bytes)
    object["bytes"] = *e.bytes;
  if (visits && visits->isCounted)
    object["blocks"] = blocksObject(*visits);
  std::string problem = !e.cascade.problem.empty() ? e.cascade.problem : e.stopped;
  if (!problem.empty())
    object["problem"] = problem;
  outs() << json::Value(std::move(object)) << '\n';
}

//===-- gathering ----------------------------------------------------------------------------------------------------

/// Routes and tilings come from the passes themselves.
void compileUntilTiling(Explanation &e, const Extents &extents, const StringMap<reference::Scalar> &scalars,
                        bool isSized) {
  CompileOptions options = e.spec->options;
  options.until = "attn-select-tiling";
  options.bound = withInnerRanks(options.bound, *e.spec->kernel, extents);
  std::string errors;
  raw_string_ostream out(errors);
  std::unique_ptr<Compilation> compilation = parseSpec(e.spec->path, e.spec->text, options, out);
  if (!compilation || !runPasses(*compilation, out)) {
    e.stopped = firstError(errors);
    return;
  }
  KernelOp kernel = *compilation->module->getOps<KernelOp>().begin();
  kernel.walk([&](GroupOp) { ++e.groups; });
  e.visits = visitsOf(kernel, isSized ? &extents : nullptr, scalars);
  for (StringRef remark : compilation->remarks)
    if (size_t at = remark.find("tiling "); at != StringRef::npos)
      e.tilings.push_back(remark.substr(at + 7).str());
    else if (size_t at = remark.find(": block "); at != StringRef::npos)
      e.tilings.push_back("  " + remark.substr(at + 8).str());
    else
      e.remarks.push_back(remark.str());
}

Error explain(const Request &request) {
  Expected<Spec> spec = openSpec(request);
  if (!spec)
    return spec.takeError();
  Expected<StringMap<reference::Scalar>> scalars = readScalars(*spec->kernel, request.scalars);
  if (!scalars)
    return scalars.takeError();
  Extents extents(*spec->kernel);
  if (Error error = extents.addSizes(request.sizes))
    return error;
  Explanation e;
  {
    Progress progress("analyse " + request.spec);
    e.spec = &*spec;
    e.width = terminalWidth();
    e.isVerbose = request.verbose;
    e.cascade = explainCascade(kernelOf(*spec));
    e.work = workOf(kernelOf(*spec));
    compileUntilTiling(e, extents, *scalars, !request.sizes.empty());
    e.extents = rankExtents(kernelOf(*spec), extents, *scalars);
    e.flops = evaluate(e.work.flops, e.extents, mainVisits(e.visits));
    e.bytes = evaluate(e.work.bytes, e.extents, nullptr);
  }
  if (request.json)
    printJson(e);
  else
    printText(e);
  return Error::success();
}

} // namespace

Exit attn::driver::runExplain(const Request &request) {
  if (Error error = explain(request))
    return fail(std::move(error));
  return Fine;
}
