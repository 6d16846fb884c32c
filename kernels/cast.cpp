// Conversions between dtypes.
#include "kernels/elements.h"
#include "kernels/kernel_table.h"

#include <algorithm>
#include <utility>

namespace weft::kernels {

namespace {

template <DType from, DType to> void cast(const void* in, uint8_t form, void* out, int64_t n) {
  using From = typename Element<from>::Storage;
  using To = typename Element<to>::Storage;
  const auto* p = static_cast<const From*>(in);
  auto* q = static_cast<To*>(out);
  if (form != kArray) {
    std::fill_n(q, n, convert<To>(widen(*p)));
    return;
  }
  if constexpr (from == to) { // bits, of NaN as well
    std::copy_n(p, n, q);
    return;
  }
  for (int64_t k = 0; k < n; k++)
    q[k] = convert<To>(widen(p[k]));
}

template <int... pairs> constexpr auto make_table(std::integer_sequence<int, pairs...>) {
  return std::array<CastKernel, sizeof...(pairs)>{
      &cast<DType(pairs / kDTypeCount), DType(pairs % kDTypeCount)>...};
}

constexpr auto kTable = make_table(std::make_integer_sequence<int, kDTypeCount * kDTypeCount>());

} // namespace

CastKernel cast_kernel(DType from, DType to) {
  return kTable[static_cast<size_t>(from) * kDTypeCount + static_cast<size_t>(to)];
}

} // namespace weft::kernels
