// Compiles one matrix product in process and runs it on buffers whose ends touch unreadable pages.
#pragma once

#include "codegen/cpu/dot.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace weft::cpu::test {

/// Memory whose last byte is followed by a page that can be neither read nor written.
class FencedBuffer {
public:
  explicit FencedBuffer(size_t bytes);
  FencedBuffer(FencedBuffer&& other) noexcept;
  ~FencedBuffer();
  char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

private:
  char *map_ = nullptr, *data_ = nullptr;
  size_t map_bytes_ = 0, bytes_ = 0;
};

/// How a product is to be compiled and what it reads.
struct DotCase {
  DotShape shape; // extents and strides, all constant
  DotTarget target;
  bool dynamic = false;    // the kernel learns extents and strides when it runs
  bool fixed_unit = false; // of a dynamic kernel: strides of 1 stay constants
  int64_t a_batch_stride = 0, b_batch_stride = 0;
  int64_t k_block = 0; // overrides the plan's where not 0
};

/// A compiled product with the epilogue C = sum and D = 2 * sum + bias[column], counting how often
/// it sees each element. Throws std::runtime_error where it does not compile.
class DotKernel {
public:
  explicit DotKernel(const DotCase& test_case);
  ~DotKernel();

  struct Result {
    std::vector<double> c, d;    // [batch, m, n]
    std::vector<int64_t> ci;     // the sums of a product of integers
    std::vector<int32_t> visits; // [batch, m, n]
  };
  /// Runs all chunks by two calls, as two threads would, or each by a call of its own, the last one
  /// first.
  Result run(bool singly = false) const;
  /// The same sums by a plain loop of fused multiply-adds, added in the order of the plan.
  Result reference() const;
  const DotPlan& plan() const { return plan_; }

private:
  struct Code;
  double element(const FencedBuffer& buffer, int64_t index) const;
  int64_t integer(const FencedBuffer& buffer, int64_t index) const;
  void fill(FencedBuffer& buffer, uint64_t seed);

  DotCase case_;
  DotPlan plan_;
  std::unique_ptr<Code> code_;
  FencedBuffer a_, b_, bias_;
};

} // namespace weft::cpu::test
