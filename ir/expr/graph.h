// Expressions as data: nodes in an order in which operands precede their users. Printed by the
// generator into tables, built at run time by Builder.
#pragma once

#include "ir/expr/primitives.h"

#include <array>
#include <cstdint>
#include <span>

namespace weft::expr {

/// Values of Node::op beyond the primitives: the number of an input is its first argument, a
/// literal is an exact real, kCall + k applies the k-th callable of the record table.
inline constexpr int16_t kInput = 100, kLiteral = 101, kCall = 102;
inline constexpr int kMaxOperands = 4;

struct Node {
  int16_t op = 0;
  std::array<int16_t, kMaxOperands> args = {-1, -1, -1, -1};
  Type type = Type::number;
  double number = 0;

  constexpr bool is_primitive() const { return op < kPrimitiveCount; }
  constexpr bool is_call() const { return op >= kCall; }
  constexpr Primitive primitive() const { return static_cast<Primitive>(op); }
  /// A literal or extreme: takes the dtype of what it meets.
  constexpr bool is_constant() const {
    return op == kLiteral || (is_primitive() && info(primitive()).signature.size() == 1);
  }
  /// How many of `args` are nodes.
  constexpr int operand_count() const {
    if (op == kInput || op == kLiteral) return 0;
    int n = 0;
    while (n < kMaxOperands && args[static_cast<size_t>(n)] >= 0)
      n++;
    return n;
  }
};

using Nodes = std::span<const Node>;

} // namespace weft::expr
