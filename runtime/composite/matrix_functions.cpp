// Functions of matrices.

#include "runtime/composite/linalg.h"

namespace weft {

Tensor matrix_exp(const Arg& x) {
  OpScope scope(x.loc());
  composite::require_square("matrix_exp", x);
  return primitive(Op::matrix_exponential, {&x}, {}, {}, {}, x.loc());
}

Tensor cholesky_inverse(const Arg& l, bool upper) {
  OpScope scope(l.loc());
  const Meta m = composite::require_square("cholesky_inverse", l);
  Tensor identity = expand(eye(m.sizes[m.rank - 1], m.dtype, m.device, l.loc()), m.shape());
  return cholesky_solve(Arg(identity, l.loc()), l.tensor(), upper);
}

Tensor vecdot(const Arg& x, const Arg& y, int64_t dim) {
  OpScope scope(x.loc());
  require_tensor(x, "vecdot");
  return sum(mul(x, y), {dim});
}

} // namespace weft
