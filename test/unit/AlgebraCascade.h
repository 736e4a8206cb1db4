// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Small cascades for the algebra's tests: written as expressions, evaluated directly in f64 as the text says (R11-R13),
// and turned into terms. The direct evaluator shares nothing with the algebra.
#ifndef ATTNC_TEST_UNIT_ALGEBRACASCADE_H
#define ATTNC_TEST_UNIT_ALGEBRACASCADE_H
#include "passes/attn/algebra/Program.h"
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace attn::algebra::test {

struct Node;
using Expr = std::shared_ptr<const Node>;

/// A named tensor of a cascade: name[dims] = body.
struct Definition {
  std::string name;
  std::vector<std::string> dims;
  Expr body;
};

struct Node {
  enum Kind {
    Constant,
    Index,
    Extent,
    Parameter,
    Input,
    Read,
    Add,
    Subtract,
    Multiply,
    Divide,
    Exp,
    Power,
    Apply,
    Select,
    If,
    Else,
    Reduce
  };
  Kind kind;
  double value = 0;
  std::string name; // index, parameter, input
  Function function = Function::True;
  Reducer reducer = Reducer::Sum;
  std::vector<std::string> bound;
  std::vector<Expr> children; // Reduce: body
  std::shared_ptr<Definition> definition;
};

Expr constant(double v);
Expr index(const std::string &name);
Expr parameter(const std::string &name);
Expr input(const std::string &name, const std::vector<std::string> &indices);
Expr inputAt(const std::string &name, const std::vector<Expr> &positions);
Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr exp(Expr a);
Expr power(Expr a, double n);
Expr apply(Function f, std::vector<Expr> arguments);
Expr select(Expr c, Expr a, Expr b);
Expr onlyIf(Expr a, Expr condition);
Expr orElse(Expr a, double v);
Expr reduce(Reducer op, const std::vector<std::string> &bound, Expr body);
inline Expr sum(const std::vector<std::string> &b, Expr e) { return reduce(Reducer::Sum, b, e); }
inline Expr max(const std::vector<std::string> &b, Expr e) { return reduce(Reducer::Max, b, e); }
inline Expr less(Expr a, Expr b) { return apply(Function::Less, {a, b}); }
inline Expr lessEqual(Expr a, Expr b) { return apply(Function::LessEqual, {a, b}); }

/// A tensor that other equations read.
using Tensor = std::shared_ptr<Definition>;
Tensor define(const std::string &name, const std::vector<std::string> &dims, Expr body);
/// t read at its own indices.
Expr at(Tensor t);
Expr at(Tensor t, const std::vector<std::string> &indices);
Expr at(Tensor t, const std::vector<Expr> &positions);

/// The library cascade of the prelude over `m`: S[.., m] -> exp(S - max) / sum.
Tensor softmaxOf(Tensor s, const std::vector<std::string> &over);
Expr logSumExp(Expr s, const std::vector<std::string> &over);

struct Array {
  std::vector<int64_t> sizes;
  std::vector<double> data;
  double at(llvm::ArrayRef<int64_t> position) const; // clamped, 0 if empty
};

/// Everything a cascade runs on.
struct Data {
  std::map<std::string, int64_t> extents;
  std::map<std::string, double> parameters;
  std::map<std::string, Array> inputs;
  std::map<std::string, std::vector<std::string>> ranks; ///< of the inputs
  bool isFloat32 = false; ///< round every operation of the program (not of the reference) to f32
};

/// `t` as the text says; absent points are 0.
Array evaluate(const Tensor &t, const Data &data);
Value lower(TermContext &context, const Tensor &t);

} // namespace attn::algebra::test
#endif
