// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lazy reading (R11) without jumps: every instruction runs at every lane, and a value that needs an absent element, or
// one outside its tensor, is *missing* in its lane. `select`, `and` and `or` hand on only what they would have looked
// at; a missing value matters only where it reaches a root.
#include "compiler/reference/Program.h"
#include "compiler/reference/Tensor.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace attn::reference;

void Lanes::fill(Type type, Scalar value) {
  anyMissing = false;
  for (unsigned l = 0; l < kLanes; ++l) {
    isa<FloatType>(type) ? void(real[l] = value.real) : void(integer[l] = value.integer);
    variance[l] = value.error * value.error;
  }
}

void Lanes::clearMissing() { anyMissing = false; }

void Lanes::startMissing() {
  if (!anyMissing)
    std::memset(missing, 0, sizeof(missing));
  anyMissing = true;
}

//===-- from ops to instructions -------------------------------------------------------------------------------------

static void runLoad(const Instruction &in, Frame &frame) { in.reader->read(in, frame); }

static void runPoint(const Instruction &in, Frame &frame) {
  Lanes &result = frame.registers[in.result];
  result.clearMissing();
  for (unsigned l = 0; l < frame.lanes; ++l) {
    result.integer[l] = frame.index(in.iterator, l);
    result.variance[l] = 0;
  }
}

static bool isSum(Operation *op) { return isa_and_nonnull<arith::AddFOp, arith::SubFOp, attn::SubOp>(op); }

/// What a chain of additions and subtractions in one region adds up.
static void collectTerms(Operation *sum, SmallVectorImpl<Value> &terms) {
  for (Value operand : sum->getOperands())
    if (Operation *inner = operand.getDefiningOp(); isSum(inner) && inner->getBlock() == sum->getBlock())
      collectTerms(inner, terms);
    else
      terms.push_back(operand);
}

namespace attn::reference {

class Compiler {
public:
  Compiler(Block *body, Leaves &leaves) : body(body), leaves(leaves) {}

  llvm::Expected<unsigned> registerOf(Value value) {
    if (auto known = registers.find(value); known != registers.end())
      return known->second;
    llvm::Expected<unsigned> fresh = makeRegister(value);
    if (fresh)
      registers[value] = *fresh;
    return fresh;
  }

  Program program;

private:
  llvm::Expected<unsigned> makeRegister(Value value) {
    if (std::optional<unsigned> operand = leaves.operandOf(value))
      return load(*operand);
    if (std::optional<unsigned> iterator = leaves.iteratorOf(value)) {
      Instruction point;
      point.run = runPoint;
      point.iterator = *iterator;
      return emit(std::move(point), /*isUniform=*/false);
    }
    Operation *op = value.getDefiningOp();
    if (!op || op->getBlock() != body)
      return captured(value);
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      if (isa<FloatAttr, IntegerAttr>(constant.getValue()))
        return constantRegister(value.getType(), Scalar::of(cast<TypedAttr>(constant.getValue())));
    if (isa<ExtentOp, DefaultOp>(op))
      return captured(value);
    llvm::Expected<unsigned> first = operation(op);
    if (!first)
      return first.takeError();
    return *first + cast<OpResult>(value).getResultNumber();
  }

  llvm::Expected<unsigned> captured(Value value) {
    llvm::Expected<Scalar> scalar = leaves.captured(value);
    if (!scalar)
      return scalar.takeError();
    return constantRegister(value.getType(), *scalar);
  }

  unsigned constantRegister(Type type, Scalar value) {
    program.constants.emplace_back(program.numRegisters, type, value);
    uniform.push_back(true);
    return program.numRegisters++;
  }

  llvm::Expected<unsigned> operation(Operation *op) {
    llvm::Expected<Instruction> instruction = translate(op);
    if (!instruction)
      return instruction.takeError();
    bool isUniform = true;
    for (Value operand : op->getOperands()) {
      llvm::Expected<unsigned> number = registerOf(operand);
      if (!number)
        return number.takeError();
      instruction->operands.push_back(*number);
      isUniform &= uniform[*number];
    }
    SmallVector<Value> terms;
    if (isSum(op))
      collectTerms(op, terms);
    for (Value term : terms.size() > 2 ? ArrayRef(terms) : ArrayRef<Value>())
      instruction->terms.push_back(registers.lookup(term));
    leaves.adjust(*instruction);
    unsigned first = emit(std::move(*instruction), isUniform);
    for (auto [i, result] : llvm::enumerate(op->getResults()))
      registers[result] = first + i;
    return first;
  }

  llvm::Expected<unsigned> load(unsigned operand) {
    if (auto known = loads.find(operand); known != loads.end())
      return known->second;
    Instruction load;
    load.run = runLoad;
    load.reader = leaves.reader(operand);
    for (unsigned source : leaves.gathersOf(operand)) {
      llvm::Expected<unsigned> number = this->load(source);
      if (!number)
        return number.takeError();
      load.operands.push_back(*number);
    }
    unsigned number = emit(std::move(load), /*isUniform=*/false);
    loads[operand] = number;
    return number;
  }

  unsigned emit(Instruction instruction, bool isUniform) {
    instruction.result = program.numRegisters;
    program.numRegisters += instruction.numResults;
    uniform.append(instruction.numResults, isUniform);
    unsigned number = instruction.result;
    (isUniform ? program.prologue : program.body).push_back(std::move(instruction));
    return number;
  }

  Block *body;
  Leaves &leaves;
  llvm::DenseMap<Value, unsigned> registers;
  llvm::DenseMap<unsigned, unsigned> loads;
  SmallVector<bool> uniform;
};

} // namespace attn::reference

llvm::Expected<Program> Program::compile(ArrayRef<Value> roots, Block *body, Leaves &leaves) {
  Compiler compiler(body, leaves);
  for (Value value : roots) {
    llvm::Expected<unsigned> number = compiler.registerOf(value);
    if (!number)
      return number.takeError();
    compiler.program.roots.push_back(*number);
  }
  return std::move(compiler.program);
}

//===-- running ------------------------------------------------------------------------------------------------------

static void step(const Instruction &in, Frame &frame) {
  if (in.pass)
    in.pass(in, frame);
  in.run(in, frame);
}

Frame Program::makeFrame() const {
  Frame frame;
  frame.registers.resize(numRegisters);
  for (const auto &[number, type, value] : constants)
    frame.registers[number].fill(type, value);
  frame.lanes = kLanes;
  for (const Instruction &in : prologue)
    step(in, frame);
  return frame;
}

void Program::run(Frame &frame) const {
  for (const Instruction &in : body)
    step(in, frame);
}

const Instruction &Program::definer(unsigned number) const {
  for (const std::vector<Instruction> *list : {&body, &prologue})
    for (const Instruction &in : *list)
      if (number >= in.result && number < in.result + in.numResults)
        return in;
  llvm_unreachable("constants are never missing");
}

llvm::Error Program::explain(const Frame &frame, unsigned root, unsigned lane) const {
  auto isUnreadable = [&](unsigned number) { return (frame.registers[number].missingAt(lane) & kUnreadable) != 0; };
  for (unsigned number = roots[root];;) {
    const Instruction &in = definer(number);
    // The branch that select does not take may be unreadable too, so ask for the one it takes.
    if (in.op && isa<arith::SelectOp>(in.op) && !isUnreadable(in.operands[0])) {
      number = in.operands[frame.registers[in.operands[0]].integer[lane] ? 1 : 2];
      continue;
    }
    const unsigned *culprit = llvm::find_if(in.operands, isUnreadable);
    if (culprit == in.operands.end())
      return in.reader ? in.reader->explain(in, frame, lane) : errorAt(in.op->getLoc(), "division by zero");
    number = *culprit;
  }
}

llvm::Expected<Scalar> attn::reference::evaluateScalar(Value value, Leaves &leaves) {
  llvm::Expected<Program> program = Program::compile(value, value.getParentBlock(), leaves);
  if (!program)
    return program.takeError();
  Frame frame = program->makeFrame();
  frame.lanes = 1;
  program->run(frame);
  const Lanes &lanes = program->root(frame, 0);
  if (lanes.missingAt(0))
    return program->explain(frame, 0, 0);
  Scalar scalar = isa<FloatType>(value.getType()) ? Scalar::of(lanes.real[0]) : Scalar::of(lanes.integer[0]);
  scalar.error = std::sqrt(lanes.variance[0]);
  return scalar;
}
