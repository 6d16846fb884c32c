#include "runtime/composite/composite.h"

#include "runtime/core/fail_at.h"

namespace weft {

Tensor linear(const Arg& x, const Tensor& weight, const Tensor& bias) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "linear").meta;
  Arg w(weight, x.loc());
  const Meta& wm = require_tensor(w, "linear").meta;
  bool fits = m.rank >= 1 && (wm.rank == 1 || wm.rank == 2) && m.dtype == wm.dtype &&
              m.sizes[m.rank - 1] == wm.sizes[wm.rank - 1];
  if (!fits)
    fail_at(ErrorKind::shape,
            "linear: x must have a last dim of weight's last and weight's dtype, got " +
                describe(m) + " and " + describe(wm),
            x.loc());
  Tensor y = wm.rank == 1 ? matmul(x, w) : matmul(x, transpose(w, 0, 1));
  return bias.defined() ? std::move(y) + bias : y;
}

} // namespace weft
