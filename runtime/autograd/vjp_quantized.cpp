// Gradients of products with a quantised matrix: to x as if its numbers were there, to a scale the
// sum over its block.

#include "runtime/autograd/vjp_context.h"

namespace weft {

void vjp_quantized_matmul(VjpContext& c) {
  c.widen();
  const Tensor& dy = c.dy();
  if (c.needs(0)) c.set(0, matmul(dy, dequantize(c.tensor(1), c.tensor(2)).to(dy.dtype())));
  if (!c.needs(2)) return;
  const Meta& scales = c.operand_meta(2);
  const int64_t columns = scales.sizes[0], blocks = scales.sizes[1];
  Tensor of_numbers = matmul(transpose(as_matrix(dy), 0, 1), as_matrix(c.tensor(0))); // [N, K]
  Tensor codes = dequantize(c.tensor(1), ones({columns, blocks}, dy.dtype()));
  const int64_t block = blocks ? codes.size(1) / blocks : 0;
  c.set(2, sum(reshape(of_numbers * codes, {columns, blocks, block}), {-1}));
}

} // namespace weft
