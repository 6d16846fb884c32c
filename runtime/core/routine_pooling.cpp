// max_pool_positions: rows of windows, shared out to threads.

#include "kernels/kernel_table.h"
#include "kernels/pooling.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"
#include "runtime/core/tensor_impl.h"
#include "runtime/core/windows.h"

namespace weft {

namespace {

using kernels::WindowSpan;

constexpr int kDims = kMostSpatialDims;
constexpr int64_t kPieceWork = int64_t{1} << 15; // elements worth handing to another thread

// The windows of a call with three spatial dims, the missing ones of size 1 in front.
struct Geometry {
  Window windows[kDims];
  int64_t sizes[kDims] = {1, 1, 1}, places[kDims] = {1, 1, 1};
  bool in_parts;

  explicit Geometry(const RoutineCall& call) : in_parts(call.structure.empty()) {
    const Meta &x = *call.operands[0].meta, &y = *call.result.meta;
    WindowList list;
    list.count = static_cast<int>(call.sizes.size());
    if (!in_parts) list = WindowList::read_pooling(call.structure);
    for (int k = 0; k < list.count; k++) {
      int at = kDims - list.count + k;
      windows[at] = list.dims[k];
      sizes[at] = x.sizes[x.rank - list.count + k];
      places[at] = y.sizes[y.rank - list.count + k];
    }
  }
  WindowSpan span(int dim, int64_t place) const {
    if (in_parts) {
      int64_t first = place * sizes[dim] / places[dim];
      return {first, ((place + 1) * sizes[dim] - 1) / places[dim] + 1 - first, 1};
    }
    const Window& w = windows[dim];
    int64_t start = place * w.stride - w.begin;
    int64_t skipped = start < 0 ? (w.dilation - 1 - start) / w.dilation : 0;
    int64_t taps = std::min(w.kernel, (sizes[dim] - 1 - start) / w.dilation + 1);
    return {start + skipped * w.dilation, taps - skipped, w.dilation};
  }
};

} // namespace

bool routine_max_pool_positions(const RoutineCall& call) {
  const Meta& x = *call.operands[0].meta;
  const Geometry g(call);
  if (call.result.meta->numel() == 0) return true;
  DType computed = compute_dtype(x.dtype);
  const CompactOperand source(call.operands[0], computed, *call.loc);
  const kernels::MaxPositions& kernel = kernels::max_positions(computed);
  int64_t plane = g.sizes[0] * g.sizes[1] * g.sizes[2], rows = g.places[0] * g.places[1];
  int64_t width = g.places[2], all = call.result.meta->numel() / width;
  auto item = static_cast<int64_t>(size_of(computed));
  std::vector<WindowSpan> inner;
  for (int64_t i = 0; g.in_parts && i < width; i++)
    inner.push_back(g.span(2, i));
  const Window& w = g.windows[2];
  const kernels::MovedWindows along{-w.begin, w.stride, w.kernel, w.dilation};
  int64_t lines =
      std::min(g.windows[0].kernel, g.sizes[0]) * std::min(g.windows[1].kernel, g.sizes[1]);
  int64_t work = width * (plane / std::max<int64_t>(rows * width, 1) + 1);
  parallel_for(all, std::max<int64_t>(1, kPieceWork / work), [&](int64_t begin, int64_t end) {
    const Scratch scratch(g.in_parts ? 0 : kernels::max_positions_scratch(width, lines, along),
                          *call.loc);
    for (int64_t k = begin; k < end; k++) {
      int64_t row = k % rows;
      kernels::WindowRow r{source.data + k / rows * plane * item,
                           {g.sizes[0], g.sizes[1], g.sizes[2]},
                           {g.span(0, row / g.places[1]), g.span(1, row % g.places[1])},
                           width};
      int64_t* positions = call.result.as<int64_t>() + k * width;
      if (g.in_parts)
        kernel.given(r, inner.data(), positions);
      else
        kernel.moved(r, along, scratch.data(), positions);
    }
  });
  return true;
}

} // namespace weft
