// Triangles and diagonals of the last two dims, or of any two.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

// The element where `column - row` compares with the diagonal, 0 elsewhere.
Tensor triangle(const char* op, const Arg& x, int64_t diagonal, bool lower) {
  OpScope scope(x.loc(), op);
  const Meta& m = require_tensor(x, op).meta;
  if (m.rank < 2)
    refuse(op, ErrorKind::shape, "the tensor must have at least two dims, got " + describe(m),
           x.loc());
  Tensor rows = unsqueeze(composite::positions(m.sizes[m.rank - 2], m.device, x.loc()), 1);
  Tensor columns = composite::positions(m.sizes[m.rank - 1], m.device, x.loc());
  Tensor edge = std::move(rows) + diagonal;
  Tensor kept = lower ? columns <= edge : columns >= edge;
  return where(std::move(kept), x, composite::number_of(m.dtype, 0));
}

} // namespace

Tensor tril(const Arg& x, int64_t diagonal) { return triangle("tril", x, diagonal, true); }

Tensor triu(const Arg& x, int64_t diagonal) { return triangle("triu", x, diagonal, false); }

Tensor diagonal(const Arg& x, int64_t offset, int64_t dim1, int64_t dim2) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "diagonal").meta;
  int a = normalize_dim(dim1, m.rank, "diagonal", x.loc());
  int b = normalize_dim(dim2, m.rank, "diagonal", x.loc());
  if (m.rank < 2 || a == b)
    refuse("diagonal", ErrorKind::index,
           "dims must be two of the tensor's, got " + std::to_string(dim1) + " and " +
               std::to_string(dim2) + " for " + describe(m),
           x.loc());
  const int64_t rows = m.sizes[a], columns = m.sizes[b];
  const int64_t row = std::clamp<int64_t>(offset < 0 ? -offset : 0, 0, rows);
  const int64_t column = std::clamp<int64_t>(offset, 0, columns);
  const int64_t length = std::min(rows - row, columns - column);
  Tensor square = x.tensor();
  if (row || length != rows) square = slice(square, a, row, row + length);
  if (column || length != columns) square = slice(square, b, column, column + length);
  Arg from(square, x.loc());
  const int64_t structure[] = {a, b};
  return primitive(Op::diagonal_view, {&from}, {}, structure, {}, x.loc());
}

Tensor diag_embed(const Arg& x, int64_t offset, int64_t dim1, int64_t dim2) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "diag_embed").meta;
  if (m.rank == 0)
    refuse("diag_embed", ErrorKind::shape, "the tensor must have dims, got " + describe(m),
           x.loc());
  int a = normalize_dim(dim1, m.rank + 1, "diag_embed", x.loc());
  int b = normalize_dim(dim2, m.rank + 1, "diag_embed", x.loc());
  if (a == b)
    refuse("diag_embed", ErrorKind::index,
           "dims must differ, got " + std::to_string(dim1) + " and " + std::to_string(dim2),
           x.loc());
  const int64_t right = std::max<int64_t>(offset, 0), down = std::max<int64_t>(-offset, 0);
  const int64_t size = m.sizes[m.rank - 1] + right + down;
  Tensor row = unsqueeze(pad(x, {right, down}), -2); // of the elements, each in its column
  Tensor columns = composite::positions(size, m.device, x.loc());
  Tensor on = columns == unsqueeze(columns, 1) + offset;
  Tensor y = where(std::move(on), std::move(row), composite::number_of(m.dtype, 0));
  return movedim(y, {-2, -1}, {a, b});
}

Tensor diag(const Arg& x, int64_t diagonal) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "diag").meta;
  if (m.rank == 1) return diag_embed(x, diagonal);
  if (m.rank != 2)
    refuse("diag", ErrorKind::shape, "the tensor must have one or two dims, got " + describe(m),
           x.loc());
  return weft::diagonal(x, diagonal).clone(x.loc());
}

} // namespace weft
