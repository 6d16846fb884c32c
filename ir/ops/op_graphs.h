// The expressions of the op records as data, for algebras that interpret them: the loom builder,
// interpreters, constant folding, tests. No LLVM, no runtime.
#pragma once

#include "ir/expr/scalar_algebra.h"

#include <limits>
#include <string_view>

namespace weft::expr {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// A DAG with up to two roots; no root: the record has no such expression.
struct Graph {
  Nodes nodes{};
  std::array<int, 2> roots{-1, -1};

  constexpr explicit operator bool() const { return roots[0] >= 0; }
  constexpr int root_count() const { return (roots[0] >= 0) + (roots[1] >= 0); }
};

/// What expressions are computed in; bf16 computes in f32 and bool in i64.
enum class Compute : uint8_t { f32, f64, i64 };

/// What a call node of number k applies: kCallables[k].
struct CallableGraphs {
  const char* name;
  int operand_count;
  std::array<Graph, 3> graphs; // by Compute; empty where the callable does not exist in it
};

enum class RecordKind : uint8_t {
  function,
  pointwise,
  reduction,
  view,
  structured,
  source,
  composite
};

/// A primitive op; rows are in the order of enum Op.
struct OpGraphs {
  const char* name;
  RecordKind kind;
  const char* signature; // of the tensor operands: 'N' number, 'B' mask
  int scalar_count;      // scalar attributes, which follow the operands
  bool is_mask;          // the value is a mask: the result is bool
  bool is_random;
  bool lowers, refuses, indexes, overwrites; // of a structured op
  const char* domain;                        // any, number, floating, floating_only, integer
  const char* result;                        // same, boolean, wide, index, given
  std::array<const char*, 6> names;          // of operands and scalars

  /// pointwise: inputs are operands and scalars; source: scalars, then the element's position (its
  /// number, or a random number in [0, 1)).
  Graph value;
  // reduction; one root an accumulator. identity: no inputs; element: x, its position i; combine: a
  // and b (a, ai, b, bi with two accumulators); finish: a (a, ai), the number n of elements.
  Graph identity, element, combine, finish;
};

#include "weft/gen/op_graphs.inc"

/// Returns an op's row by its name, or null.
constexpr const OpGraphs* find_op(std::string_view name) {
  for (const OpGraphs& op : kOpGraphs)
    if (op.name == name) return &op;
  return nullptr;
}

/// The callables in one compute dtype, as ScalarAlgebra asks for them.
template <Compute compute> struct CallableTable {
  Nodes nodes(int callable) const { return graph(callable).nodes; }
  int root(int callable) const { return graph(callable).roots[0]; }

private:
  static const Graph& graph(int callable) {
    return kCallables[callable].graphs[static_cast<size_t>(compute)];
  }
};

template <class T>
inline constexpr Compute compute_of = std::is_same_v<T, float>    ? Compute::f32
                                      : std::is_same_v<T, double> ? Compute::f64
                                                                  : Compute::i64;

/// Evaluates one root of a record's graph for one element; `failed` is set where `require` or an
/// integer division refuses it.
template <class T>
ScalarValue<T> evaluate_element(const Graph& graph, const ScalarValue<T>* inputs, int root = 0,
                                bool* failed = nullptr) {
  using Table = CallableTable<compute_of<T>>;
  static constexpr Table table{};
  ScalarAlgebra<T, Table> algebra{table};
  ScalarValue<T> y = evaluate(algebra, graph.nodes, graph.roots[static_cast<size_t>(root)], inputs);
  if (failed && algebra.failed) *failed = true;
  return y;
}

} // namespace weft::expr
