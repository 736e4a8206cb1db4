// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The set type, selections, and the ops that ask about sets: their constraints.
#include "dialects/attn/Attn.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn;

#define GET_TYPEDEF_CLASSES
#include "dialects/attn/Types.cpp.inc"

void AttnDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/attn/Types.cpp.inc"
      >();
}

LogicalResult IndexSetType::verify(function_ref<InFlightDiagnostic()> error, unsigned arity) {
  if (arity == 0) // set_c1
    return error() << "members of a set have at least one component";
  return success();
}

//===-- attn.select --------------------------------------------------------------------------------------------------

namespace {

struct SelectionRow {
  StringLiteral name;
  bool takesParameter, countsMembers, takesSeveral;
};
constexpr SelectionRow kSelections[] = {{"topk", true, true, false},
                                        {"topp", true, false, false},
                                        {"above", true, false, false},
                                        {"argmax", false, false, false},
                                        {"set", false, false, true}};

const SelectionRow *findSelection(StringRef name) {
  const auto *row = llvm::find_if(kSelections, [&](const SelectionRow &each) { return each.name == name; });
  return row == std::end(kSelections) ? nullptr : row;
}

bool isInteger(Type type) { return type.isIndex() || (isa<IntegerType>(type) && !type.isInteger(1)); }

} // namespace

void SelectOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  if (getNameAttr())
    setName(getResult(), getNameAttr());
}

static LogicalResult verifyValues(SelectOp op, const SelectionRow &row) {
  if (op.getValues().empty() || (op.getValues().size() > 1 && !row.takesSeveral)) // select_c2
    return op.emitOpError() << row.name << " of " << op.getValues().size() << " tensors";
  for (Value value : op.getValues()) {
    if (rankNames(value.getType()) != rankNames(op.getValues()[0].getType())) // select_c2
      return op.emitOpError() << "values over different ranks: " << op.getValues()[0].getType() << " and "
                              << value.getType();
    Type element = cast<RankedTensorType>(value.getType()).getElementType();
    if (row.name == "set" ? !isInteger(element) : !element.isIntOrFloat()) // select_c7
      return op.emitOpError() << row.name << " does not take " << element;
  }
  return success();
}

static LogicalResult verifyOver(SelectOp op, const SelectionRow &row) {
  ArrayRef<StringAttr> ranks = rankNames(op.getValues()[0].getType());
  SmallVector<StringAttr> over(op.getOver().getAsRange<StringAttr>());
  for (auto [i, name] : llvm::enumerate(over))
    if (!llvm::is_contained(ranks, name) || llvm::is_contained(ArrayRef(over).take_front(i), name)) // select_c3
      return op.emitOpError() << "'" << name.getValue() << "' is no rank of the values, or stands twice";
  if (over.empty() || (row.name == "argmax" && over.size() != 1)) // select_c3
    return op.emitOpError() << row.name << " over " << over.size() << " ranks";
  SmallVector<StringAttr> others;
  for (StringAttr name : ranks)
    if (!llvm::is_contained(over, name))
      others.push_back(name);
  MLIRContext *context = op.getContext();
  Type element = row.name == "argmax"
                     ? Type(IntegerType::get(context, 64))
                     : IndexSetType::get(context, row.takesSeveral ? op.getValues().size() : over.size());
  if (rankNames(op.getType()) != ArrayRef(others) || op.getType().getElementType() != element) // select_c4
    return op.emitOpError() << "result has type " << op.getType() << ", expected " << element << " over ["
                            << llvm::join(llvm::map_range(others, [](StringAttr s) { return s.getValue(); }), ", ")
                            << ']';
  return success();
}

LogicalResult SelectOp::verify() {
  const SelectionRow *row = findSelection(getKind());
  if (!row) { // select_c1
    InFlightDiagnostic error = emitOpError() << "unknown selection '" << getKind() << "'; known:";
    for (const SelectionRow &each : kSelections)
      error << ' ' << each.name;
    return error;
  }
  if (failed(verifyValues(*this, *row)) || failed(verifyOver(*this, *row)))
    return failure();
  if (bool(getParameter()) != row->takesParameter) // select_c5
    return emitOpError() << row->name << (row->takesParameter ? " needs a value after `by`" : " takes nothing by");
  if (!getParameter())
    return success();
  auto tensor = dyn_cast<RankedTensorType>(getParameter().getType());
  if (row->countsMembers && !isInteger(tensor ? tensor.getElementType() : getParameter().getType())) // select_c5
    return emitOpError() << row->name << " by " << getParameter().getType() << ", expected an integer";
  for (StringAttr name : tensor ? rankNames(tensor) : ArrayRef<StringAttr>())
    if (!llvm::is_contained(rankNames(getType()), name)) // select_c6
      return emitOpError() << "the result has no rank '" << name.getValue() << "' of " << tensor;
  return success();
}

//===-- scalars ------------------------------------------------------------------------------------------------------

static LogicalResult verifyComponents(Operation *op, IndexSetType set, size_t found) {
  if (set.getArity() == found) // contains_c1, place_c1
    return success();
  return op->emitOpError() << "a member of " << set << " has " << set.getArity() << " components, found " << found;
}

LogicalResult ContainsOp::verify() { return verifyComponents(*this, getSet().getType(), getMember().size()); }
LogicalResult PlaceOp::verify() { return verifyComponents(*this, getSet().getType(), getMember().size()); }

LogicalResult MemberOp::verify() {
  if (getComponent() >= getSet().getType().getArity()) // member_c1
    return emitOpError() << "members of " << getSet().getType() << " have no component " << getComponent();
  return success();
}

LogicalResult RandOp::verify() {
  if (getIndices().size() > 4) // rand_c1
    return emitOpError() << getIndices().size() << " indices, expected at most 4";
  return success();
}
