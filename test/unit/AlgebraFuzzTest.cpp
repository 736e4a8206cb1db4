// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random cascades over one streamed rank, over a rank split into blocks (j,i), over two sources (n | m): the derived
// program must give what the text says, tile by tile and in merged pieces. Rows without points are where the bugs are.
// ATTNC_FUZZ=count[,first seed] runs more.
#include "test/unit/AlgebraDraw.h"
#include "llvm/ADT/StringExtras.h"

using namespace attn::algebra;
using namespace attn::algebra::test;

namespace {
TEST(AlgebraFuzz, DerivedProgramsGiveWhatTheTextSays) {
  unsigned count = 240, first = 0;
  if (const char *wish = std::getenv("ATTNC_FUZZ")) {
    auto [n, seed] = llvm::StringRef(wish).split(',');
    n.getAsInteger(10, count);
    seed.getAsInteger(10, first);
  }
  unsigned failures = 0;
  std::map<std::pair<unsigned, unsigned>, unsigned> passes;
  for (unsigned seed = first; seed < first + count && failures < 5; ++seed) {
    Draw d(seed);
    Cascade c = draw(seed, d);
    std::vector<Array> want;
    bool finite = true;
    for (const Tensor &t : c.outputs) {
      want.push_back(evaluate(t, c.data));
      finite &= llvm::all_of(want.back().data, [](double v) { return std::isfinite(v); });
    }
    if (c.needsFinite && !finite) // the value of an empty block is infinite data
      continue;
    TermContext context;
    std::vector<Value> values;
    for (const Tensor &t : c.outputs)
      values.push_back(lower(context, t));
    Program program = deriveProgram(context, values, c.fibre);
    ++passes[{program.written.halves, program.derived.halves}];
    double worst = disagreement(context, program, want, c.data, d.random, /*lenient=*/true, 1);
    if (worst > 1e-6) {
      ++failures;
      std::string proof;
      llvm::raw_string_ostream os(proof);
      for (const Value &v : values)
        os << v.name << " = " << *v.term << '\n';
      program.print(os);
      ADD_FAILURE() << "seed " << seed << ": error " << worst << '\n' << proof;
    }
  }
  for (auto &[p, n] : passes)
    std::printf("%u programs: %g passes as written, %g derived\n", n, p.first / 2.0, p.second / 2.0);
}
} // namespace
