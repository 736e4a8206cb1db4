// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc explain --html: one page that needs nothing but itself, in the order of the text.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Output.h"
#include "compiler/driver/PageGraphics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

/// Colours by role, for light and dark; drawings scale down, tables and formulas scroll in their own boxes.
static constexpr StringLiteral kStyle = R"(
:root { --paper: #fcfcfa; --ink: #1d232b; --dim: #5b6570; --rule: #d8dce1; --box: #f1f3f5; --accent: #1f5fa8;
  --full: #2f6fb5; --partial: #e2a23b; --empty: #e4e7ea; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --ink: #e3e7ec; --dim: #9aa5b1; --rule: #333b45;
  --box: #1d232a; --accent: #7db4f0; --full: #5b9ade; --partial: #d79a3a; --empty: #2a313a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; padding-top: .8rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
pre, .scroll { overflow-x: auto; }
pre { background: var(--box); padding: .8rem 1rem; border-radius: 6px; }
pre, code, td, svg text { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .84rem; line-height: 1.5; }
svg { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--ink); }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .3rem 1.2rem .3rem 0; }
td:first-child { white-space: nowrap; }
th { font-weight: 600; font-size: .84rem; color: var(--dim); }
ol { padding-left: 1.6rem; }
li { margin: .3rem 0; overflow-wrap: anywhere; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; }
.full { fill: var(--full); background: var(--full); } .partial { fill: var(--partial); background: var(--partial); }
.empty { fill: var(--empty); background: var(--empty); }
.node { fill: var(--box); stroke: var(--rule); } .wait { fill: none; stroke: var(--accent); stroke-width: 1.5; marker-end: url(#head); }
.grid { stroke: var(--rule); } .roof { stroke: var(--ink); stroke-width: 2; }
.drop { stroke: var(--accent); stroke-dasharray: 4 4; } .point { fill: var(--accent); }
)";

namespace {

constexpr StringLiteral kGiveSizes = "give the extents with --size";

/// Of what would count the blocks.
std::string whatIsMissing(const Visits &visits) {
  return visits.missing.empty() ? kGiveSizes.str() : listOf(visits.missing) + " not given";
}

class Page {
public:
  Page(raw_ostream &out, const Explanation &e) : out(out), e(e) {}

  void print() {
    std::string name = escaped(e.spec->kernel->name);
    out << "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        << "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" << name
        << "</title>\n<style>" << kStyle << "</style>\n</head>\n<body>\n<main>\n<h1>" << name << "</h1>\n";
    paragraph(headline(e));
    paragraph("target " + e.spec->compilation->target->name.str(), "dim");
    out << "<pre>" << escaped(e.spec->text) << "</pre>\n";
    if (!e.cascade.problem.empty())
      paragraph("derived: not known: " + e.cascade.problem);
    for (const StreamReport &stream : e.cascade.streams)
      printStream(stream);
    for (const auto &[rank, states] : e.cascade.walks)
      paragraph("rank " + rank + " is walked in order, one step after the other: " + states);
    printRoutes();
    printWork();
    printTilings();
    out << "</main>\n</body>\n</html>\n";
  }

private:
  void section(StringRef title) { out << "<h2>" << escaped(title) << "</h2>\n"; }
  void paragraph(StringRef text, StringRef kind = "") {
    out << "<p" << (kind.empty() ? "" : " class=\"" + kind.str() + "\"") << ">" << escaped(text) << "</p>\n";
  }
  void equations(StringRef title, ArrayRef<std::string> lines) {
    if (lines.empty())
      return;
    out << "<h3>" << title << "</h3>\n<pre>" << escaped(join(lines, "\n")) << "</pre>\n";
  }
  void row(ArrayRef<std::string> cells) {
    out << "<tr>";
    for (const std::string &cell : cells)
      out << "<td>" << escaped(cell) << "</td>";
    out << "</tr>\n";
  }

  void printStream(const StreamReport &stream) {
    section("Passes over " + stream.ranks);
    paragraph(passesText(stream, e));
    out << "<div class=\"scroll\">" << passGraph(stream)
        << "</div>\n<div class=\"scroll\"><table>\n<tr><th>pass</th><th>summary</th><th>where</th><th>why</th></tr>\n";
    for (const SummaryRow &summary : stream.summaries)
      row({passLabel(summary), summary.what, summary.place, summary.why});
    out << "</table></div>\n";
    if (!isLowered(e))
      return paragraph("after: " + notLowered(e));
    if (!stream.steps.empty()) {
      out << "<h3>Derivation</h3>\n<ol>\n";
      for (const StepRow &step : stream.steps)
        out << "<li><strong>" << escaped(step.rule) << "</strong> <code>" << escaped(step.text) << "</code></li>\n";
      out << "</ol>\n";
    }
    equations("State", stream.state);
    if (!stream.stateRanks.empty())
      paragraph(stateBytes(stream, e), "dim");
    equations("Merge of two states", stream.merge);
    equations("Results", stream.final);
    for (const StepRow &remark : stream.remarks)
      paragraph(remark.text);
  }

  void printRoutes() {
    section("Routes");
    if (!e.stopped.empty())
      paragraph(notLowered(e));
    else if (e.visits.empty())
      paragraph("nothing is streamed: all points are visited");
    for (const Visits &visits : e.visits) {
      paragraph(routeText(visits));
      if (!visits.map) {
        paragraph(visits.isCounted ? "no map: an extent is 0, or no rank stands beside the streamed one"
                                   : "no map: " + whatIsMissing(visits),
                  "dim");
        continue;
      }
      const BlockMap &map = *visits.map;
      out << blockMapGraph(map)
          << "<p class=\"dim\"><span class=\"key full\"></span>full<span class=\"key partial\"></span>"
          << "partial<span class=\"key empty\"></span>not visited</p>\n";
      paragraph("a cell is " + std::to_string(map.rowPoints) + (map.rowPoints == 1 ? " point of " : " points of ") +
                    map.rows + " and " + std::to_string(map.columnPoints) + " of " + map.columns +
                    (visits.ranks.size() > 2 ? "; the other ranks at their first block" : ""),
                "dim");
    }
  }

  void printWork() {
    section("Work");
    out << "<div class=\"scroll\"><table>\n";
    row({"operations", flopsText(e)});
    if (!e.work.functions.empty())
      row({"functions", functionsText(e)});
    row({"bytes", bytesText(e)});
    out << "</table></div>\n";
    double balance = balanceOf(e);
    const Visits *visits = mainVisits(e.visits);
    if (!e.flops || !e.bytes)
      return paragraph("no roofline: " + (visits ? whatIsMissing(*visits) : kGiveSizes.str()), "dim");
    if (*e.flops <= 0 || *e.bytes <= 0)
      return paragraph("no roofline: no contraction", "dim");
    if (balance <= 0)
      return paragraph("no roofline: the target's row has no read bandwidth", "dim");
    out << rooflineGraph(*e.flops / *e.bytes, balance);
    paragraph(
        "The roof is one core's peak, and before it what its reads from memory allow; from the facts of the target's "
        "row: " +
            e.spec->compilation->target->source.str(),
        "dim");
  }

  void printTilings() {
    if (e.tilings.empty())
      return;
    section("Tiling");
    out << "<pre>" << escaped(join(e.tilings, "\n")) << "</pre>\n";
  }

  raw_ostream &out;
  const Explanation &e;
};

} // namespace

Error attn::driver::writePage(const Explanation &e, StringRef path) {
  return writeOutput(path, [&](raw_ostream &out) {
    Page(out, e).print();
    return Error::success();
  });
}
