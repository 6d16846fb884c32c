#include "runtime/core/number_at.h"

#include "kernels/elements.h"

#include <cstring>

namespace weft {

double number_at(const void* data, DType dtype, size_t k) {
  return kernels::visit_element(dtype, [&]<DType d>(std::integral_constant<DType, d>) {
    typename kernels::Element<d>::Storage element;
    std::memcpy(&element, static_cast<const char*>(data) + k * sizeof element, sizeof element);
    return static_cast<double>(kernels::widen(element));
  });
}

} // namespace weft
