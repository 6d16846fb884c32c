// Gradients of convolution and of its gradients. The three are one trilinear form of x, the weight
// and dy: the gradient of each is made of the other two, with the same windows.

#include "runtime/autograd/vjp_context.h"
#include "runtime/core/call.h"

namespace weft {

namespace {

Shape spatial(const Meta& m) { return {m.sizes + 2, static_cast<size_t>(m.rank - 2)}; }

Tensor call_with(Op op, VjpContext& c, const Tensor& a, const Tensor& b, const Shape& sizes) {
  Arg first(a, c.loc()), second(b, c.loc());
  return primitive(op, {&first, &second}, {}, c.structure(), sizes, c.loc());
}

} // namespace

void vjp_convolution(VjpContext& c) { // of x and the weight
  if (c.needs(0))
    c.set(0, call_with(Op::convolution_input, c, c.dy(), c.tensor(1), spatial(c.operand_meta(0))));
  if (c.needs(1))
    c.set(1, call_with(Op::convolution_weight, c, c.dy(), c.tensor(0), spatial(c.operand_meta(1))));
}

void vjp_convolution_input(VjpContext& c) { // of dy and the weight; c.dy() has the form of x
  if (c.needs(0)) c.set(0, call_with(Op::convolution, c, c.dy(), c.tensor(1), {}));
  if (c.needs(1))
    c.set(1, call_with(Op::convolution_weight, c, c.tensor(0), c.dy(), spatial(c.operand_meta(1))));
}

void vjp_convolution_weight(VjpContext& c) { // of dy and x; c.dy() has the form of the weight
  if (c.needs(0)) c.set(0, call_with(Op::convolution, c, c.tensor(1), c.dy(), {}));
  if (c.needs(1))
    c.set(1, call_with(Op::convolution_input, c, c.tensor(0), c.dy(), spatial(c.operand_meta(1))));
}

} // namespace weft
