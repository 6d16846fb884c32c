// Rule of max_pool_positions.

#include "runtime/core/rules.h"
#include "runtime/core/windows.h"

namespace weft {

namespace {

// Whether each place of the window sees an element of a dim.
bool sees_elements(const Window& w, int64_t size) {
  for (int64_t place = 0; place < w.places(size); place++) {
    int64_t start = place * w.stride - w.begin;
    int64_t skipped = start < 0 ? (w.dilation - 1 - start) / w.dilation : 0; // taps before the dim
    if (skipped >= w.kernel || start + skipped * w.dilation >= size) return false;
  }
  return true;
}

} // namespace

void infer_max_pool_positions(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  if (x.dtype == DType::boolean)
    fail(call, ErrorKind::dtype, "the operand must be of numbers, got " + describe(x));
  bool in_parts = call.structure.empty();
  WindowList windows;
  if (in_parts)
    windows.count = static_cast<int>(call.sizes.size());
  else
    windows = WindowList::read_pooling(call);
  bool fits = windows.count >= 1 && windows.count <= kMostSpatialDims && windows.count <= x.rank;
  result.rank = x.rank;
  std::copy_n(x.sizes, x.rank, result.sizes);
  for (int k = 0; fits && k < windows.count; k++) {
    int64_t size = x.sizes[x.rank - windows.count + k];
    int64_t& places = result.sizes[x.rank - windows.count + k];
    places = in_parts ? call.sizes[static_cast<size_t>(k)] : windows.dims[k].places(size);
    fits =
        size > 0 && (in_parts ? places >= 0 : places > 0 && sees_elements(windows.dims[k], size));
  }
  if (!fits)
    fail(call, ErrorKind::shape,
         "each window must see elements of the operand, got " + describe(x));
  result.dtype = DType::i64;
  result.device = x.device;
  check_extent(call, result);
  result.set_contiguous();
}

} // namespace weft
