// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors in the order in which they are read, loops as a whole.
#include "compiler/spec/Graph.h"
#include "compiler/spec/KernelEmitter.h"

using namespace mlir;

namespace attn::spec {

/// Tensors that may have absent points; the least set that the equations allow.
void KernelEmitter::findPartial() {
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto &[tensor, list] : equations) {
      bool isComplete = tensor->isInout || tensor->isIterative || (list.size() == 1 && isPlain(*list.front()));
      if (!isComplete || llvm::any_of(list, [&](const Equation *equation) { return isPartial(equation->rhs); }))
        grew |= partial.insert(tensor).second;
    }
  }
}

bool KernelEmitter::emitEquations() {
  findPartial();
  findMargins();
  SmallVector<const Tensor *> written;
  DenseMap<const Tensor *, unsigned> numbers;
  for (const Equation &equation : kernel.equations)
    if (numbers.try_emplace(equation.tensor, written.size()).second)
      written.push_back(equation.tensor);
  for (const Tensor *tensor : kernel.arguments)
    if (tensor->isInout && !numbers.count(tensor))
      tensors[tensor] = oldValue(*tensor);
  Dependences dependences(written.size());
  for (const Equation &equation : kernel.equations) {
    auto add = [&](Term *term) {
      if (auto found = numbers.find(term->tensor);
          term->kind == TermKind::Read && !term->isOld && found != numbers.end())
        dependences[numbers[equation.tensor]].push_back(found->second);
    };
    walk(equation.rhs, add);
    for (Term *left : equation.left)
      walk(left, add);
  }
  for (ArrayRef<unsigned> component : components(dependences)) {
    const Tensor *tensor = written[component.front()];
    auto loop = llvm::find_if(kernel.loops, [&](const Loop &one) { return llvm::is_contained(one.tensors, tensor); });
    if (!(loop == kernel.loops.end() ? emitTensor(*tensor) : emitLoop(*loop)))
      return false;
  }
  return true;
}

} // namespace attn::spec
