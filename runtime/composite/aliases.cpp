// Other forms of ops: PyTorch's names for them, and names given as text.

#include "runtime/composite/composite.h"

namespace weft {

Tensor amax(const Arg& x, const Dims& dims, bool keepdim) { return max(x, dims, keepdim); }

Tensor amin(const Arg& x, const Dims& dims, bool keepdim) { return min(x, dims, keepdim); }

Tensor gelu(const Arg& x, std::string_view approximate) {
  if (approximate == "none") return gelu(x);
  if (approximate == "tanh") return gelu_tanh(x);
  throw Error(ErrorKind::value,
              "gelu: approximate must be none or tanh, got " + std::string(approximate),
              LocScope::resolve(x.loc()));
}

} // namespace weft
