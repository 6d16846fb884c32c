// Gradients of the view ops and of concatenate: data that moves back to where it came from.

#include "runtime/autograd/vjp_view.h"

#include "runtime/autograd/vjp_context.h"
#include "runtime/composite/index_operands.h"

namespace weft {

namespace {

/// Returns a tensor of zeros that takes the memory of one.
Tensor zeros_like(const Tensor& x, Shape shape, int dim, int64_t size) {
  shape[dim] = size;
  return expand(full({}, 0, x.dtype()), shape);
}

/// Puts step - 1 zeros behind each element of a dim: [..., n, ...] becomes [..., n * step, ...].
Tensor spread(const Tensor& x, int dim, int64_t step) {
  Shape spread_shape = x.shape();
  Shape with_step = spread_shape;
  with_step.resize(spread_shape.size() + 1);
  std::copy_backward(with_step.begin() + dim + 1, with_step.end() - 1, with_step.end());
  with_step[dim + 1] = 1;
  Tensor elements = reshape(x, with_step);
  spread_shape[dim] *= step;
  return reshape(concatenate({elements, zeros_like(x, with_step, dim + 1, step - 1)}, dim + 1),
                 spread_shape);
}

} // namespace

void vjp_view(VjpContext& c) { c.set(0, reshape(c.dy(), c.operand_meta(0).shape())); }

void vjp_permute(VjpContext& c) {
  Dims inverse = Ints::filled(static_cast<int>(c.structure().size()), 0);
  for (int k = 0; k < inverse.size(); k++)
    inverse[static_cast<int>(c.structure(k))] = k;
  c.set(0, permute(c.dy(), inverse));
}

void vjp_expand(VjpContext& c) { c.set(0, c.dy()); }

// The part, spread by the step, between zeros for what the slice left out.
Tensor place_slice(const Tensor& part, const Shape& shape, int dim, int64_t start, int64_t step) {
  Tensor spaced = part;
  int64_t covered = part.size(dim);
  if (step > 1 && covered > 0) {
    spaced = spread(part, dim, step);
    covered = std::min(covered * step, shape[dim] - start);
    spaced = slice(spaced, dim, 0, covered);
  }
  std::vector<Tensor> parts;
  int64_t behind = shape[dim] - start - covered;
  if (start > 0) parts.push_back(zeros_like(spaced, shape, dim, start));
  if (covered > 0) parts.push_back(spaced);
  if (behind > 0) parts.push_back(zeros_like(spaced, shape, dim, behind));
  if (parts.empty()) return spaced; // no elements
  return parts.size() == 1 ? parts[0] : concatenate(parts, dim);
}

void vjp_slice(VjpContext& c) {
  c.set(0, place_slice(c.dy(), c.operand_meta(0).shape(), static_cast<int>(c.structure(0)),
                       c.size(0), c.size(2)));
}

void vjp_flip_view(VjpContext& c) { c.set(0, flip(c.dy(), Dims(Ints(c.structure())))); }

Tensor diagonal_mask(const Shape& shape, int dim1, int dim2, Device device) {
  Shape rows = Ints::filled(shape.size(), 1), columns = rows;
  rows[dim1] = shape[dim1];
  columns[dim2] = shape[dim2];
  auto numbers = [&](int dim) { return arange(shape[dim], i64, device); };
  return reshape(numbers(dim1), rows) == reshape(numbers(dim2), columns);
}

Tensor place_diagonal(const Tensor& part, const Shape& shape, int dim1, int dim2) {
  // part's last dim comes to dim2, and broadcasts along dim1.
  Tensor whole = unsqueeze(movedim(part, -1, dim2 > dim1 ? dim2 - 1 : dim2), dim1);
  return where(diagonal_mask(shape, dim1, dim2, part.device()), whole, 0);
}

void vjp_diagonal_view(VjpContext& c) {
  c.set(0, place_diagonal(c.dy(), c.operand_meta(0).shape(), static_cast<int>(c.structure(0)),
                          static_cast<int>(c.structure(1))));
}

Tensor strided_positions(std::span<const int64_t> sizes, Device device) {
  const int rank = static_cast<int>(sizes.size() / 2);
  Tensor at = full({}, sizes[0], i64, device);
  for (int k = 0; k < rank; k++) {
    Shape along = Ints::filled(rank, 1);
    along[k] = sizes[1 + k];
    at = at + reshape(arange(sizes[1 + k], i64, device) * sizes[1 + rank + k], along);
  }
  return reshape(at, {-1});
}

// Each element of the list gets the sum of what was seen of it.
void vjp_strided_view(VjpContext& c) {
  const Meta& x = c.operand_meta(0);
  Tensor dy = c.dy();
  Tensor zeros = composite::filled(x.shape(), 0, dy.dtype(), dy.device(), c.loc());
  c.set(0, composite::scatter_along(Op::scatter_add, zeros, 0,
                                    strided_positions(c.sizes(), dy.device()), reshape(dy, {-1}),
                                    c.loc()));
}

void vjp_concatenate(VjpContext& c) {
  int dim = static_cast<int>(c.structure(0));
  int64_t start = 0;
  for (int k = 0; k < c.operand_count(); k++) {
    int64_t length = c.operand_meta(k).sizes[dim];
    if (c.needs(k)) c.set(k, slice(c.dy(), dim, start, start + length));
    start += length;
  }
}

} // namespace weft
