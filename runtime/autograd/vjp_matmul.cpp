// Gradients of the matrix product, for all its forms: batched, broadcast, 1-d.

#include "runtime/autograd/vjp_context.h"

namespace weft {

namespace {

/// The call with its 1-d operands as a row or a column: a [..., M, K], b [..., K, N], dy [..., M,
/// N].
struct Product {
  Tensor a, dy;
};

Tensor flip(const Tensor& x) { return transpose(x, -2, -1); }

bool is_transposed(const Meta& m) {
  return m.rank >= 2 && !m.contiguous && m.strides[m.rank - 2] == 1;
}

// The memory order of `b` decides which product is computed, so that a weight which was transposed
// for the product gets a row-major gradient.
Tensor gradient_of_b(const Product& p, const Meta& b) {
  if (b.rank <= 2) { // rows of all batches are one long sum
    Tensor a = as_matrix(p.a), dy = as_matrix(p.dy);
    return is_transposed(b) ? flip(matmul(flip(dy), a)) : matmul(flip(a), dy);
  }
  return is_transposed(b) ? flip(matmul(flip(p.dy), p.a)) : matmul(flip(p.a), p.dy);
}

} // namespace

Tensor as_matrix(const Tensor& x) {
  return x.rank() == 1 ? unsqueeze(x, 0) : x.rank() == 2 ? x : flatten(x, 0, -2);
}

void vjp_matmul(VjpContext& c) {
  const Meta ma = c.operand_meta(0), mb = c.operand_meta(1);
  Product p;
  p.dy = c.dy();
  if (mb.rank == 1) p.dy = unsqueeze(p.dy, -1);
  if (ma.rank == 1) p.dy = unsqueeze(p.dy, -2);
  if (c.needs(0)) {
    Tensor b = mb.rank == 1 ? unsqueeze(c.tensor(1), -1) : c.tensor(1);
    c.set(0, matmul(p.dy, flip(b))); // for a 1-d operand the sum to its shape drops the row's dim
  }
  if (!c.needs(1)) return;
  p.a = ma.rank == 1 ? unsqueeze(c.tensor(0), 0) : c.tensor(0);
  Tensor gb = gradient_of_b(p, mb);
  c.set(1, mb.rank == 1 ? squeeze(gb, -1) : gb);
}

} // namespace weft
