// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef ATTN_TYPES_TD
#define ATTN_TYPES_TD
include "dialects/attn/Dialect.td"
include "mlir/IR/AttrTypeBase.td"

def IndexSetType : TypeDef<AttnDialect, "IndexSet"> {
  let mnemonic = "set";
  let summary = "an ordered set of indices, or of tuples of them: the element type of a tensor of sets";
  let description = [{
    `tensor<?x?x!attn.set<1>, #attn.ranks<b, p>>` holds a set for each b and p. Members are not negative, differ from each other,
    and have places 0, 1, ... in it. Constraint set_c1: members have at least one component.
  }];
  let parameters = (ins "unsigned":$arity);
  let assemblyFormat = "`<` $arity `>`";
  let genVerifyDecl = 1;
}
#endif
