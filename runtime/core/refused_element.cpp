// Which element a kernel did not take: looked for once it has refused one, for the message.

#include "kernels/elements.h"
#include "runtime/core/number_range.h"
#include "runtime/core/op_info.h"
#include "runtime/core/refusal.h"
#include "runtime/core/strided.h"

#include <cstring>

namespace weft {

namespace {

constexpr int64_t kMostSearched = 1 << 24; // elements: some tenths of a second

Scalar number_of(const void* data, DType dtype) {
  return kernels::visit_element(dtype, [&](auto element) {
    typename kernels::Element<decltype(element)::value>::Storage stored;
    std::memcpy(&stored, data, sizeof stored);
    return Scalar(kernels::widen(stored));
  });
}

// "[0, 2]" for the element of that number in row-major order; nothing for a 0-d tensor.
std::string place_of(int64_t number, const Meta& m) {
  if (m.rank == 0) return "";
  Shape index = m.shape();
  for (int k = m.rank - 1; k >= 0; k--) {
    index[k] = number % m.sizes[k];
    number /= m.sizes[k];
  }
  return index.str();
}

} // namespace

bool RoutineCall::refuse_index(const View& index, int64_t size) const {
  if (!refused) return false;
  const View views[] = {index};
  const StridedLoop loop(views);
  StridedCursor cursor(loop, 0);
  for (int64_t k = 0; k < std::min(loop.numel, kMostSearched); k++) {
    int64_t i;
    std::memcpy(&i, cursor.at(0), sizeof i);
    if (i < 0 || i >= size) {
      *refused = {std::to_string(i), place_of(k, *index.meta), "a dim of " + std::to_string(size)};
      return false;
    }
    cursor.advance(1);
  }
  return false;
}

Refused first_refused(const OpCall& call, const PointwiseBody& body, std::span<const View> views) {
  const StridedLoop loop(views);
  StridedCursor cursor(loop, 0);
  const size_t count = call.operands.size();
  const void* in[PointwiseBody::kMostOperands];
  uint8_t forms[PointwiseBody::kMostOperands];
  for (int64_t k = 0; k < std::min(loop.numel, kMostSearched); k++) {
    for (size_t a = 0; a < count; a++) {
      in[a] = call.operands[a] ? cursor.at(static_cast<int>(a) + 1) : body.inputs[a];
      forms[a] = call.operands[a] ? kernels::kElement : kernels::kScalar;
    }
    uint64_t result;
    uint32_t error = 0;
    body.run(in, forms, &result, 1, &error);
    if (error) {
      Refused r{"", place_of(k, *views[0].meta), ""};
      size_t number = 0;
      for (size_t a = 0; a < count; a++) {
        const TensorImpl* t = call.operands[a];
        r.value += (a ? " and " : "") +
                   number_text(t ? number_of(in[a], t->meta.dtype) : call.scalars[number++]);
      }
      return r;
    }
    cursor.advance(1);
  }
  return {};
}

} // namespace weft
