// Other forms of ops: PyTorch's names for them, and names given as text.

#include "runtime/composite/composite.h"

namespace weft {

Tensor amax(const Arg& x, const Dims& dims, bool keepdim) {
  OpScope scope(x.loc());
  return max(x, dims, keepdim);
}

Tensor amin(const Arg& x, const Dims& dims, bool keepdim) {
  OpScope scope(x.loc());
  return min(x, dims, keepdim);
}

Tensor true_divide(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  return div(x, other);
}

Tensor clip(const Arg& x, Scalar min, Scalar max) {
  OpScope scope(x.loc());
  return clamp(x, min, max);
}

Tensor clip(const Arg& x, const Tensor& min, const Tensor& max) {
  OpScope scope(x.loc());
  return clamp(x, min, max);
}

Tensor moveaxis(const Arg& x, const Dims& source, const Dims& destination) {
  OpScope scope(x.loc());
  return movedim(x, source, destination);
}

Tensor swapdims(const Arg& x, int64_t dim0, int64_t dim1) {
  OpScope scope(x.loc());
  return transpose(x, dim0, dim1);
}

Tensor ravel(const Arg& x) {
  OpScope scope(x.loc());
  return reshape(x, {-1});
}

Tensor argwhere(const Arg& x) {
  OpScope scope(x.loc());
  return nonzero(x);
}

Tensor row_stack(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  return vstack(tensors, loc);
}

Tensor ger(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return outer(x, y);
}

Tensor vdot(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  return dot(x, y);
}

Tensor upsample(const Arg& x, const Dims& size, const std::vector<double>& scale_factor,
                std::string_view mode, bool align_corners) {
  OpScope scope(x.loc());
  return interpolate(x, size, scale_factor, mode, align_corners);
}

Tensor gelu(const Arg& x, std::string_view approximate) {
  OpScope scope(x.loc());
  if (approximate == "none") return gelu(x);
  if (approximate == "tanh") return gelu_tanh(x);
  composite::refuse("gelu", ErrorKind::value,
                    "approximate must be none or tanh, got " + std::string(approximate), x.loc());
}

} // namespace weft
