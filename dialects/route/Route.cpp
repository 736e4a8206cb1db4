// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/route/Route.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace attn::route;

#include "dialects/route/Dialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/route/Types.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/route/Ops.cpp.inc"

void RouteDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/route/Types.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/route/Ops.cpp.inc"
      >();
}
