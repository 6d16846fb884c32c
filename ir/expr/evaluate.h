// Runs an expression in any algebra.
#pragma once

#include "ir/expr/graph.h"

#include <vector>

namespace weft::expr {

/// The type a primitive works on: the result's, but for a comparison that of its operands.
inline Type working_type(Nodes nodes, const Node& n) {
  bool compares = n.type == Type::boolean && n.operand_count() > 0;
  return compares ? nodes[static_cast<size_t>(n.args[0])].type : n.type;
}

/// Computes `roots` of a DAG, each node once and in the DAG's order. An algebra has
///   using Value = ...;
///   Value literal(double number, Type type);
///   Value apply(Primitive primitive, const Value* operands, Type type);
///     where `type` is the result's, but for a comparison that of its operands
///   Value call(int callable, const Value* operands, int count);
/// Results go to `out`; a root of -1 leaves its place alone.
template <class Algebra>
void evaluate(Algebra& algebra, Nodes nodes, std::span<const int> roots,
              const typename Algebra::Value* inputs, typename Algebra::Value* out) {
  using Value = typename Algebra::Value;
  std::vector<char> needed(nodes.size());
  for (int root : roots)
    if (root >= 0) needed[static_cast<size_t>(root)] = 1;
  for (size_t k = nodes.size(); k-- > 0;)
    if (needed[k])
      for (int a = 0; a < nodes[k].operand_count(); a++)
        needed[static_cast<size_t>(nodes[k].args[static_cast<size_t>(a)])] = 1;

  std::vector<Value> values(nodes.size());
  for (size_t k = 0; k < nodes.size(); k++) {
    if (!needed[k]) continue;
    const Node& n = nodes[k];
    Value operands[kMaxOperands];
    int count = n.operand_count();
    for (int a = 0; a < count; a++)
      operands[a] = values[static_cast<size_t>(n.args[static_cast<size_t>(a)])];
    if (n.op == kInput)
      values[k] = inputs[n.args[0]];
    else if (n.op == kLiteral)
      values[k] = algebra.literal(n.number, n.type);
    else if (n.is_call())
      values[k] = algebra.call(n.op - kCall, operands, count);
    else
      values[k] = algebra.apply(n.primitive(), operands, working_type(nodes, n));
  }
  for (size_t r = 0; r < roots.size(); r++)
    if (roots[r] >= 0) out[r] = values[static_cast<size_t>(roots[r])];
}

template <class Algebra>
typename Algebra::Value evaluate(Algebra& algebra, Nodes nodes, int root,
                                 const typename Algebra::Value* inputs) {
  typename Algebra::Value out{};
  evaluate(algebra, nodes, std::span<const int>(&root, 1), inputs, &out);
  return out;
}

} // namespace weft::expr
