// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-select-tiling. Needs: groups. Guarantees: a size for each rank that a group's operations iterate; reads the
// target's facts, never its name. The roles of ranks follow from the Einsums: a rank that all factors of every
// contraction carry is a batch rank (blocks of it share nothing, so a block holds one point); one that some factor
// lacks is worth a block, because that factor is then used once for each of its points.
#include "compiler/targets/Targets.h"
#include "dialects/attn/Attn.h"
#include "dialects/route/Route.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

namespace attn {
#define GEN_PASS_DEF_ATTNSELECTTILING
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {

/// What a fragment may have (the tile dialect's frag_c1).
constexpr int64_t kMostElements = int64_t(1) << 22;

struct Sizes {
  int64_t rows, columns, keys, whole; ///< blocks of parallel and streamed ranks; the largest extent that is never cut
  int64_t scratch;                    ///< bytes that a fragment may take
};

/// Score tiles of rows x keys and a block of keys x whole must fit the scratch together with the accumulators.
Sizes sizesFor(const TargetRow &target) {
  if (target.lowering == Lowering::Simt)
    return {64, 64, 64, 256, target.scratchBytes};
  Sizes sizes{64, 64, 256, 512, target.scratchBytes};
  while (3 * sizes.rows * sizes.keys * 4 > target.scratchBytes && sizes.keys > 4 * int64_t(target.lanes))
    sizes.keys /= 2;
  return sizes;
}

struct Block {
  int64_t size;
  std::string why; ///< which limit or role chose it
};

std::string kibibytes(int64_t bytes) { return std::to_string(bytes >> 10) + " KiB"; }

/// Of one element in a fragment.
int64_t bytesOf(Type tensor) {
  Type element = getElementTypeOrSelf(tensor);
  return element.isIndex() ? 8 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

struct GroupTiling {
  KernelOp kernel;
  GroupOp group;
  Sizes sizes;
  const llvm::StringMap<int64_t> &pins; ///< sizes that the user wants
  llvm::MapVector<StringRef, Block> chosen;

  std::optional<int64_t> extent(StringRef rank) { return kernel.findRank(rank).getConstantExtent(); }
  bool isWhole(StringRef rank) { return extent(rank) && *extent(rank) <= sizes.whole; }

  void choose(StringRef rank, int64_t size, std::string why) {
    if (std::optional<int64_t> bound = extent(rank); bound && *bound <= size) {
      size = std::max<int64_t>(*bound, 1);
      why = size > 1 ? "the whole extent" : "its one point";
    }
    chosen[rank] = {size, std::move(why)};
  }

  /// The operands that meet in a reduction: those that its body reads along the reduced ranks and along others. (What
  /// the reduced ranks alone decide, a bias of the keys, says nothing of the others.)
  SmallVector<unsigned> factors(EinsumOp op) {
    SmallVector<unsigned> factors;
    int numParallel = op.getNumParallel();
    for (unsigned input = 0; input < op.getInputs().size(); ++input) {
      llvm::SmallBitVector used = op.getIteratorsOf(input);
      bool isAlongBoth = used.find_next(numParallel - 1) >= 0 && used.any() && used.find_first() < numParallel;
      if (isAlongBoth && !op.getMapBody().getArgument(input).use_empty())
        factors.push_back(input);
    }
    return factors;
  }

  /// Whether a factor has all of the reduction's iterators: it is read as often as the reduction has points, however
  /// its blocks are chosen, as a matrix in its product with a vector.
  static bool isBoundByOneFactor(EinsumOp op, ArrayRef<unsigned> meeting) {
    return llvm::any_of(meeting, [&](unsigned input) { return op.getIteratorsOf(input).all(); });
  }

  /// Ranks that one factor of a reduction has and another lacks. Reductions that are bound by one factor count only
  /// where there are no others: a bias that all members of a batch share is no reason for blocks along the batch.
  /// Beside a stream, what does not walk along it is read once and is no reason either: a matrix that mixes heads.
  llvm::SetVector<StringRef> rowRanks(const llvm::SetVector<StringRef> &streamed) {
    llvm::SetVector<StringRef> rows, boundRows;
    auto isWalked = [&](EinsumOp op, unsigned input) {
      return streamed.empty() || llvm::any_of(op.getIteratorsOf(input).set_bits(),
                                              [&](unsigned i) { return streamed.contains(op.getIterator(i)); });
    };
    bool hasProducts = false;
    group.walk([&](EinsumOp op) {
      SmallVector<unsigned> meeting = op.getReducerAttr() ? factors(op) : SmallVector<unsigned>();
      bool isBound = isBoundByOneFactor(op, meeting);
      hasProducts |= meeting.size() > 1 && !isBound;
      for (unsigned i = 0; i < op.getNumParallel(); ++i) {
        auto has = [&](unsigned input) { return op.getIteratorsOf(input).test(i); };
        auto lacks = [&](unsigned input) { return !has(input) && isWalked(op, input); };
        if (llvm::any_of(meeting, has) && llvm::any_of(meeting, lacks))
          (isBound ? boundRows : rows).insert(op.getIterator(i));
      }
    });
    return hasProducts ? rows : boundRows;
  }

  /// Ranks that a tensor in memory has beside a streamed one, as a value's columns beside the keys.
  llvm::SetVector<StringRef> ranksBeside(const llvm::SetVector<StringRef> &streamed) {
    llvm::SetVector<StringRef> beside;
    group.walk([&](EinsumOp op) {
      for (unsigned input = 0; input < op.getInputs().size(); ++input) {
        llvm::SmallBitVector used = op.getIteratorsOf(input);
        auto isStreamed = [&](unsigned i) { return streamed.contains(op.getIterator(i)); };
        if (!op.getInputs()[input].getDefiningOp<EinsumOp>() && llvm::any_of(used.set_bits(), isStreamed))
          for (unsigned i : used.set_bits())
            beside.insert(op.getIterator(i));
      }
    });
    return beside;
  }

  /// Of several ranks that a stream walks, all but the last: a block holds one point of each.
  llvm::SetVector<StringRef> outerStreamed() {
    llvm::SetVector<StringRef> outer;
    group.walk([&](StreamOp op) {
      for (Attribute rank : op.getOver().getValue().drop_back())
        outer.insert(cast<StringAttr>(rank).getValue());
    });
    return outer;
  }

  bool isReduced(StringRef rank) {
    return group
        .walk([&](EinsumOp op) {
          bool reduces = llvm::is_contained(ArrayRef(op.getIteratorNames()).drop_front(op.getNumParallel()), rank);
          return reduces ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

  void run() {
    llvm::SetVector<StringRef> streamed, results, all;
    group.walk(
        [&](StreamOp op) { streamed.insert_range(llvm::to_vector(op.getOver().getAsValueRange<StringAttr>())); });
    llvm::SetVector<StringRef> rows = rowRanks(streamed);
    group.walk([&](EinsumOp op) { all.insert_range(op.getIteratorNames()); });
    for (Type type : group.getResultTypes())
      for (StringAttr name : rankNames(type))
        results.insert(name.getValue());
    std::string tile = std::to_string(sizes.rows) + " x " + std::to_string(sizes.keys) + " scores, " +
                       kibibytes(4 * sizes.rows * sizes.keys) + " of " + kibibytes(sizes.scratch) + " scratch";
    llvm::SetVector<StringRef> outer = outerStreamed();
    for (StringRef rank : streamed)
      if (outer.contains(rank))
        choose(rank, 1, "an outer rank of a stream: point by point");
      else
        choose(rank, sizes.keys, "streamed: " + tile);
    // The last row rank that can be cut gets the block of rows, columns a block each; the others one point, unless they
    // are small and whole.
    llvm::SetVector<StringRef> columns = ranksBeside(streamed);
    StringRef blocked;
    for (StringRef rank : results)
      if (!streamed.contains(rank) && rows.contains(rank) && !columns.contains(rank) && !isWhole(rank))
        blocked = rank;
    // A product of two whole ranks is no block: accumulators would fill the scratch and leave the factors no room.
    if (blocked.empty() && streamed.empty())
      for (StringRef rank : results)
        if (rows.contains(rank) && *extent(rank) > sizes.rows &&
            llvm::count_if(results, [&](StringRef other) { return rows.contains(other); }) > 1)
          blocked = rank;
    for (StringRef rank : results) {
      if (chosen.count(rank))
        continue;
      if (rank != blocked && (rows.contains(rank) || isReduced(rank)) && isWhole(rank))
        choose(rank, *extent(rank), "");
      else if (rank == blocked)
        choose(rank, sizes.rows, "rows, which read each block of the other factor once");
      else if (rows.contains(rank) && columns.contains(rank))
        choose(rank, sizes.columns, "columns beside the streamed rank");
      else
        choose(rank, 1, rows.contains(rank) ? "rows are blocked along " + blocked.str() : "its points share no factor");
    }
    for (StringRef rank : all)
      if (!chosen.count(rank))
        choose(rank, isWhole(rank) ? *extent(rank) : sizes.keys / 2, "walked inside a block");
    // What is cut first: ranks that only reductions inside walk, then keys, then ranks of the results.
    SmallVector<StringRef> order;
    for (StringRef rank : all)
      if (!results.contains(rank) && !streamed.contains(rank))
        order.push_back(rank);
    llvm::append_range(order, streamed);
    llvm::copy_if(results, std::back_inserter(order), [&](StringRef rank) { return rank != blocked; });
    order.push_back(blocked);
    group.walk([&](route::ElementOp element) {
      for (StringRef rank : element.getAt().getAsValueRange<StringAttr>())
        choose(rank, 1, "the route reads a table at each point");
    });
    for (auto &[rank, block] : chosen)
      if (auto pin = pins.find(rank); pin != pins.end())
        block = {pin->second, "pinned"};
    llvm::erase_if(order, [&](StringRef rank) { return pins.contains(rank); });
    group.walk([&](EinsumOp op) { fit(op, order); });
  }

  /// Whether a fragment that the Einsum reads or makes is larger than so many elements or bytes.
  bool exceeds(EinsumOp op, int64_t elements, int64_t bytes) {
    auto isLarger = [&](const llvm::SmallBitVector &iterators, Type tensor) {
      int64_t product = 1;
      for (unsigned i : iterators.set_bits())
        product = std::min(product * chosen[op.getIterator(i)].size, kMostElements + 1);
      return product > elements || product * bytesOf(tensor) > bytes;
    };
    llvm::SmallBitVector parallel(op.getNumIterators());
    parallel.set(0, op.getNumParallel());
    if (isLarger(parallel, op.getType()))
      return true;
    for (auto [i, input] : llvm::enumerate(op.getInputs()))
      if (isLarger(op.getIteratorsOf(i), input.getType()))
        return true;
    return false;
  }

  bool isTooLarge() {
    return group
        .walk([&](EinsumOp op) {
          return exceeds(op, kMostElements, INT64_MAX) ? WalkResult::interrupt() : WalkResult::advance();
        })
        .wasInterrupted();
  }

  /// Halves blocks that are not pinned, in the given order, until each of the Einsum's fragments fits the scratch.
  void fit(EinsumOp op, ArrayRef<StringRef> order) {
    SmallVector<StringRef> iterators = op.getIteratorNames();
    for (StringRef rank : order)
      while (llvm::is_contained(iterators, rank) && chosen[rank].size > 1 &&
             exceeds(op, kMostElements, sizes.scratch)) {
        Block &block = chosen[rank];
        block.size = (block.size + 1) / 2;
        block.why = "halved until each fragment fits " + kibibytes(sizes.scratch) + " scratch";
      }
  }

  /// "m = 256: streamed", ranks chosen alike together.
  void explain() {
    llvm::MapVector<std::pair<int64_t, StringRef>, std::string> alike;
    for (auto &[rank, block] : chosen) {
      std::string &names = alike[{block.size, block.why}];
      names += (names.empty() ? "" : ", ") + rank.str();
    }
    for (auto &[block, names] : alike)
      group.emitRemark() << "block " << names << " = " << block.first << ": " << block.second;
  }
};

struct SelectTiling : attn::impl::AttnSelectTilingBase<SelectTiling> {
  using AttnSelectTilingBase::AttnSelectTilingBase;

  /// "p=64,m=256"
  LogicalResult pinned(llvm::StringMap<int64_t> &pins) {
    SmallVector<StringRef> entries;
    StringRef(tile).split(entries, ',', -1, /*KeepEmpty=*/false);
    for (StringRef entry : entries) {
      auto [rank, text] = entry.split('=');
      int64_t size;
      if (text.getAsInteger(10, size) || size < 1 || size > 4096)
        return getOperation().emitError() << "tile '" << entry << "': expected RANK=SIZE with a size from 1 to 4096";
      if (!getOperation().findRank(rank))
        return getOperation().emitError() << "tile '" << entry << "': the kernel has no rank '" << rank << '\'';
      pins[rank] = size;
    }
    return success();
  }

  /// A set that reads a table has one number of it a block.
  static LogicalResult checkTables(GroupOp group, GroupTiling &tiling) {
    WalkResult result = group.walk([&](route::ElementOp element) {
      for (StringRef rank : element.getAt().getAsValueRange<StringAttr>())
        if (int64_t size = tiling.chosen[rank].size; size > 1) {
          element.emitError() << "tile " << rank << "=" << size << ": the route reads a table at each point of rank '"
                              << rank << "', expected " << rank << "=1";
          return WalkResult::interrupt();
        }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  void runOnOperation() override {
    const TargetRow *row = findTarget(target);
    if (!row) {
      getOperation().emitError() << "unknown target '" << target.getValue() << '\'';
      return signalPassFailure();
    }
    llvm::StringMap<int64_t> pins;
    if (failed(pinned(pins)))
      return signalPassFailure();
    for (auto group : getOperation().getBody().getOps<GroupOp>()) {
      GroupTiling tiling{getOperation(), group, sizesFor(*row), pins, {}};
      tiling.run();
      SmallVector<NamedAttribute> attrs;
      std::string text;
      for (auto &[rank, block] : tiling.chosen) {
        attrs.emplace_back(StringAttr::get(&getContext(), rank),
                           IntegerAttr::get(IntegerType::get(&getContext(), 64), block.size));
        text += (text.empty() ? "" : ", ") + rank.str() + " = " + std::to_string(block.size);
      }
      if (failed(checkTables(group, tiling)))
        return signalPassFailure();
      if (tiling.isTooLarge()) {
        group.emitError() << "tiling " << text << " makes a fragment of more than " << kMostElements << " elements";
        return signalPassFailure();
      }
      group.setTilingAttr(DictionaryAttr::get(&getContext(), attrs));
      group.emitRemark() << "tiling " << text;
      tiling.explain();
    }
  }
};

} // namespace
