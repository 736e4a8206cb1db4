// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc explain as text for a terminal.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Explanation.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

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

} // namespace

static std::string passesOver(const algebra::Passes &passes, StringRef ranks) {
  return (passes.str() + (passes.halves == 2 ? " pass" : " passes") + " over " + ranks).str();
}

static std::string writtenText(const StreamReport &stream) {
  bool isTold = stream.written.hasBlockPass();
  return stream.written.str() + (stream.isWrittenWithBlockPass && !isTold ? ", and one over the block values,"
                                 : isTold                                 ? ","
                                                                          : "");
}

bool attn::driver::isLowered(const Explanation &e) { return e.stopped.empty() && !e.cascade.isWrittenOnly; }

std::string attn::driver::passesText(const StreamReport &stream, const Explanation &e) {
  if (isLowered(e))
    return passesOver(stream.derived, stream.ranks) + " (" + writtenText(stream) + " as written)";
  algebra::Passes whole{stream.written.whole() * 2};
  std::string blocks = stream.isWrittenWithBlockPass ? ", and one over the block values," : "";
  return passesOver(whole, stream.ranks) + blocks + " as written";
}

std::string attn::driver::notLowered(const Explanation &e) {
  std::string text = e.stopped;
  StringRef known = " is not lowered yet";
  size_t at = text.find(known);
  if (at == std::string::npos)
    return "not known: " + text;
  return "not lowered yet: " + text.erase(at, known.size());
}

static bool isDouble(const Explanation &e) {
  return any_of(e.spec->kernel->args, [](const codegen::KernelArgument &each) { return each.element == ATTNC_F64; });
}

double attn::driver::balanceOf(const Explanation &e) {
  const TargetRow &target = *e.spec->compilation->target;
  double flopsPerCycle = 2.0 * target.lanes * target.fmaPipes / (isDouble(e) ? 2 : 1);
  return target.readBytesPerCycle > 0 ? flopsPerCycle / target.readBytesPerCycle : 0;
}

std::string attn::driver::headline(const Explanation &e) {
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
  return text;
}

namespace {

void printHeadline(raw_ostream &out, const Explanation &e) {
  std::string text = headline(e);
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
    out << formatv("    {0,-8} ", halves == last ? "" : passLabel(row));
    last = halves;
    std::string what = row.what + std::string(row.what.size() < columns[0] ? columns[0] - row.what.size() : 0, ' ');
    std::string place = row.place + std::string(columns[1] - row.place.size(), ' ');
    printWrapped(out, what + "  " + place + "  " + row.why, 13, width);
  }
  out << '\n';
}

} // namespace

std::string attn::driver::passLabel(const SummaryRow &row) {
  return row.isOverBlocks ? "blocks" : "pass " + std::to_string(row.pass);
}

/// "8 + 4*F bytes a row"
std::string attn::driver::stateBytes(const StreamReport &stream, const Explanation &e) {
  std::vector<Monomial> bytes;
  for (const std::vector<std::string> &ranks : stream.stateRanks)
    addTo(bytes, {isDouble(e) ? 8 : 4, ranks, false});
  std::string formula = print(bytes, {});
  std::optional<double> value = evaluate(bytes, e.extents, nullptr);
  bool isNumber = formula.find('*') == std::string::npos;
  return formula + (value && !isNumber ? " = " + number(*value, 9) : "") + " bytes a row";
}

namespace {

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

} // namespace

std::string attn::driver::routeText(const Visits &visits) {
  std::string text = visits.condition + (visits.isExact ? "" : ", and what is tested at each point");
  std::vector<std::string> sizes;
  for (int64_t size : visits.block)
    sizes.push_back(std::to_string(size));
  text += "      blocks of " + join(sizes, " x ");
  if (!visits.missing.empty())
    text += ": not counted, " + listOf(visits.missing) + " not given";
  if (!visits.isCounted)
    return text;
  text += formatv(": {0} of {1} visited, {2} of them partial", visits.visited, visits.total, visits.partial).str();
  if (visits.total)
    text += "  (" + digits(100.0 * double(visits.visited) / double(visits.total), 2) + " %)";
  return text;
}

std::string attn::driver::flopsText(const Explanation &e) {
  if (e.work.flops.empty())
    return "no contraction";
  const Visits *visits = mainVisits(e.visits);
  std::string text = print(e.work.flops, visits ? ArrayRef<std::string>(visits->ranks) : ArrayRef<std::string>());
  return e.flops ? text + " = " + quantity(*e.flops, "FLOP") : text;
}

std::string attn::driver::bytesText(const Explanation &e) {
  std::string text = print(e.work.bytes, {});
  if (e.bytes)
    text += " = " + quantity(*e.bytes, "B");
  std::string intensity = intensityText(e);
  return intensity.empty() ? text : text + "      " + intensity;
}

std::string attn::driver::intensityText(const Explanation &e) {
  if (!e.flops || *e.flops <= 0 || !e.bytes)
    return "";
  double intensity = *e.flops / *e.bytes, balance = balanceOf(e);
  std::string text = digits(intensity, 3) + " flop/byte";
  if (balance > 0)
    text += (intensity < balance ? ": memory bound (balance " : ": compute bound (balance ") + number(balance, 2) + ")";
  return text;
}

std::string attn::driver::functionsText(const Explanation &e) {
  const Visits *visits = mainVisits(e.visits);
  std::string text = print(e.work.functions, visits ? ArrayRef<std::string>(visits->ranks) : ArrayRef<std::string>());
  return e.functions ? text + " = " + quantity(*e.functions, "calls") : text;
}

void attn::driver::printText(const Explanation &e) {
  raw_ostream &out = outs();
  printHeadline(out, e);
  if (!e.cascade.problem.empty())
    out << "  derived    not known: " << e.cascade.problem << "\n\n";
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
  if (!e.work.functions.empty())
    Lines(out, e.width, "functions").add(functionsText(e));
  Lines(out, e.width, "bytes").add(bytesText(e));
  Lines tiling(out, e.width, "tiling");
  for (const std::string &text : e.tilings)
    tiling.add(text);
  Lines remarks(out, e.width, "passes say");
  for (const std::string &text : e.remarks)
    if (e.isVerbose)
      remarks.add(text);
}
