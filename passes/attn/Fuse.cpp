// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// attn-fuse. Needs: a kernel of Einsums and streams at its top level. Guarantees: all of them are in groups.
//
// Two streams over one rank that do not read each other traverse it together. A group takes what it needs with it:
// Einsums that several groups read are computed again in each.
#include "dialects/attn/Attn.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "passes/Passes.h"
#include "passes/attn/RankSizes.h"

namespace attn {
#define GEN_PASS_DEF_ATTNFUSE
#include "passes/Passes.h.inc"
} // namespace attn

using namespace mlir;
using namespace attn;

namespace {
class Fuser {
public:
  explicit Fuser(KernelOp kernel) : kernel(kernel) {}
  LogicalResult run();

private:
  void joinStreams();
  void makeTableGroups();
  bool join(StreamOp first, StreamOp second);
  /// The Einsums of the kernel that `op` needs, in order.
  llvm::SetVector<Operation *> needs(Operation *op);
  void makeGroup(Operation *last);
  KernelOp kernel;
};
} // namespace

static SmallVector<Value> readBy(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  values.append(captured.begin(), captured.end());
  return values;
}

/// Ops of the kernel that `op` reads, directly or not, in the order of the kernel; `follow` says where to go on.
static void collectNeeds(Operation *op, llvm::function_ref<bool(Operation *)> follow,
                         llvm::SetVector<Operation *> &out) {
  for (Value v : readBy(op))
    if (Operation *def = v.getDefiningOp(); def && follow(def) && !out.contains(def)) {
      collectNeeds(def, follow, out);
      out.insert(def);
    }
}

llvm::SetVector<Operation *> Fuser::needs(Operation *op) {
  llvm::SetVector<Operation *> result;
  collectNeeds(op, [](Operation *def) { return isa<EinsumOp>(def); }, result);
  return result;
}

static void appendRegion(Region &to, Region &from, ArrayRef<unsigned> copies, unsigned mine, unsigned others) {
  // Arguments: a block of the first's states and one of the second's, once or (merge) twice.
  Block &target = to.front(), &source = from.front();
  SmallVector<Value> map;
  for (unsigned i = 0; i < copies.size(); ++i)
    for (unsigned j = 0; j < others; ++j) {
      Value argument = target.insertArgument(i * (mine + others) + mine + j,
                                             source.getArgument(i * others + j).getType(), to.getLoc());
      map.push_back(argument);
    }
  for (auto [argument, value] : llvm::zip_equal(source.getArguments(), map))
    argument.replaceAllUsesWith(value);
  Operation *yield = target.getTerminator(), *otherYield = source.getTerminator();
  SmallVector<Value> values(yield->getOperands());
  llvm::append_range(values, otherYield->getOperands());
  otherYield->erase();
  target.getOperations().splice(Block::iterator(yield), source.getOperations());
  yield->setOperands(values);
}

/// The ranks of a stream's results.
static llvm::SetVector<StringRef> ranksOf(StreamOp stream) {
  llvm::SetVector<StringRef> ranks;
  for (Type type : stream.getResultTypes())
    for (StringAttr name : rankNames(type))
      ranks.insert(name.getValue());
  return ranks;
}

bool Fuser::join(StreamOp first, StreamOp second) {
  if (first.getOver() != second.getOver() || first.getRoute() || second.getRoute())
    return false;
  RankSizes sizes(kernel);
  if (sizes.areStrangers(ranksOf(first).getArrayRef(), ranksOf(second).getArrayRef()))
    return false;
  llvm::SetVector<Operation *> needed;
  collectNeeds(second, [&](Operation *def) { return def->getParentOp() == kernel; }, needed);
  if (needed.contains(first))
    return false;
  for (Operation *op : needed)
    if (first->isBeforeInBlock(op))
      op->moveBefore(first);
  OpBuilder b(first);
  SmallVector<Attribute> identities(first.getIdentities().begin(), first.getIdentities().end());
  identities.append(second.getIdentities().begin(), second.getIdentities().end());
  SmallVector<Type> types(first.getResultTypes());
  llvm::append_range(types, second.getResultTypes());
  unsigned mine = first.getNumState(), others = second.getNumState();
  auto joined = StreamOp::create(b, first.getLoc(), TypeRange(types), ArrayRef<StringRef>(), TypeRange(), identities);
  joined.setOverAttr(first.getOver());
  for (unsigned r = 0; r < 3; ++r) {
    Region &region = joined->getRegion(r);
    region.takeBody(first->getRegion(r));
    SmallVector<unsigned> copies(r == 1 ? 2 : 1);
    appendRegion(region, second->getRegion(r), copies, mine, others);
  }
  first.replaceAllUsesWith(joined.getResults().take_front(first.getNumResults()));
  second.replaceAllUsesWith(joined.getResults().drop_front(first.getNumResults()));
  first.erase();
  second.erase();
  return true;
}

void Fuser::joinStreams() {
  bool changed = true;
  while (changed) {
    changed = false;
    SmallVector<StreamOp> streams(kernel.getBody().front().getOps<StreamOp>());
    for (unsigned i = 0; i < streams.size() && !changed; ++i)
      for (unsigned j = i + 1; j < streams.size() && !changed; ++j)
        changed = join(streams[i], streams[j]);
  }
}

/// A group of `last`, a stream or an Einsum, and what it needs.
void Fuser::makeGroup(Operation *last) {
  OpBuilder b(last);
  auto group = GroupOp::create(b, last->getLoc(), last->getResultTypes(), DictionaryAttr());
  Block *body = b.createBlock(&group.getBody());
  IRMapping map;
  for (Operation *op : needs(last))
    b.clone(*op, map);
  Operation *moved = b.clone(*last, map);
  YieldOp::create(b, last->getLoc(), moved->getResults());
  last->replaceAllUsesWith(group.getResults());
  last->erase();
  (void)body;
}

/// Whether `op` reads `tensor` at a position that is no iterator of its own.
static bool readsAsTable(EinsumOp op, Value tensor) {
  for (auto [i, input] : llvm::enumerate(op.getInputs()))
    if (input == tensor && llvm::any_of(op.getIndexMap(i).getResults(), [&](AffineExpr e) {
          auto dim = dyn_cast<AffineDimExpr>(e);
          return !dim || dim.getPosition() >= op.getNumIterators();
        }))
      return true;
  return false;
}

/// An Einsum that is read at computed positions is a table in memory: points of one block may need those of any other.
/// So is one that is marked as stored.
void Fuser::makeTableGroups() {
  for (EinsumOp op : llvm::make_early_inc_range(kernel.getBody().front().getOps<EinsumOp>())) {
    bool isTable = llvm::any_of(op.getResult().getUsers(), [&](Operation *user) {
      auto reader = dyn_cast<EinsumOp>(user);
      return reader && readsAsTable(reader, op.getResult());
    });
    if (isTable || op->hasAttr("attn.stored"))
      makeGroup(op);
  }
}

LogicalResult Fuser::run() {
  Block &block = kernel.getBody().front();
  for (Operation &op : block)
    if (isa<GroupOp>(op))
      return op.emitError("attn-fuse runs before there are groups");
  joinStreams();
  makeTableGroups();
  for (StreamOp stream : llvm::make_early_inc_range(block.getOps<StreamOp>()))
    makeGroup(stream);
  llvm::SetVector<Operation *> rest; // Einsums that are results
  for (Value v : kernel.getYield().getValues())
    if (Operation *def = v.getDefiningOp(); def && isa<EinsumOp>(def))
      rest.insert(def);
  for (Operation *op : rest) {
    op->moveBefore(kernel.getYield());
    makeGroup(op);
  }
  SmallVector<EinsumOp> left(block.getOps<EinsumOp>());
  for (EinsumOp op : llvm::reverse(left))
    if (op->use_empty())
      op.erase();
  return success();
}

namespace {
struct Fuse : attn::impl::AttnFuseBase<Fuse> {
  void runOnOperation() override {
    if (failed(Fuser(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace
