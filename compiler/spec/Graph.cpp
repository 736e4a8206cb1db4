// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tarjan's algorithm (Depth-first search and linear graph algorithms, 1972) without recursion: the chains of a spec may
// be long.
#include "compiler/spec/Graph.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;

namespace attn::spec {

namespace {

class Search {
public:
  explicit Search(const Dependences &dependences)
      : dependences(dependences), number(dependences.size(), 0), low(dependences.size(), 0),
        isOpen(dependences.size(), false) {}

  std::vector<SmallVector<unsigned, 4>> run() {
    for (unsigned node = 0; node < dependences.size(); ++node)
      if (!number[node])
        visitFrom(node);
    return std::move(found);
  }

private:
  void enter(unsigned node) {
    number[node] = low[node] = ++count;
    isOpen[node] = true;
    open.push_back(node);
    path.push_back({node, 0});
  }

  void visitFrom(unsigned root) {
    enter(root);
    while (!path.empty()) {
      auto &[node, next] = path.back();
      if (next < dependences[node].size()) {
        unsigned target = dependences[node][next++];
        if (!number[target])
          enter(target);
        else if (isOpen[target])
          low[node] = std::min(low[node], number[target]);
        continue;
      }
      leave(node);
    }
  }

  void leave(unsigned node) {
    path.pop_back();
    if (!path.empty())
      low[path.back().first] = std::min(low[path.back().first], low[node]);
    if (low[node] != number[node])
      return;
    SmallVector<unsigned, 4> component;
    unsigned member;
    do {
      member = open.pop_back_val();
      isOpen[member] = false;
      component.push_back(member);
    } while (member != node);
    sort(component);
    found.push_back(std::move(component));
  }

  const Dependences &dependences;
  std::vector<unsigned> number, low;
  std::vector<bool> isOpen;
  SmallVector<unsigned> open;
  SmallVector<std::pair<unsigned, unsigned>> path;
  unsigned count = 0;
  std::vector<SmallVector<unsigned, 4>> found;
};

} // namespace

std::vector<SmallVector<unsigned, 4>> components(const Dependences &dependences) { return Search(dependences).run(); }

bool isCycle(ArrayRef<unsigned> component, const Dependences &dependences) {
  return component.size() > 1 || is_contained(dependences[component.front()], component.front());
}

} // namespace attn::spec
