// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From syntax to model: what each name is (R1), and what a use of a def becomes (R17-R19).
#pragma once
#include "compiler/spec/Ast.h"
#include "compiler/spec/Placement.h"
#include "compiler/spec/Terms.h"
#include "llvm/ADT/StringMap.h"

namespace attn::spec {

using DefTable = llvm::StringMap<const DefSyntax *>;

/// One use of a def while its body is resolved.
struct DefInstance {
  const DefSyntax *syntax;
  const DefInstance *caller;
  llvm::StringMap<Term *> formals; ///< null for an argument that could not be understood
  llvm::StringMap<Tensor *> locals;
  llvm::StringMap<llvm::SmallVector<llvm::StringRef, 2>> packs;
  IndexSet argumentRanks; ///< of all arguments, in order of appearance
  IndexSet packRanks;     ///< all ranks of all packs
};

/// What bare names mean inside one expression.
struct Scope {
  DefInstance *def = nullptr; ///< null in the equations of a kernel
  const EquationSyntax *equation = nullptr;
  IndexSet left;          ///< indices on the left
  bool isUniform = false; ///< extents, defaults, requirements: no indices, no tensors
  struct Bound {
    llvm::StringRef written;
    llvm::SmallVector<BoundIndex, 2> indices;
  };
  llvm::SmallVector<Bound> bound; ///< by enclosing reducers, outer first
  IndexSet argumentPacks;         ///< ranks that defs reduce in arguments that are expressions
};

/// Resolves one kernel. Errors cost the equation they stand in.
class Resolver {
public:
  Resolver(const KernelSyntax &syntax, const DefTable &defs, Program &program, Kernel &kernel, Diagnostics &diagnostics)
      : syntax(syntax), defs(defs), kernel(kernel), diagnostics(diagnostics), build(program),
        placement(build, diagnostics) {}
  void run();

private:
  // Declarations (ResolveKernel.cpp)
  void declareParams();
  void declareParam(const Param &param, TensorRole role);
  void declareDims(const Param &param, Tensor &tensor);
  void declareScalar(const Param &param);
  void declareStatements();
  void declareLocal(const EquationSyntax &equation);
  void checkUnion(Tensor &tensor, const EquationSyntax &equation);
  void resolveUniform();
  void resolveEquations();
  void resolveEquation(const EquationSyntax &equation);
  bool resolveLeft(const EquationSyntax &equation, Scope &scope, Equation &result);
  void warnConditionInsideDef(const Equation &equation, const Scope &scope);
  bool isSetExpr(const Expr *expr) const;
  void findSets();
  bool isPlainIndex(const Expr *expr) const;
  ElementType elementType(const Ident &type);
  bool claimName(const Ident &name);
  Tensor &newTensor(llvm::StringRef name, Loc loc, TensorRole role);

  // Expressions (Resolve.cpp)
  Term *resolve(const Expr *expr, Scope &scope);
  Term *resolveNode(const Expr *expr, Scope &scope);
  Term *resolveName(const Expr *expr, Scope &scope);
  Term *resolveNameInDef(const Expr *expr, Scope &scope);
  Term *resolveBinary(const Expr *expr, Scope &scope);
  Term *resolveIndex(const Expr *expr, Scope &scope);
  Term *resolveMember(const Expr *expr, Scope &scope);
  Term *resolveCall(const Expr *expr, Scope &scope);
  Term *resolveRand(const Expr *expr, Scope &scope);
  Term *resolveReduce(const Expr *expr, Scope &scope);
  Term *resolveExtentCall(const Expr *expr, Scope &scope);
  Term *resolveOld(const Expr *expr, Scope &scope);
  bool bindIndices(const Expr *expr, Scope &scope, llvm::SmallVectorImpl<BoundIndex> &result);
  Term *reindex(Term *base, const Expr *expr, Scope &scope);
  Term *readAt(Term *base, const Expr *expr, Scope &scope);
  Term *unknownName(const Expr *expr, Scope &scope);
  bool isUseOfDef(const Expr *expr) const;
  bool isExtentName(llvm::StringRef name) const;
  bool resolveAll(llvm::ArrayRef<Expr *> exprs, Scope &scope, llvm::SmallVectorImpl<Term *> &terms);

  // Defs (Instantiate.cpp)
  Tensor *useDef(const Expr *use, Scope &scope);
  const Expr *defCall(const Expr *use, llvm::StringRef &result, Loc &resultLoc) const;
  bool bindPacks(const Expr *call, Scope &scope, DefInstance &instance);
  bool bindArguments(const Expr *call, Scope &scope, DefInstance &instance);
  Term *argumentTerm(const Expr *argument, llvm::StringRef formal, Scope &scope, DefInstance &instance);
  bool isMentionedOutside(llvm::StringRef index, const Expr *argument, const Scope &scope) const;
  std::string instanceKey(const DefInstance &instance) const;
  bool instantiate(DefInstance &instance, Loc loc);
  std::vector<llvm::SmallVector<llvm::StringRef>> localGroups(const DefSyntax &def) const;
  bool resolveGroup(DefInstance &instance, llvm::ArrayRef<llvm::StringRef> group);
  bool resolveLocals(DefInstance &instance, llvm::ArrayRef<llvm::StringRef> group);
  void setRanks(DefInstance &instance, Tensor &tensor, const IndexSet &natural);

  const KernelSyntax &syntax;
  const DefTable &defs;
  Kernel &kernel;
  Diagnostics &diagnostics;
  TermBuilder build;
  Placement placement;
  llvm::StringMap<Tensor *> tensors;
  llvm::StringMap<ScalarParam *> scalars;
  llvm::StringMap<Loc> names;                           ///< where each tensor and scalar is declared
  llvm::StringMap<Loc> argumentRanks;                   ///< ranks of arguments, with the place of the first
  llvm::StringMap<unsigned> nameCounts;                 ///< to keep the names of instances apart
  llvm::StringMap<llvm::StringMap<Tensor *>> instances; ///< results of the uses of defs, by instanceKey
};

} // namespace attn::spec
