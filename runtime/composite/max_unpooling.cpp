// The way back from a max pooling: maxima at the positions that it gave.

#include "runtime/composite/index_operands.h"
#include "runtime/composite/pool_windows.h"
#include "runtime/core/refusal.h"

namespace weft {

namespace {

using composite::refuse;

int64_t number(const Dims& list, int k) { return list[list.size() == 1 ? 0 : k]; }

// The spatial sizes of the result.
Shape unpooled_sizes(const char* op, const Arg& x, int spatial, const Dims& kernel_size,
                     const Dims& stride, const Dims& padding, const Dims& output_size) {
  const Meta& m = x.impl()->meta;
  const Dims& steps = stride.empty() ? kernel_size : stride;
  for (const Dims* list : {&kernel_size, &steps, &padding}) {
    constexpr int64_t kMost = 1 << 30; // so that no size overflows
    bool fits = list->size() == 1 || list->size() == spatial;
    for (int64_t n : *list)
      fits = fits && n >= (list == &padding ? 0 : 1) && n <= kMost;
    if (!fits)
      refuse(op, ErrorKind::value,
             "there must be one number, or one a dim, positive and for the padding not negative, "
             "got " +
                 list->str() + " for " + std::to_string(spatial),
             x.loc());
  }
  const int skipped = output_size.size() == m.rank ? m.rank - spatial : 0;
  if (!output_size.empty() && output_size.size() - skipped != spatial)
    refuse(op, ErrorKind::value,
           "output_size must have the spatial dims or all, got " + output_size.str() + " for " +
               describe(m),
           x.loc());
  Shape sizes;
  for (int k = 0; k < spatial; k++) {
    const int64_t step = number(steps, k), from = m.sizes[m.rank - spatial + k];
    const int64_t own = (from - 1) * step - 2 * number(padding, k) + number(kernel_size, k);
    const int64_t size = output_size.empty() ? own : output_size[skipped + k];
    if (size < 1 || (!output_size.empty() && (size <= own - step || size >= own + step)))
      refuse(op, ErrorKind::value,
             "sizes must be positive and pool to those of x, got " + std::to_string(size) +
                 " for " + describe(m),
             x.loc());
    sizes.push_back(size);
  }
  return sizes;
}

Tensor unpooled(const char* op, const Arg& x, const Tensor& indices, int spatial,
                const Dims& kernel_size, const Dims& stride, const Dims& padding,
                const Dims& output_size) {
  OpScope scope(x.loc(), op);
  const Meta m = require_tensor(x, op).meta;
  composite::require_given(op, "indices", indices, x.loc());
  if (m.rank != spatial + 1 && m.rank != spatial + 2)
    refuse(op, ErrorKind::shape,
           "x must have " + std::to_string(spatial + 1) + " or " + std::to_string(spatial + 2) +
               " dims, got " + describe(m),
           x.loc());
  if (indices.shape() != m.shape() || indices.dtype() != i64)
    refuse(op, ErrorKind::shape,
           "indices must be i64 of the shape of x, got " + describe(indices.impl()->meta) +
               " for " + describe(m),
           x.loc());
  const Shape sizes = unpooled_sizes(op, x, spatial, kernel_size, stride, padding, output_size);
  Shape shape = m.shape();
  int64_t plane = 1;
  for (int k = 0; k < spatial; k++)
    shape[m.rank - spatial + k] = sizes[k], plane *= sizes[k];
  Shape planes = m.shape();
  planes.resize(m.rank - spatial + 1);
  planes[m.rank - spatial] = plane;
  Tensor zero = zeros(planes, m.dtype, m.device, x.loc());
  if (m.numel() == 0) return reshape(zero, shape);
  const RefusalWords words(
      "max_unpool: every index must be a position of the result, got one that is not");
  Tensor numbers = flatten(indices, -spatial, -1), maxima = flatten(x, -spatial, -1);
  return reshape(
      composite::scatter_along(Op::scatter, zero, m.rank - spatial, numbers, maxima, x.loc()),
      shape);
}

} // namespace

Tensor max_unpool1d(const Arg& x, const Tensor& indices, const Dims& kernel_size,
                    const Dims& stride, const Dims& padding, const Dims& output_size) {
  return unpooled("max_unpool1d", x, indices, 1, kernel_size, stride, padding, output_size);
}
Tensor max_unpool2d(const Arg& x, const Tensor& indices, const Dims& kernel_size,
                    const Dims& stride, const Dims& padding, const Dims& output_size) {
  return unpooled("max_unpool2d", x, indices, 2, kernel_size, stride, padding, output_size);
}
Tensor max_unpool3d(const Arg& x, const Tensor& indices, const Dims& kernel_size,
                    const Dims& stride, const Dims& padding, const Dims& output_size) {
  return unpooled("max_unpool3d", x, indices, 3, kernel_size, stride, padding, output_size);
}

} // namespace weft
