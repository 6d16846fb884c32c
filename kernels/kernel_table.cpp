// Collects the kernels of all shards, for the best instruction set that the machine has.
#include "kernels/kernel_table.h"

#include "kernels/pointwise_table.h"

#include <algorithm>
#include <hwy/targets.h>
#include <string_view>
#include <vector>

namespace weft::kernels {

namespace {

struct Table {
  PointwiseKernel pointwise[kOpCount][kDTypeCount] = {};
  SourceKernel source[kOpCount][kDTypeCount] = {};
  ReductionKernel reduction[kOpCount][kDTypeCount] = {};

  Table() { fill(); }
  void fill() {
    add(pointwise_entries<0>());
    add(pointwise_entries<1>());
    add(pointwise_entries<2>());
    add(pointwise_entries<3>());
    static_assert(kPointwiseShards == 4);
    for (const ReductionEntry& e : reduction_entries())
      place(kNativeDTypes, e.kernels, reduction[static_cast<int>(e.op)]);
  }

private:
  void add(PointwiseEntries entries) {
    for (const PointwiseEntry& e : entries) {
      place(kNativeDTypes, e.pointwise, pointwise[static_cast<int>(e.op)]);
      place(kNarrowDTypes, e.narrow, pointwise[static_cast<int>(e.op)]);
      place(kNativeDTypes, e.source, source[static_cast<int>(e.op)]);
    }
  }
  template <class Kernel>
  static void place(std::span<const DType> dtypes, const Kernel* kernels, Kernel* by_dtype) {
    for (size_t k = 0; k < dtypes.size(); k++)
      by_dtype[static_cast<int>(dtypes[k])] = kernels[k];
  }
};

Table& table() {
  static Table t;
  return t;
}

// Kernels are compiled for these (kernels/CMakeLists.txt switches others off).
std::vector<std::pair<const char*, int64_t>> targets() {
  std::vector<std::pair<const char*, int64_t>> r;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1)
    r.emplace_back(hwy::TargetName(left & -left), left & -left);
  return r;
}

} // namespace

PointwiseKernel pointwise_kernel(Op op, DType dtype) {
  return table().pointwise[static_cast<int>(op)][static_cast<int>(dtype)];
}

SourceKernel source_kernel(Op op, DType dtype) {
  return table().source[static_cast<int>(op)][static_cast<int>(dtype)];
}

const ReductionKernel& reduction_kernel(Op op, DType dtype) {
  return table().reduction[static_cast<int>(op)][static_cast<int>(dtype)];
}

const char* const* kernel_targets() {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> r;
    for (auto& [name, bit] : targets())
      r.push_back(name);
    r.push_back(nullptr);
    return r;
  }();
  return names.data();
}

void use_kernel_target(const char* name) {
  kernel_targets(); // listed before the choice narrows
  hwy::SetSupportedTargetsForTest(0);
  if (name)
    for (auto& [target, bit] : targets())
      if (std::string_view(target) == name) {
        hwy::SetSupportedTargetsForTest(bit);
        break;
      }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  table().fill();
}

} // namespace weft::kernels
