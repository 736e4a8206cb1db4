// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A region of scalar ops as a flat list of instructions, run for many points at once.
#pragma once
#include "compiler/reference/Number.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace attn::reference {

struct Instruction;

/// An instruction runs for up to this many points (lanes) before the next one does.
constexpr unsigned kLanes = 64;
/// In Lanes::missing: the value needs an element from outside a tensor, or a division by zero. The other bits number
/// the conditions that fail for it.
constexpr uint64_t kUnreadable = uint64_t(1) << 63;

/// One value at the points of a batch. Where `missing` is not 0 the value means nothing.
struct Lanes {
  union {
    double real[kLanes];
    int64_t integer[kLanes];
  };
  double variance[kLanes]; ///< the error estimate squared; of an i1: not 0 if rounding may have decided it
  uint64_t missing[kLanes];
  bool anyMissing; ///< else `missing` holds nothing

  void fill(mlir::Type type, Scalar value);
  void clearMissing();
  /// For an instruction that finds something missing at some lanes only.
  void startMissing();
  uint64_t missingAt(unsigned lane) const { return anyMissing ? missing[lane] : 0; }
};

/// What one thread needs to run a program: its registers and the points of the batch.
struct Frame {
  std::vector<Lanes> registers;
  llvm::SmallVector<int64_t> point; ///< index of each iterator at lane 0
  int laneIterator = -1;            ///< the iterator whose index grows by one from lane to lane
  unsigned lanes = 1;

  int64_t index(unsigned iterator, unsigned lane) const {
    return point[iterator] + (int(iterator) == laneIterator ? lane : 0);
  }
};

/// Reads the elements of one operand of an Einsum.
class ElementReader {
public:
  virtual ~ElementReader() = default;
  /// Fills the result of `load`; its operands hold the gathered indices.
  virtual void read(const Instruction &load, Frame &frame) const = 0;
  /// Says which element of which operand is not there.
  virtual llvm::Error explain(const Instruction &load, const Frame &frame, unsigned lane) const = 0;
};

struct Instruction {
  using Step = void (*)(const Instruction &, Frame &);

  Step run = nullptr;
  Step pass = nullptr; ///< how missing operands make the result missing; before `run`
  llvm::SmallVector<unsigned, 3> operands;
  unsigned result = 0, numResults = 1;
  mlir::Operation *op = nullptr;

  FloatFormat format;                   ///< of the result
  unsigned roundings = 0;               ///< roundings that the result costs
  llvm::SmallVector<unsigned, 0> terms; ///< registers of the terms of a longer sum, see ScalarFloats.cpp
  unsigned width = 0, operandWidth = 0;
  int64_t predicate = 0;
  double factorRoundoff[2] = {0, 0}; ///< what a factor may be rounded to besides (R16), relative
  double (*real1)(double) = nullptr;
  double (*real2)(double, double) = nullptr;
  int64_t (*integer1)(int64_t, unsigned) = nullptr;
  int64_t (*integer2)(int64_t, int64_t, unsigned) = nullptr;
  const ElementReader *reader = nullptr;
  unsigned iterator = 0;
  unsigned arity = 0, component = 0; ///< of the set that it looks into
  uint64_t absent = kUnreadable;     ///< in Lanes::missing where the result may be absent by itself
};

/// The instruction for an op of `arith`, `math` or `attn`; an error at the op where it is unknown. Operands and result
/// numbers are the caller's to fill.
llvm::Expected<Instruction> translate(mlir::Operation *op);

/// What a region's leaves are.
class Leaves {
public:
  virtual ~Leaves() = default;
  /// The value of a scalar from outside the region.
  virtual llvm::Expected<Scalar> captured(mlir::Value value) = 0;
  /// Whether a block argument is one of the region's, and then either the number of an operand or of an iterator.
  virtual std::optional<unsigned> operandOf(mlir::Value value) { return std::nullopt; }
  virtual std::optional<unsigned> iteratorOf(mlir::Value value) { return std::nullopt; }
  virtual const ElementReader *reader(unsigned operand) { return nullptr; }
  /// The operands whose elements are indices of `operand`.
  virtual llvm::ArrayRef<unsigned> gathersOf(unsigned operand) { return {}; }
  /// Looks at a fresh instruction.
  virtual void adjust(Instruction &instruction) {}
};

class Program {
public:
  /// Translates what `roots`, defined in `body` or outside it, depend on.
  static llvm::Expected<Program> compile(llvm::ArrayRef<mlir::Value> roots, mlir::Block *body, Leaves &leaves);

  /// Registers with the values that are the same at all points.
  Frame makeFrame() const;
  void run(Frame &frame) const;
  const Lanes &root(const Frame &frame, unsigned i) const { return frame.registers[roots[i]]; }
  /// The error behind an unreadable root.
  llvm::Error explain(const Frame &frame, unsigned root, unsigned lane) const;

private:
  friend class Compiler;
  const Instruction &definer(unsigned number) const;
  std::vector<std::tuple<unsigned, mlir::Type, Scalar>> constants;
  std::vector<Instruction> prologue, body; ///< the same at all points; different from point to point
  llvm::SmallVector<unsigned> roots;
  unsigned numRegisters = 0;
};

/// The value of a scalar outside Einsums, computed from the leaves of its block.
llvm::Expected<Scalar> evaluateScalar(mlir::Value value, Leaves &leaves);

} // namespace attn::reference
