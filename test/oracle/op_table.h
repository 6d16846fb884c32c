// The op table: cases of data/ops.txt, and a way to run each with its operands laid out in memory
// in several ways, in any gear.
#pragma once

#include "runtime/core/op_info.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace weft::test {

struct OpCase {
  int line = 0; // in the data file
  std::string op, kind;
  DType dtype{};
  double rtol = 0, atol = 0;
  std::vector<Tensor> operands; // contiguous; undefined where the case gives a number
  std::vector<Scalar> scalars;
  std::vector<int64_t> structure, sizes;
  Tensor result;     // undefined where an error is expected
  std::string error; // the ErrorKind's name

  std::string name() const;
};

const std::vector<OpCase>& op_cases();

/// Finds an op by its record's name.
std::optional<Op> find_op(const std::string& name);

enum class Layout { contiguous, gaps, permuted };
/// Returns a tensor of the same elements that lies in memory otherwise.
Tensor laid_out(const Tensor& t, Layout layout);

/// Runs a call and returns its result: eagerly, compiled, ...
using Gear = std::function<Tensor(const OpCall&)>;

/// The call of a case with its operands laid out; `owned` keeps what the call refers to.
struct LaidOutCall {
  LaidOutCall(const OpCase& c, Layout layout, bool in_place);
  LaidOutCall(const LaidOutCall&) = delete;
  std::vector<Tensor> owned;
  std::vector<TensorImpl*> operands;
  Loc loc = Loc::current();
  OpCall call;
};

/// Says whether elements are equal to the last bit, but that a NaN is a NaN.
bool is_bit_equal(const Tensor& a, const Tensor& b);

/// Returns what is wrong with the outcome of a case; empty where all is well.
std::string compare(const Tensor& got, const OpCase& c);

/// Runs the case and returns what is wrong with the outcome; empty where all is well. `in_place`
/// writes into a copy of operand 0.
std::string check_case(const OpCase& c, Layout layout, bool in_place, const Gear& gear);

} // namespace weft::test
