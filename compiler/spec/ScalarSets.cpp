// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scalars that ask about sets or may be absent by themselves, and random numbers.
#include "compiler/spec/ScalarEmitter.h"
#include "dialects/attn/Attn.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace attn::spec {

/// The components of a member: those of a tuple, of a place in a set of tuples, or one integer.
SmallVector<Value> ScalarEmitter::emitMember(const Term *term) {
  SmallVector<Value> components;
  if (term->kind == TermKind::Tuple) {
    for (const Term *arg : term->args)
      components.push_back(emit(arg));
    return components;
  }
  if (term->kind != TermKind::Place)
    return {emit(term)};
  Location loc = context.locate(term);
  Value set = emit(term->args[0]), place = emit(term->args[1]);
  for (unsigned i = 0, n = cast<IndexSetType>(set.getType()).getArity(); i < n; ++i)
    components.push_back(MemberOp::create(builder, loc, set, place, i));
  return components;
}

Value ScalarEmitter::emitSetTerm(const Term *term) {
  Location loc = context.locate(term);
  switch (term->kind) {
  case TermKind::In: {
    SmallVector<Value> member = emitMember(term->args[0]);
    return orFalse(term, ContainsOp::create(builder, loc, emit(term->args[1]), member));
  }
  case TermKind::Pos: {
    Value set = emit(term->args[0]);
    return attn::PlaceOp::create(builder, loc, set, emitMember(term->args[1]));
  }
  case TermKind::Place:
    return emitMember(term)[0];
  case TermKind::Component:
    return emitMember(term->args[0])[term->integer];
  case TermKind::Len:
    return SizeOp::create(builder, loc, emit(term->args[0]));
  default: {
    SmallVector<Value> args;
    for (const Term *arg : term->args)
      args.push_back(emit(arg));
    return RandOp::create(builder, loc, args[0], ArrayRef(args).drop_front());
  }
  }
}

/// R11: a condition on an absent value is false. A conjunct of its own need not say so: it removes the point either
/// way.
Value ScalarEmitter::orFalse(const Term *term, Value condition) {
  if (term == conjunct || llvm::none_of(term->args, [&](const Term *arg) { return context.isPartial(arg); }))
    return condition;
  Location loc = context.locate(term);
  Value no = arith::ConstantOp::create(builder, loc, builder.getBoolAttr(false));
  return OtherwiseOp::create(builder, loc, condition, no);
}

Value ScalarEmitter::emitElse(const Term *term) {
  Value values[] = {emit(term->args[0]), emit(term->args[1])};
  unify(context.locate(term), values);
  return OtherwiseOp::create(builder, context.locate(term), values[0], values[1]);
}

} // namespace attn::spec
