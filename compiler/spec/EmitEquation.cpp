// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equations, from the outside in: what `else` says, then the condition over the left, then a reduction, then the map.
#include "compiler/spec/EinsumMaker.h"
#include "compiler/spec/KernelEmitter.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;

namespace attn::spec {

//===-- facts --------------------------------------------------------------------------------------------------------

/// R13: the value of a max or logsumexp, or of a `max(..)` with such an argument; through names too.
bool KernelEmitter::isMaximum(const Term *term) {
  switch (term->kind) {
  case TermKind::Reduce:
    return term->reducer == ReducerKind::Max || term->reducer == ReducerKind::LogSumExp;
  case TermKind::Map:
    if (term->op == MapOp::Select && term->isImplicit) // equations of one tensor
      return isMaximum(term->args[1]) && isMaximum(term->args[2]);
    return term->op == MapOp::Max && llvm::any_of(term->args, [&](const Term *arg) { return isMaximum(arg); });
  case TermKind::If:
  case TermKind::Else:
    return isMaximum(term->args[0]);
  case TermKind::Read: {
    // An earlier step of itself counts, and where a recurrence starts does not matter.
    auto [entry, isNew] = maxima.try_emplace(term->tensor, term->tensor->isIterative);
    if (!isNew)
      return entry->second;
    SmallVector<const Equation *, 1> defining = equations[term->tensor];
    if (term->tensor->isIterative)
      llvm::erase_if(defining, [](const Equation *equation) { return !isPlain(*equation); });
    bool all =
        !defining.empty() && llvm::all_of(defining, [&](const Equation *equation) { return isMaximum(equation->rhs); });
    return maxima[term->tensor] = all;
  }
  default:
    return false;
  }
}

bool KernelEmitter::isLogSumExp(const Term *term) {
  if (term->kind == TermKind::If)
    return isLogSumExp(term->args[0]);
  if (term->kind == TermKind::Reduce)
    return term->reducer == ReducerKind::LogSumExp;
  if (term->kind != TermKind::Map)
    return false;
  auto isPositive = [](const Term *factor) {
    return (factor->kind == TermKind::Float && factor->number > 0) ||
           (factor->kind == TermKind::Int && factor->integer > 0);
  };
  const Term *a = term->args[0], *b = term->args.size() > 1 ? term->args[1] : nullptr;
  switch (term->op) {
  case MapOp::Select: // equations of one tensor
    return term->isImplicit && isLogSumExp(b) && isLogSumExp(term->args[2]);
  case MapOp::Add:
    return isLogSumExp(a) != isLogSumExp(b);
  case MapOp::Sub:
    return isLogSumExp(a) && !isLogSumExp(b);
  case MapOp::Mul:
    return (isLogSumExp(a) && isPositive(b)) || (isLogSumExp(b) && isPositive(a));
  case MapOp::Div:
    return isLogSumExp(a) && isPositive(b);
  default:
    return false;
  }
}

Type KernelEmitter::tensorElementType(const Tensor &tensor) const {
  return tensor.isSet || tensor.type.kind == Element::Inferred ? Type() : elementType(tensor.type);
}

/// The constant as an attribute of `type`; null when it is none.
TypedAttr KernelEmitter::constantAttr(const Term *term, Type type) {
  double sign = 1;
  while (term->kind == TermKind::Map && term->op == MapOp::Neg) {
    sign = -sign;
    term = term->args[0];
  }
  if (term->kind != TermKind::Int && term->kind != TermKind::Float && term->kind != TermKind::Bool)
    return {};
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat value(sign * (term->kind == TermKind::Int ? double(term->integer) : term->number));
    bool losesInfo;
    value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return FloatAttr::get(floatType, value);
  }
  if (term->kind == TermKind::Float)
    return {};
  return type.isInteger(1) ? TypedAttr(BoolAttr::get(&context, term->integer))
                           : TypedAttr(IntegerAttr::get(type, int64_t(sign) * term->integer));
}

//===-- indices ------------------------------------------------------------------------------------------------------

/// The rank that iterates an index: the kernel's rank of its name if that has this extent, else a new one.
StringAttr KernelEmitter::rankFor(StringRef index, const Term *extent, ArrayRef<Iterator> taken) {
  std::string text = print(extent);
  for (unsigned attempt = 0;; ++attempt) {
    StringRef name = attempt ? program.strings.save(index + "_" + llvm::Twine(attempt)) : index;
    if (isOpen(name) || llvm::any_of(taken, [&](const Iterator &one) { return one.rank.getValue() == name; }))
      continue;
    if (!ranks.count(name))
      return addRank(name, extent) ? string(name) : StringAttr();
    if (rankExtents[name] == text)
      return string(name);
  }
}

ArrayRef<StringAttr> KernelEmitter::ranksOf(const Tensor &tensor) {
  if (auto known = tensorRanks.find(&tensor); known != tensorRanks.end())
    return known->second;
  SmallVector<Iterator> taken;
  for (auto [dim, rank] : llvm::enumerate(tensor.ranks)) {
    const Term *extent = dim < tensor.extents.size() ? tensor.extents[dim] : nullptr;
    if (tensor.role == TensorRole::Local && !extent) {
      diagnostics
          .error(tensor.loc,
                 "the extent of dimension " + llvm::Twine(dim + 1) + " of '" + tensor.name + "' is not known")
          .help = "declare a rank and name it by an index on the left of an equation";
      return {};
    }
    StringAttr name = tensor.role == TensorRole::Local ? rankFor(rank, extent, taken) : string(rank);
    if (!name)
      return {};
    taken.push_back({rank, name});
  }
  SmallVector<StringAttr> &ranks = tensorRanks[&tensor];
  for (const Iterator &one : taken)
    ranks.push_back(one.rank);
  return ranks;
}

/// The tensor's own rank names iterate its dimensions, whatever this equation calls the indices.
SmallVector<Iterator> KernelEmitter::leftIterators(const Equation &equation) {
  SmallVector<Iterator> iterators;
  for (auto [left, rank] : llvm::zip(equation.left, ranksOf(*equation.tensor)))
    iterators.push_back({left->name, rank});
  return iterators;
}

RankedTensorType KernelEmitter::typeOf(ArrayRef<Iterator> left, Type element) {
  SmallVector<StringAttr> names;
  for (const Iterator &iterator : left)
    names.push_back(iterator.rank);
  return tensorType(names, element, rankList());
}

//===-- equations ----------------------------------------------------------------------------------------------------

bool KernelEmitter::isPlain(const Equation &equation) {
  IndexSet seen;
  return llvm::all_of(equation.left,
                      [&](const Term *left) { return left->kind == TermKind::Index && seen.insert(left->name); });
}

/// Null after reporting an error.
Value KernelEmitter::emitEquation(const Equation &equation) {
  const Tensor &tensor = *equation.tensor;
  llvm::SaveAndRestore<const Equation *> outer(current, &equation);
  if (ranksOf(tensor).size() != equation.left.size())
    return nullptr;
  if (!isPlain(equation))
    return emitScatter(equation);
  Value value = emitEinsum({equation.rhs, leftIterators(equation), {}, {}, tensor.name.str()});
  if (!value)
    return nullptr;
  return emitStored(value, tensorElementType(tensor), tensor.name, locate(equation.loc, equation.site));
}

/// Rounds to a type that the spec names, in an Einsum of its own; null stands for the type that there is.
Value KernelEmitter::emitStored(Value value, Type element, StringRef name, Location loc) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!element || element == type.getElementType())
    return value;
  EinsumSpec spec;
  spec.iterators.assign(rankNames(type).begin(), rankNames(type).end());
  spec.result = tensorType(rankNames(type), element, rankList());
  spec.inputs.push_back(value);
  spec.maps.push_back(builder.getMultiDimIdentityMap(type.getRank()));
  spec.name = string(name);
  return EinsumOp::create(builder, loc, spec, nullptr, [&](OpBuilder &b, Location at, ValueRange args) {
    YieldOp::create(b, at, ScalarEmitter::store(b, at, args[0], element));
  });
}

Value KernelEmitter::emitEinsum(const EinsumRequest &given) {
  EinsumRequest request = given;
  const Term *value = request.value;
  while (value->kind == TermKind::If || value->kind == TermKind::Else) {
    if (value->kind == TermKind::If) {
      llvm::append_range(request.conjuncts, conjunctsOf(value->args[1]));
    } else if (request.otherwise || !constantAttr(value->args[1], builder.getF64Type())) {
      break; // a value that is no constant: the maker selects
    } else {
      // The element type is known only once the value is made.
      request.otherwise =
          constantAttr(value->args[1],
                       value->args[1]->kind == TermKind::Bool ? Type(builder.getI1Type()) : Type(builder.getF64Type()));
    }
    value = value->args[0];
  }
  request.value = value;
  if (value->kind == TermKind::Reduce && value->reducer == ReducerKind::LogSumExp)
    return emitLogSumExp(request);
  if (isSelection(value))
    return emitSelection(request);
  return EinsumMaker(*this, request).run();
}

/// log(sum exp(S - X)) + X with X = max S, over the same points.
Value KernelEmitter::emitLogSumExp(const EinsumRequest &request) {
  TermBuilder build(program);
  const Term *whole = request.value;
  build.site = whole->site;
  auto reduction = [&](ReducerKind kind, Term *body) {
    Term *term = build.make(TermKind::Reduce, whole->loc, {body});
    term->reducer = kind;
    term->binders = whole->binders;
    term->condition = whole->condition;
    term->type = TypeClass::Float;
    return term;
  };
  auto asTensor = [&](const Term *value, StringRef suffix) -> Term * {
    auto tensor = std::make_unique<Tensor>();
    tensor->name = program.strings.save(request.name + "." + suffix);
    tensor->loc = whole->loc;
    SmallVector<Term *> subscripts;
    for (const Iterator &iterator : request.left)
      subscripts.push_back(build.index(iterator.index, whole->loc));
    EinsumRequest part{value, request.left, request.conjuncts, {}, tensor->name.str()};
    tensors[tensor.get()] = emitEinsum(part);
    maxima[tensor.get()] = suffix == "max";
    if (!request.conjuncts.empty())
      partial.insert(tensor.get());
    kernel.tensors.push_back(std::move(tensor));
    return tensors[kernel.tensors.back().get()] ? build.read(*kernel.tensors.back(), subscripts, whole->loc) : nullptr;
  };
  Term *maximum = asTensor(reduction(ReducerKind::Max, whole->args[0]), "max");
  if (!maximum)
    return nullptr;
  Term *shifted = build.map(MapOp::Exp, whole->loc, {build.map(MapOp::Sub, whole->loc, {whole->args[0], maximum})});
  Term *sum = asTensor(reduction(ReducerKind::Sum, shifted), "sum");
  if (!sum)
    return nullptr;
  Term *log = build.map(MapOp::Log, whole->loc, {sum});
  EinsumRequest last = request;
  last.value = build.map(MapOp::Add, whole->loc, {log, maximum});
  if (!last.otherwise)
    last.conjuncts.clear(); // the parts carry them
  return emitEinsum(last);
}

} // namespace attn::spec
