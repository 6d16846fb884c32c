// Runs a unary op over the numbers of a dtype and measures how far its results lie from a reference
// in float64: in units of the last place (ulp), and as what rounding once would have given.
#pragma once

#include "test/accuracy/references.h"
#include "weft/gen/op_enum.inc"
#include "weft/tensor.h"

#include <string>
#include <vector>

namespace weft::test {

/// A pointwise op of one number.
struct UnaryOp {
  Op op;
  std::string name;
  bool is_mask;   // gives bool
  int attributes; // scalar attributes, given kAttributes
  const Reference* reference;

  Tensor operator()(const Tensor& x) const;
};

/// The unary pointwise ops of the records that take floats and refuse none of them.
std::vector<UnaryOp> unary_ops();

struct Sample {
  float at = 0, got = 0;
  double want = 0;
};

struct Tally {
  int64_t inputs = 0;
  int64_t misrounded = 0; // differ from the reference rounded once
  int64_t wrong = 0;      // NaN, infinity, or the sign of 0 where the reference has another
  double ulps = 0;        // the largest error
  Sample worst, first_wrong;

  void add(const Tally& other);
};

/// All 65,536 numbers of a half dtype; every `stride`th number of f32, besides its edges. Several
/// threads share the work.
Tally sweep(const UnaryOp& op, DType dtype, int64_t stride, int threads);

/// 65,536 numbers: all of a half dtype, or spread evenly over the bit patterns of f32.
Tensor spread(DType dtype);

/// Says whether elements are equal to the last bit, but that a NaN is a NaN.
bool has_same_bits(const Tensor& a, const Tensor& b);

} // namespace weft::test
