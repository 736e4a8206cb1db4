// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attnc explain as one JSON object; its keys stand in `attnc explain --help`.
#include "compiler/driver/Arguments.h"
#include "compiler/driver/Explanation.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace attn;
using namespace attn::driver;

namespace {

json::Array namesOf(ArrayRef<std::string> names) {
  json::Array array;
  for (const std::string &name : names)
    array.push_back(name);
  return array;
}

json::Array stepsOf(ArrayRef<StepRow> steps) {
  json::Array array;
  for (const StepRow &step : steps)
    array.push_back(json::Object{{"rule", step.rule}, {"text", step.text}});
  return array;
}

json::Array summariesOf(ArrayRef<SummaryRow> rows) {
  json::Array array;
  for (const SummaryRow &row : rows)
    array.push_back(json::Object{{"pass", int64_t(row.pass)},
                                 {"over_blocks", row.isOverBlocks},
                                 {"summary", row.what},
                                 {"place", row.place},
                                 {"why", row.why},
                                 {"waits_for", json::Array(row.waits)}});
  return array;
}

json::Object rankObject(StringRef rank, const algebra::Passes &written, const algebra::Passes &derived) {
  return json::Object{{"rank", rank},
                      {"passes_written", static_cast<int64_t>(written.whole())},
                      {"passes", static_cast<int64_t>(derived.whole())},
                      {"block_pass", derived.hasBlockPass()}};
}

json::Array ranksArray(const Explanation &e) {
  const CascadeReport &cascade = e.cascade;
  json::Array ranks;
  for (const StreamReport &stream : cascade.streams) {
    json::Object object = rankObject(stream.ranks, stream.written, stream.derived);
    json::Array remarks;
    for (const StepRow &remark : stream.remarks)
      remarks.push_back(remark.text);
    object["remarks"] = std::move(remarks);
    object["summaries"] = summariesOf(stream.summaries);
    object["derivation"] = stepsOf(stream.steps);
    object["state"] = namesOf(stream.state);
    object["merge"] = namesOf(stream.merge);
    object["final"] = namesOf(stream.final);
    if (!stream.stateRanks.empty())
      object["state_bytes"] = stateBytes(stream, e);
    object["written_block_pass"] = stream.isWrittenWithBlockPass;
    if (!isLowered(e))
      for (StringRef key : {"passes", "block_pass", "derivation", "state", "merge", "final"})
        object.erase(key);
    ranks.push_back(std::move(object));
  }
  for (const auto &[rank, passes] : cascade.others) {
    json::Object object = rankObject(rank, passes, passes);
    if (!isLowered(e))
      for (StringRef key : {"passes", "block_pass"})
        object.erase(key);
    ranks.push_back(std::move(object));
  }
  return ranks;
}

json::Object blocksObject(const Visits &visits) {
  return json::Object{
      {"visited", visits.visited}, {"full", visits.full}, {"partial", visits.partial}, {"total", visits.total}};
}

json::Object mapObject(const BlockMap &map) {
  return json::Object{{"rows", map.rows},
                      {"columns", map.columns},
                      {"row_points", map.rowPoints},
                      {"column_points", map.columnPoints},
                      {"cells", namesOf(map.cells)}};
}

} // namespace

void attn::driver::printJson(const Explanation &e) {
  json::Array routes;
  for (const Visits &visits : e.visits) {
    json::Object route{
        {"ranks", namesOf(visits.ranks)}, {"block", json::Array(visits.block)}, {"condition", visits.condition}};
    if (visits.isCounted)
      route["blocks"] = blocksObject(visits);
    if (visits.map)
      route["map"] = mapObject(*visits.map);
    if (!visits.missing.empty())
      route["missing"] = namesOf(visits.missing);
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
  object["functions_formula"] =
      print(e.work.functions, visits ? ArrayRef<std::string>(visits->ranks) : ArrayRef<std::string>());
  object["tiling"] = namesOf(e.tilings);
  if (double balance = balanceOf(e); balance > 0)
    object["balance"] = balance;
  if (e.flops && e.bytes && *e.bytes > 0)
    object["intensity"] = *e.flops / *e.bytes;
  if (e.functions)
    object["functions"] = *e.functions;
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
