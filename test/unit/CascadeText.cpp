// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/unit/CascadeText.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace attn::algebra;
using namespace attn::algebra::test;
using Names = std::vector<std::string>;

namespace {
std::string typeOf(const Names &dims, const std::set<std::string> &fixed, const Data &data) {
  std::string s = "tensor<";
  for (const std::string &d : dims)
    s += (fixed.count(d) ? std::to_string(data.extents.at(d)) : "?") + "x";
  return s + "f64, #attn.ranks<" + llvm::join(dims, ", ") + ">>";
}

bool isInteger(const Expr &e) {
  switch (e->kind) {
  case Node::Index:
  case Node::Extent:
    return true;
  case Node::Constant:
    return e->value == std::floor(e->value);
  case Node::Add:
  case Node::Subtract:
  case Node::Multiply:
    return isInteger(e->children[0]) && isInteger(e->children[1]);
  case Node::Apply:
    return e->function == Function::IntMod;
  default:
    return false;
  }
}

class KernelText {
public:
  explicit KernelText(const Cascade &c) : c(c) {}
  std::string print();
  std::set<std::string> fixed; // ranks without a dimension of an argument

private:
  struct Body {
    std::string text;
    std::vector<std::string> operands, points;
    std::map<std::string, std::string> names;
  };
  std::set<std::string> freeOf(const Expr &e);
  std::string tensor(const Tensor &t);
  std::string einsum(const Names &dims, Expr body, const char *otherwise = nullptr);
  std::string emit(const Expr &e, char want, Body &b);
  std::string emitFloat(const Expr &e, Body &b);
  std::string emitFunction(const Expr &e, Body &b);
  std::string emitIndex(const Expr &e, Body &b);
  std::string emitBool(const Expr &e, Body &b);
  std::string operand(const std::string &value, const std::string &positions, const Names &dims, Body &b);
  std::string op(Body &b, const std::string &text) {
    std::string v = "%v" + std::to_string(next++);
    b.text += "    " + v + " = " + text + "\n";
    return v;
  }
  static std::string affine(const Expr &e);
  static Expr strip(Expr e, std::vector<Expr> &conditions);
  Names ordered(const std::set<std::string> &names);

  const Cascade &c;
  std::string text;
  std::map<const Definition *, std::string> written;
  unsigned next = 0;
};
} // namespace

Names KernelText::ordered(const std::set<std::string> &names) {
  Names r;
  for (const char *n : {"h", "p"}) // what the outputs are laid out by
    if (names.count(n))
      r.push_back(n);
  for (const std::string &n : names)
    if (!llvm::is_contained(r, n))
      r.push_back(n);
  return r;
}

std::set<std::string> KernelText::freeOf(const Expr &e) {
  std::set<std::string> r;
  if (e->kind == Node::Index)
    r.insert(e->name);
  for (const Expr &x : e->children)
    for (const std::string &n : freeOf(x))
      r.insert(n);
  for (const std::string &n : e->bound)
    r.erase(n);
  return r;
}

std::string KernelText::affine(const Expr &e) {
  switch (e->kind) {
  case Node::Index:
    return e->name;
  case Node::Constant:
    return std::to_string(int64_t(e->value));
  case Node::Add:
    return affine(e->children[0]) + " + " + affine(e->children[1]);
  case Node::Multiply:
    return affine(e->children[0]) + " * " + affine(e->children[1]);
  default:
    llvm_unreachable("position");
  }
}

Expr KernelText::strip(Expr e, std::vector<Expr> &conditions) {
  while (e->kind == Node::If) {
    conditions.push_back(e->children[1]);
    e = e->children[0];
  }
  return e;
}

std::string KernelText::tensor(const Tensor &t) {
  auto it = written.find(t.get());
  return it != written.end() ? it->second : written[t.get()] = einsum(t->dims, t->body);
}

std::string KernelText::operand(const std::string &value, const std::string &positions, const Names &dims, Body &b) {
  auto [it, isNew] = b.names.try_emplace(value + positions);
  if (isNew) {
    it->second = "%o" + std::to_string(next++);
    b.operands.push_back(it->second + " = " + value + positions + " : " + typeOf(dims, fixed, c.data));
  }
  return it->second;
}

std::string KernelText::emitIndex(const Expr &e, Body &b) {
  switch (e->kind) {
  case Node::Index: {
    auto [it, isNew] = b.names.try_emplace(e->name, "%i" + std::to_string(next));
    if (isNew) {
      ++next;
      b.points.push_back(it->second + " = " + e->name);
    }
    return it->second;
  }
  case Node::Constant:
    return op(b, "arith.constant " + std::to_string(int64_t(e->value)) + " : index");
  default:
    break;
  }
  std::string x = emitIndex(e->children[0], b), y = emitIndex(e->children[1], b);
  if (e->kind == Node::Apply) {
    auto wide = [&](const std::string &v) { return op(b, "arith.index_cast " + v + " : index to i64"); };
    x = wide(x);
    y = wide(y);
    return op(b, "arith.index_cast " + op(b, "attn.imod " + x + ", " + y + " : i64") + " : i64 to index");
  }
  const char *name = e->kind == Node::Add ? "arith.addi" : e->kind == Node::Subtract ? "arith.subi" : "arith.muli";
  return op(b, std::string(name) + " " + x + ", " + y + " : index");
}

std::string KernelText::emitBool(const Expr &e, Body &b) {
  bool connective = e->function == Function::And || e->function == Function::Or;
  if (connective)
    return op(b, std::string(e->function == Function::And ? "arith.andi " : "arith.ori ") +
                     emitBool(e->children[0], b) + ", " + emitBool(e->children[1], b) + " : i1");
  bool integers = isInteger(e->children[0]) && isInteger(e->children[1]);
  const char *i = e->function == Function::Less        ? "slt"
                  : e->function == Function::LessEqual ? "sle"
                  : e->function == Function::Equal     ? "eq"
                                                       : "ne";
  const char *f = e->function == Function::Less        ? "olt"
                  : e->function == Function::LessEqual ? "ole"
                  : e->function == Function::Equal     ? "oeq"
                                                       : "une";
  char want = integers ? 'x' : 'd';
  std::string x = emit(e->children[0], want, b), y = emit(e->children[1], want, b);
  return op(b, std::string(integers ? "arith.cmpi " : "arith.cmpf ") + (integers ? i : f) + ", " + x + ", " + y +
                   (integers ? " : index" : " : f64"));
}

std::string KernelText::emitFunction(const Expr &e, Body &b) {
  std::string x = emitFloat(e->children[0], b);
  auto unary = [&](const char *name) { return op(b, std::string(name) + " " + x + " : f64"); };
  switch (e->function) {
  case Function::Log:
    return unary("math.log");
  case Function::Tanh:
    return unary("math.tanh");
  case Function::Abs:
    return unary("math.absf");
  case Function::Relu:
    return op(b, "arith.maximumf " + x + ", " + op(b, "arith.constant 0.0 : f64") + " : f64");
  case Function::Max:
    return op(b, "arith.maximumf " + x + ", " + emitFloat(e->children[1], b) + " : f64");
  case Function::Sigmoid: {
    std::string n = op(b, "math.exp " + op(b, "arith.negf " + x + " : f64") + " : f64"),
                one = op(b, "arith.constant 1.0 : f64");
    return op(b, "attn.div " + one + ", " + op(b, "arith.addf " + one + ", " + n + " : f64") + " : f64");
  }
  default:
    llvm_unreachable("function without text");
  }
}

std::string KernelText::emitFloat(const Expr &e, Body &b) {
  auto binary = [&](const char *name) {
    std::string x = emitFloat(e->children[0], b), y = emitFloat(e->children[1], b);
    return op(b, std::string(name) + " " + x + ", " + y + " : f64");
  };
  auto positions = [&] {
    std::vector<std::string> s;
    for (const Expr &p : e->children)
      s.push_back(affine(p));
    return "[" + llvm::join(s, ", ") + "]";
  };
  if (e->kind == Node::Constant)
    return op(b, llvm::formatv("arith.constant {0:E17} : f64", e->value).str());
  if (isInteger(e))
    return op(b, "arith.sitofp " + op(b, "arith.index_cast " + emitIndex(e, b) + " : index to i64") + " : i64 to f64");
  switch (e->kind) {
  case Node::Parameter:
    return "%" + e->name;
  case Node::Input:
    return operand("%" + e->name, positions(), c.data.ranks.at(e->name), b);
  case Node::Read:
    return operand(tensor(e->definition), positions(), e->definition->dims, b);
  case Node::Reduce:
  case Node::If: {
    Names dims = ordered(freeOf(e));
    return operand(einsum(dims, e), "[" + llvm::join(dims, ", ") + "]", dims, b);
  }
  case Node::Else: {
    Names dims = ordered(freeOf(e->children[0]));
    return operand(einsum(dims, e->children[0], "0.0"), "[" + llvm::join(dims, ", ") + "]", dims, b);
  }
  case Node::Add:
    return binary("arith.addf");
  case Node::Subtract:
    return binary("attn.sub");
  case Node::Multiply:
    return binary("arith.mulf");
  case Node::Divide:
    return binary("attn.div");
  case Node::Exp:
    return op(b, "math.exp " + emitFloat(e->children[0], b) + " : f64");
  case Node::Power: {
    std::string x = emitFloat(e->children[0], b);
    if (e->value == -0.5)
      return op(b, "math.rsqrt " + x + " : f64");
    return op(b, "math.powf " + x + ", " + op(b, llvm::formatv("arith.constant {0:E17} : f64", e->value).str()) +
                     " : f64");
  }
  case Node::Select: {
    std::string condition = emitBool(e->children[0], b), x = emitFloat(e->children[1], b),
                y = emitFloat(e->children[2], b);
    return op(b, "arith.select " + condition + ", " + x + ", " + y + " : f64");
  }
  default:
    return emitFunction(e, b);
  }
}

std::string KernelText::emit(const Expr &e, char want, Body &b) {
  return want == 'x' ? emitIndex(e, b) : emitFloat(e, b);
}

std::string KernelText::einsum(const Names &dims, Expr body, const char *otherwise) {
  std::vector<Expr> conditions;
  body = strip(body, conditions);
  Names bound;
  std::string reducer;
  if (body->kind == Node::Reduce) {
    bound = body->bound;
    reducer = getRow(body->reducer).name.str() + " [" + llvm::join(bound, ", ") + "] ";
    body = strip(body->children[0], conditions);
  }
  Body map, where;
  std::string value = emitFloat(body, map);
  where.operands = map.operands; // one list of operands and points for both regions
  where.points = map.points;
  where.names = map.names;
  std::vector<std::string> conjuncts;
  for (const Expr &condition : conditions)
    conjuncts.push_back(emitBool(condition, where));
  std::string v = "%t" + std::to_string(next++);
  text += "  " + v + " = attn.einsum [" + llvm::join(dims, ", ") + "] = " + reducer + "ins(" +
          llvm::join(where.operands, ", ") + ")";
  if (!where.points.empty())
    text += " points(" + llvm::join(where.points, ", ") + ")";
  if (!conjuncts.empty())
    text += " where {\n" + where.text + "    attn.yield " + llvm::join(conjuncts, ", ") + " : " +
            llvm::join(std::vector<std::string>(conjuncts.size(), "i1"), ", ") + "\n  }";
  text += " map {\n" + map.text + "    attn.yield " + value + " : f64\n  }";
  if (otherwise)
    text += std::string(" else ") + otherwise + " : f64";
  text += " : " + typeOf(dims, fixed, c.data) + "\n";
  return v;
}

std::string KernelText::print() {
  std::set<std::string> fromArguments;
  for (auto &[name, ranks] : c.data.ranks)
    fromArguments.insert(ranks.begin(), ranks.end());
  std::vector<std::string> ranks, arguments, results, values, types;
  for (auto &[rank, extent] : c.data.extents)
    if (fromArguments.count(rank)) {
      ranks.push_back("#attn.rank<" + rank + ">");
    } else {
      ranks.push_back("#attn.rank<" + rank + " = " + std::to_string(extent) + ">");
      fixed.insert(rank);
    }
  for (auto &[name, dims] : c.data.ranks)
    arguments.push_back("%" + name + ": " + typeOf(dims, fixed, c.data) + " {attn.name = \"" + name + "\"}");
  for (auto &[name, value] : c.data.parameters)
    arguments.push_back("%" + name + ": f64 {attn.name = \"" + name + "\"}");
  for (const Tensor &t : c.outputs) {
    values.push_back(tensor(t));
    types.push_back(typeOf(t->dims, fixed, c.data));
    results.push_back(types.back() + " {attn.name = \"" + t->name + "\"}");
  }
  return "attn.kernel @k(" + llvm::join(arguments, ", ") + ") -> (" + llvm::join(results, ", ") +
         ") attributes {ranks = [" + llvm::join(ranks, ", ") + "]} {\n" + text + "  attn.yield " +
         llvm::join(values, ", ") + " : " + llvm::join(types, ", ") + "\n}\n";
}

std::string attn::algebra::test::kernelText(const Cascade &cascade) { return KernelText(cascade).print(); }
