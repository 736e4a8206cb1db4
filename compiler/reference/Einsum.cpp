// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An Einsum in two steps. First each condition that depends on no reduced iterator becomes a table over the iterators
// it does depend on; the tables are the conditions of the result and say which result points exist. Then the points are
// visited in the order of the iterators, the last one in batches of lanes: at each, the conjuncts that filter from left
// to right, then the map, then one step of the reduction.
//
// A table is made away from the other iterators, so it may find that a conjunct needs what an earlier condition would
// have kept it from reading. It then leaves the point in, and the second step tests that conjunct again where its turn
// comes.
#include "compiler/reference/Einsum.h"
#include "compiler/reference/Presence.h"
#include "compiler/reference/Reduction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/Support/Parallel.h"
#include <cmath>
#include <mutex>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

namespace {

class EinsumRun : public Leaves {
public:
  EinsumRun(EinsumOp op, const EinsumContext &context) : op(op), context(context) {}

  llvm::Expected<Tensor> run();

  llvm::Expected<Scalar> captured(Value value) override { return context.symbols.captured(value); }
  std::optional<unsigned> operandOf(Value value) override {
    std::optional<unsigned> number = argumentOf(value);
    return number && *number < readers.size() ? number : std::nullopt;
  }
  std::optional<unsigned> iteratorOf(Value value) override {
    std::optional<unsigned> number = argumentOf(value);
    return number && *number >= readers.size() ? std::optional<unsigned>(op.getPoints()[*number - readers.size()])
                                               : std::nullopt;
  }
  const ElementReader *reader(unsigned operand) override { return readers[operand].get(); }
  ArrayRef<unsigned> gathersOf(unsigned operand) override { return readers[operand]->getGatherOperands(); }
  void adjust(Instruction &instruction) override;

private:
  struct Worker;

  std::optional<unsigned> argumentOf(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && argument.getOwner()->getParentOp() == op ? std::optional(argument.getArgNumber()) : std::nullopt;
  }
  llvm::Error prepareRanges();
  llvm::Error prepareReaders();
  llvm::Error tabulateConditions();
  llvm::Expected<Condition> tabulate(PointCondition &condition, bool &isOpen);
  llvm::Error compilePrograms();
  llvm::Error visitAll();
  int64_t countPoints(unsigned begin, unsigned end) const;
  void store(int64_t offset, Scalar value);

  EinsumOp op;
  const EinsumContext &context;
  SmallVector<Interval> ranges;
  std::vector<std::unique_ptr<OperandReader>> readers;
  llvm::DenseMap<Operation *, unsigned> absentBits; ///< in Lanes::missing, of ops that may be absent by themselves
  const Tensor *accumulator = nullptr;
  std::optional<Reduction> reduction;
  SmallVector<Value> filters; ///< conjuncts to test at each point
  Program where, map;
  Tensor result;
};

//===-- preparation --------------------------------------------------------------------------------------------------

/// Ops that may be absent by themselves get the bit that says so. And of a product of a 16- or 8-bit factor with a
/// wider one inside a sum, the wider one may be rounded to the narrow type.
void EinsumRun::adjust(Instruction &instruction) {
  if (auto bit = absentBits.find(instruction.op); bit != absentBits.end())
    instruction.absent = uint64_t(1) << bit->second;
  bool isContraction = op.getReducerAttr() && op.getReducerAttr().getName().getValue() == "sum";
  auto product = dyn_cast<arith::MulFOp>(instruction.op);
  if (context.exactFactors || !isContraction || !product)
    return;
  auto narrow = [](Value value) -> FloatType {
    auto extension = value.getDefiningOp<arith::ExtFOp>();
    auto type = extension ? cast<FloatType>(extension.getIn().getType()) : FloatType();
    return type && type.getWidth() <= 16 ? type : FloatType();
  };
  FloatType lhs = narrow(product.getLhs()), rhs = narrow(product.getRhs());
  if (!lhs != !rhs)
    instruction.factorRoundoff[lhs ? 1 : 0] = FloatFormat::of(lhs ? lhs : rhs).roundoff;
}

llvm::Error EinsumRun::prepareRanges() {
  for (StringRef name : op.getIteratorNames()) {
    llvm::Expected<Interval> range = context.range(name);
    if (!range)
      return range.takeError();
    ranges.push_back(*range);
  }
  return llvm::Error::success();
}

llvm::Error EinsumRun::prepareReaders() {
  SmallVector<int64_t> symbols;
  for (Value symbol : op.getSymbols()) {
    llvm::Expected<Scalar> value = context.symbols.captured(symbol);
    if (!value)
      return value.takeError();
    symbols.push_back(value->integer);
  }
  unsigned bits = 0;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    llvm::Expected<const Tensor *> tensor = context.tensor(input);
    if (!tensor)
      return tensor.takeError();
    readers.push_back(std::make_unique<OperandReader>(op, i, **tensor, symbols, bits));
    bits += (*tensor)->conditions.size();
  }
  for (Operation *partial : partialOps(op))
    absentBits[partial] = bits++;
  if (bits > 63)
    return errorAt(op.getLoc(), "operands with " + llvm::Twine(bits) + " conditions, the evaluator has room for 63");
  if (!op.getAcc())
    return llvm::Error::success();
  llvm::Expected<const Tensor *> tensor = context.tensor(op.getAcc());
  if (!tensor)
    return tensor.takeError();
  accumulator = *tensor;
  if (accumulator->shape != result.shape)
    return errorAt(op.getLoc(), "acc has not the shape of the result");
  return llvm::Error::success();
}

int64_t EinsumRun::countPoints(unsigned begin, unsigned end) const {
  int64_t count = 1;
  for (unsigned i = begin; i < end; ++i)
    count *= ranges[i].size();
  return count;
}

//===-- the conditions of the result ---------------------------------------------------------------------------------

llvm::Expected<Condition> EinsumRun::tabulate(PointCondition &condition, bool &isOpen) {
  llvm::Expected<Program> program = Program::compile(condition.root, condition.root.getParentBlock(), *this);
  if (!program)
    return program.takeError();
  Frame frame = program->makeFrame();
  for (Interval range : ranges)
    frame.point.push_back(range.begin);
  Condition table;
  for (int i : condition.iterators.set_bits())
    table.dims.push_back(i);
  int64_t size = 1;
  for (unsigned i : table.dims)
    size *= ranges[i].size();
  frame.laneIterator = table.dims.empty() ? -1 : table.dims.back();
  int64_t line = table.dims.empty() ? 1 : ranges[table.dims.back()].size();
  for (int64_t at = 0; at < size; at += frame.lanes) {
    int64_t rest = at;
    for (unsigned i : llvm::reverse(table.dims)) {
      frame.point[i] = ranges[i].begin + rest % ranges[i].size();
      rest /= ranges[i].size();
    }
    frame.lanes = std::min<int64_t>(kLanes, line - at % line);
    program->run(frame);
    const Lanes &value = program->root(frame, 0);
    for (unsigned l = 0; l < frame.lanes; ++l) {
      uint64_t missing = value.missingAt(l);
      isOpen |= !condition.bit && missing == kUnreadable;
      bool fails = condition.bit ? (missing >> *condition.bit & 1) != 0 : !missing && !value.integer[l];
      table.holds.push_back(!fails);
    }
  }
  return table;
}

llvm::Error EinsumRun::tabulateConditions() {
  for (PointCondition &condition : conditionsOf(op, readers, absentBits)) {
    bool isFilter = condition.iterators.find_last() >= int(op.getNumParallel());
    if (!isFilter) {
      llvm::Expected<Condition> table = tabulate(condition, isFilter);
      if (!table)
        return table.takeError();
      result.addCondition(std::move(*table));
    }
    if (isFilter && !llvm::is_contained(filters, condition.root) && condition.root.getParentBlock() != &op.getMapBody())
      filters.push_back(condition.root);
  }
  return llvm::Error::success();
}

llvm::Error EinsumRun::compilePrograms() {
  if (op.hasWhere()) {
    llvm::Expected<Program> program = Program::compile(filters, &op.getWhereBody(), *this);
    if (!program)
      return program.takeError();
    where = std::move(*program);
  }
  llvm::Expected<Program> program = Program::compile(op.getMapped(), &op.getMapBody(), *this);
  if (!program)
    return program.takeError();
  map = std::move(*program);
  return llvm::Error::success();
}

//===-- visiting the points ------------------------------------------------------------------------------------------

/// One thread's registers.
struct EinsumRun::Worker {
  EinsumRun &run;
  Frame whereFrame, mapFrame;
  bool live[kLanes];
  unsigned numParallel, numIterators;

  explicit Worker(EinsumRun &run)
      : run(run), whereFrame(run.where.makeFrame()), mapFrame(run.map.makeFrame()),
        numParallel(run.op.getNumParallel()), numIterators(run.op.getNumIterators()) {}

  /// Runs the regions at the lanes from `point` on, and leaves `live` where a point is present. False if none is.
  llvm::Expected<bool> batch(ArrayRef<int64_t> point, unsigned lanes) {
    for (Frame *frame : {&whereFrame, &mapFrame}) {
      frame->point.assign(point.begin(), point.end());
      frame->laneIterator = int(numIterators) - 1;
      frame->lanes = lanes;
    }
    if (!run.filters.empty())
      run.where.run(whereFrame);
    for (unsigned i = 0; i < run.filters.size(); ++i)
      if (llvm::Error error = keep(run.where, whereFrame, i, /*isCondition=*/true))
        return error;
    if (!llvm::is_contained(ArrayRef(live, lanes), true))
      return false;
    run.map.run(mapFrame);
    if (llvm::Error error = keep(run.map, mapFrame, 0, /*isCondition=*/false))
      return error;
    return true;
  }

  /// Drops the lanes where root `i` is absent or, a condition, false.
  llvm::Error keep(const Program &program, const Frame &frame, unsigned i, bool isCondition) {
    const Lanes &value = program.root(frame, i);
    for (unsigned l = 0; l < frame.lanes; ++l) {
      uint64_t missing = live[l] ? value.missingAt(l) : 0;
      if (missing == kUnreadable)
        return program.explain(frame, i, l);
      live[l] &= !missing && (!isCondition || value.integer[l] != 0);
    }
    return llvm::Error::success();
  }

  llvm::Expected<Scalar> reduce(SmallVectorImpl<int64_t> &point, int64_t offset) {
    Accumulator accumulator;
    if (run.accumulator) {
      Scalar from = run.accumulator->get(offset);
      accumulator = run.reduction->start(&from);
    } else {
      accumulator = run.reduction->start();
    }
    Interval last = run.ranges.back();
    int64_t outer = run.countPoints(numParallel, numIterators - 1);
    for (int64_t at = 0; at < outer; ++at) {
      spread(point, at, numParallel, numIterators - 1);
      for (int64_t i = last.begin; i < last.end; i += kLanes) {
        point.back() = i;
        unsigned lanes = std::min<int64_t>(kLanes, last.end - i);
        std::fill_n(live, lanes, true);
        llvm::Expected<bool> any = batch(point, lanes);
        if (!any)
          return any.takeError();
        if (*any)
          run.reduction->add(accumulator, run.map.root(mapFrame, 0), live, lanes);
      }
    }
    return run.reduction->finish(accumulator);
  }

  /// The point of iterators [begin, end) with number `at`.
  void spread(SmallVectorImpl<int64_t> &point, int64_t at, unsigned begin, unsigned end) {
    for (unsigned i = end; i-- > begin; at /= run.ranges[i].size())
      point[i] = run.ranges[i].begin + at % run.ranges[i].size();
  }

  /// Result points [begin, end), each a reduction.
  llvm::Error reducePoints(int64_t begin, int64_t end) {
    SmallVector<int64_t> point(numIterators);
    for (int64_t offset = begin; offset < end; ++offset) {
      if (!run.result.isPresent(offset))
        continue;
      spread(point, offset, 0, numParallel);
      llvm::Expected<Scalar> value = reduce(point, offset);
      if (!value)
        return value.takeError();
      run.store(offset, *value);
    }
    return llvm::Error::success();
  }

  /// Lines [begin, end) of result points along the last rank.
  llvm::Error mapLines(int64_t begin, int64_t end) {
    SmallVector<int64_t> point(numIterators);
    Interval last = numIterators ? run.ranges.back() : Interval{0, 1};
    for (int64_t line = begin; line < end; ++line) {
      spread(point, line, 0, numIterators ? numIterators - 1 : 0);
      for (int64_t i = last.begin; i < last.end; i += kLanes) {
        if (numIterators)
          point.back() = i;
        if (llvm::Error error =
                mapLanes(point, line * last.size() + i - last.begin, std::min<int64_t>(kLanes, last.end - i)))
          return error;
      }
    }
    return llvm::Error::success();
  }

  llvm::Error mapLanes(ArrayRef<int64_t> point, int64_t offset, unsigned lanes) {
    for (unsigned l = 0; l < lanes; ++l)
      live[l] = run.result.isPresent(offset + l);
    llvm::Expected<bool> any = batch(point, lanes);
    if (!any)
      return any.takeError();
    const Lanes &value = run.map.root(mapFrame, 0);
    bool isFloat = run.result.isFloat();
    for (unsigned l = 0; *any && l < lanes; ++l)
      if (live[l])
        run.store(offset + l,
                  {isFloat ? value.real[l] : 0, isFloat ? 0 : value.integer[l], std::sqrt(value.variance[l])});
    return llvm::Error::success();
  }
};

void EinsumRun::store(int64_t offset, Scalar value) {
  result.isFloat() ? void(result.reals[offset] = value.real) : void(result.integers[offset] = value.integer);
  result.errors[offset] = value.error;
}

/// In tasks of neighbouring points; each point is computed in the same order whatever the tasks are.
llvm::Error EinsumRun::visitAll() {
  unsigned numParallel = op.getNumParallel(), numIterators = op.getNumIterators();
  bool reduces = numIterators > numParallel;
  int64_t items = countPoints(0, reduces || numIterators == 0 ? numParallel : numParallel - 1);
  int64_t work = countPoints(0, numIterators), numTasks = work < (1 << 15) ? 1 : std::min<int64_t>(items, 64);
  std::mutex mutex;
  llvm::Error firstError = llvm::Error::success();
  int64_t firstTask = numTasks;
  auto task = [&](int64_t i) {
    Worker worker(*this);
    int64_t begin = items * i / numTasks, end = items * (i + 1) / numTasks;
    llvm::Error error = reduces ? worker.reducePoints(begin, end) : worker.mapLines(begin, end);
    std::lock_guard<std::mutex> guard(mutex);
    if (error && i < firstTask) { // which error is reported does not depend on the threads
      llvm::consumeError(std::move(firstError));
      firstError = std::move(error);
      firstTask = i;
    } else {
      llvm::consumeError(std::move(error));
    }
  };
  if (numTasks <= 1)
    task(0);
  else
    llvm::parallelFor(0, numTasks, task);
  return firstError;
}

llvm::Expected<Tensor> EinsumRun::run() {
  if (llvm::Error error = prepareRanges())
    return error;
  SmallVector<int64_t> shape;
  for (Interval range : ArrayRef(ranges).take_front(op.getNumParallel()))
    shape.push_back(range.size());
  result = Tensor(op.getType().getElementType(), shape);
  for (unsigned d = 0; d < shape.size(); ++d)
    result.origin[d] = ranges[d].begin;
  result.ranks = SmallVector<StringAttr>(rankNames(op.getType()));
  result.errors.assign(result.size(), 0.0);
  if (op.getReducerAttr()) {
    llvm::Expected<Reduction> found = Reduction::of(op);
    if (!found)
      return found.takeError();
    reduction = std::move(*found);
  }
  for (auto step :
       {&EinsumRun::prepareReaders, &EinsumRun::tabulateConditions, &EinsumRun::compilePrograms, &EinsumRun::visitAll})
    if (llvm::Error error = (this->*step)())
      return error;
  if (TypedAttr otherwise = op.getOtherwiseAttr()) {
    for (int64_t i = 0; i < result.size(); ++i)
      if (!result.isPresent(i))
        store(i, Scalar::of(otherwise));
    result.conditions.clear();
  }
  if (llvm::all_of(result.errors, [](double error) { return error == 0; }))
    result.errors.clear();
  return std::move(result);
}

} // namespace

llvm::Expected<Tensor> attn::reference::evaluateEinsum(EinsumOp op, const EinsumContext &context) {
  return EinsumRun(op, context).run();
}
