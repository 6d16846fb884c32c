// Formula: a user's expression as calls of ops, over tensors and numbers. It runs as if the calls
// were typed by hand: regions record them, the tape records them, promotion is theirs.
#pragma once

#include "ir/expr/expr.h"
#include "runtime/core/op_info.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace weft::custom {

/// A tensor, or a number of the host.
struct Datum {
  Tensor tensor;
  Scalar number;
  bool is_number() const { return !tensor.defined(); }
};

/// An input of an expression.
struct Input {
  std::string name;
  expr::Type type = expr::Type::number;
  bool is_number = false; // calls give a number of the host
};

/// Returns a builder over `inputs` whose expressions may call what is an op over tensors.
expr::Builder make_builder(std::span<const Input> inputs);

class Formula {
public:
  /// Takes what is below `root` of a DAG over `inputs`; `op` is the name for messages. Throws
  /// expr::Error where a node is no op, or where an op's attribute is no number.
  Formula(const expr::Builder& dag, int root, std::span<const Input> inputs, const std::string& op);

  /// Computes the value. Tensors are let go of after their last use, also those of `inputs` that
  /// their owner gave away. The result is a number where no tensor is among what the value reads.
  Datum operator()(std::span<const Arg* const> inputs) const;
  /// Computes the value of numbers alone.
  Scalar operator()(std::span<const Scalar> inputs) const;

  bool is_mask() const { return is_mask_; }
  bool reads(int input) const { return reads_[static_cast<size_t>(input)]; }
  /// Says whether the value is an input as it is.
  bool is_input() const { return root_.kind == Ref::input; }
  /// Says whether the value is one op of the first two inputs, in any order; `op` is which.
  bool is_one_op(Op& op) const;

private:
  struct Ref {
    enum Kind : uint8_t { input, constant, step } kind = constant;
    bool last = false; // nothing reads it afterwards
    int index = 0;
  };
  struct Step {
    Op op{};
    uint8_t operands = 0, count = 0; // refs: operands, then attributes
    Ref refs[expr::kMaxOperands] = {};
    const char* words = nullptr; // of a refusal
  };
  Datum run(const Step& step, std::span<const Arg* const> inputs, std::vector<Datum>& values) const;
  void mark_last_uses();

  std::vector<Step> steps_;
  std::vector<Scalar> constants_;
  std::vector<bool> reads_;
  Ref root_;
  bool is_mask_ = false;
};

} // namespace weft::custom
