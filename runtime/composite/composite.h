// What the composites share.
#pragma once

#include "runtime/core/call.h"
#include "runtime/core/fail_at.h"
#include "runtime/core/op_scope.h"
#include "weft/device.h"
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
    fail_at(ErrorKind::dtype,
            OpScope::name_or(op) + ": the operand must be floating, got " + describe(m), x.loc());
}

/// Says that what a composite makes from nothing lies where x does, as long as the result lives.
inline DeviceScope beside(const Arg& x) {
  return DeviceScope(x.impl() ? x.impl()->meta.device : DeviceScope::current());
}

/// Throws the user's error of a composite, at the user's line.
[[noreturn]] inline void refuse(const char* op, ErrorKind kind, const std::string& what,
                                const Loc& loc) {
  fail_at(kind, OpScope::name_or(op) + ": " + what, loc);
}

/// Throws unless a result can be: to be asked before something is made for each of its elements.
void require_possible(const char* op, const Shape& shape, DType dtype, const Loc& loc);

/// The most tensors that a function returns: a list of more is a mistake.
inline constexpr int64_t kMostPieces = 1 << 24;

/// Throws unless an optional operand, where it is given, has that shape.
inline void require_shape(const char* op, const char* name, const Tensor& t, const Shape& shape,
                          const Loc& loc) {
  if (t.defined() && t.shape() != shape)
    refuse(op, ErrorKind::shape,
           std::string(name) + " must have the shape " + shape.str() + ", got " +
               describe(t.impl()->meta),
           loc);
}

/// Throws unless a required operand is given.
inline const Tensor& require_given(const char* op, const char* name, const Tensor& t,
                                   const Loc& loc) {
  if (!t.defined())
    refuse(op, ErrorKind::value, std::string(name) + " must be given, got none", loc);
  return t;
}

/// Throws for the reduction that only kl_div has.
inline void require_common(const char* op, Reduce reduction, const Loc& loc) {
  if (reduction == Reduce::batchmean)
    refuse(op, ErrorKind::value, "reduction must be none, mean or sum, got batchmean", loc);
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

/// Applies a loss's reduction to elements times their weights; the mean is over the weights.
inline Tensor reduced(Tensor loss, const Tensor& weight, Reduce reduction) {
  if (!weight.defined()) return reduced(std::move(loss), reduction);
  loss = std::move(loss) * weight;
  if (reduction == Reduce::none) return loss;
  loss = sum(std::move(loss));
  return reduction == Reduce::sum ? loss : std::move(loss) / sum(weight);
}

} // namespace weft::composite
