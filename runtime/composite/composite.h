// What the composites share.
#pragma once

#include "runtime/core/call.h"
#include "weft/ops.h"

namespace weft::composite {

/// Returns x, as f32 where it is bf16 or f16: sums of many elements keep their precision.
inline Tensor widened(const Arg& x) {
  Tensor t = x.tensor();
  return is_half(t.dtype()) ? t.to(f32, x.loc()) : t;
}

/// Throws unless x is a floating tensor.
inline void require_floating(const char* op, const Arg& x) {
  const Meta& m = require_tensor(x, op).meta;
  if (!is_floating(m.dtype))
    throw Error(ErrorKind::dtype,
                std::string(op) + ": the operand must be floating, got " + describe(m),
                LocScope::resolve(x.loc()));
}

/// Applies a loss's reduction.
inline Tensor reduced(Tensor loss, Reduce reduction) {
  switch (reduction) {
  case Reduce::mean:
    return mean(std::move(loss));
  case Reduce::sum:
    return sum(std::move(loss));
  default:
    return loss;
  }
}

} // namespace weft::composite
