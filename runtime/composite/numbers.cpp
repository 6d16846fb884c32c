// Forms of the ops on numbers with further arguments, and what skips or replaces NaN.

#include "runtime/composite/composite.h"
#include "runtime/core/call.h"

#include <cmath>

namespace weft {

using composite::refuse;

namespace {

constexpr double kNoMost = std::numeric_limits<double>::infinity();

// The layout of a floating format.
struct Format {
  int fraction, least_exponent;
  double largest;
};
Format format_of(DType t) {
  switch (t) {
  case DType::f64:
    return {52, -1022, std::numeric_limits<double>::max()};
  case DType::bf16:
    return {7, -126, 0x1.FEp127};
  case DType::f16:
    return {10, -14, 65504};
  default:
    return {23, -126, std::numeric_limits<float>::max()};
  }
}

// Of numbers, which stay numbers: they do not take part in promotion as a tensor does.
Scalar product(const Scalar& a, const Scalar& b) {
  using Kind = Scalar::Kind;
  if (a.kind == Kind::floating || b.kind == Kind::floating) return a.to_double() * b.to_double();
  if (a.kind == Kind::boolean && b.kind == Kind::boolean) return a.i != 0 && b.i != 0;
  return static_cast<int64_t>(static_cast<uint64_t>(a.i) * static_cast<uint64_t>(b.i));
}

// Gives x and alpha * other to `combine` in the dtype that they have in common, f32 for bf16 and
// f16.
template <class F>
Tensor with_scaled(const char* op, const Arg& x, const Arg& other, Scalar alpha, F combine) {
  OpScope scope(x.loc(), op);
  const DType common = promoted_dtype(info(Op::add), {&x, &other});
  if (alpha.kind == Scalar::Kind::floating && !is_floating(common))
    refuse(op, ErrorKind::dtype, "alpha must be an integer for integers, got a float", x.loc());
  if (alpha.kind == Scalar::Kind::boolean && common != boolean)
    refuse(op, ErrorKind::dtype, "alpha must be a number for numbers, got a bool", x.loc());
  const DType computed = is_half(common) ? f32 : common;
  auto operand = [&](const Arg& a) {
    return a.is_scalar() ? Arg(a.scalar(), x.loc())
                         : Arg(a.tensor().to(computed, x.loc()), x.loc());
  };
  const bool is_plain = alpha.to_double() == 1 && common != boolean; // 1 makes i64 of bools
  const Arg scaled = other.is_scalar() ? Arg(product(other.scalar(), alpha), x.loc())
                     : is_plain        ? operand(other)
                                       : Arg(mul(operand(other), alpha), x.loc());
  return combine(operand(x), scaled).to(common);
}

// bool as numbers, which have an order.
Tensor ordered(const Tensor& t) {
  return t.defined() && t.dtype() == boolean ? t.to(DType::u8) : t;
}

} // namespace

Tensor add(const Arg& x, const Arg& other, Scalar alpha) {
  return with_scaled("add", x, other, alpha, [](const Arg& a, const Arg& b) { return add(a, b); });
}

Tensor sub(const Arg& x, const Arg& other, Scalar alpha) {
  return with_scaled("sub", x, other, alpha, [](const Arg& a, const Arg& b) { return sub(a, b); });
}

Tensor rsub(const Arg& x, const Arg& other, Scalar alpha) { return sub(other, x, alpha); }

Tensor div(const Arg& x, const Arg& other, std::string_view rounding_mode) {
  OpScope scope(x.loc());
  if (rounding_mode == "floor") return floor_divide(x, other);
  if (rounding_mode == "trunc") return trunc_divide(x, other);
  refuse("div", ErrorKind::value,
         "rounding_mode must be floor or trunc, got " + std::string(rounding_mode), x.loc());
}

Tensor round(const Arg& x, int64_t decimals) {
  OpScope scope(x.loc());
  if (decimals == 0 || !is_floating(require_tensor(x, "round").meta.dtype)) return round(x);
  const DType dtype = x.impl()->meta.dtype;
  double power = std::pow(10.0, std::abs(static_cast<double>(decimals)));
  Tensor wide = composite::widened(x); // a power of ten more may be beyond a half
  Tensor y = decimals > 0 ? round(wide * power) / power : round(wide / power) * power;
  return std::move(y).to(dtype);
}

Tensor bitwise_not(const Arg& x) {
  OpScope scope(x.loc());
  if (require_tensor(x, "bitwise_not").meta.dtype == boolean) return logical_not(x);
  return bitwise_xor(x, Arg(-1, x.loc()));
}

Tensor clamp_min(const Arg& x, const Arg& min) {
  OpScope scope(x.loc());
  return min.is_scalar() ? clamp(x, min.scalar()) : pointwise(Op::clamp_min, {&x, &min});
}

void clamp_min_into(const Arg& x, const Arg& min) {
  OpScope scope(x.loc());
  if (min.is_scalar())
    x.tensor().clamp_(min.scalar(), kNoMost, x.loc());
  else
    pointwise_inplace(Op::clamp_min, x.tensor(), {&min}, {}, x.loc());
}

Tensor clamp_max(const Arg& x, const Arg& max) {
  OpScope scope(x.loc());
  return max.is_scalar() ? clamp(x, -kNoMost, max.scalar()) : pointwise(Op::clamp_max, {&x, &max});
}

void clamp_max_into(const Arg& x, const Arg& max) {
  OpScope scope(x.loc());
  if (max.is_scalar())
    x.tensor().clamp_(-kNoMost, max.scalar(), x.loc());
  else
    pointwise_inplace(Op::clamp_max, x.tensor(), {&max}, {}, x.loc());
}

Tensor clamp(const Arg& x, const Tensor& min, const Tensor& max) {
  OpScope scope(x.loc());
  if (!min.defined() && !max.defined())
    refuse("clamp", ErrorKind::value, "min or max must be given, got neither", x.loc());
  if (!min.defined()) return clamp_max(x, max);
  if (!max.defined()) return clamp_min(x, min);
  Arg low(min, x.loc()), high(max, x.loc());
  return pointwise(Op::clamp_between, {&x, &low, &high});
}

Tensor nan_to_num(const Arg& x, Scalar nan, std::optional<Scalar> posinf,
                  std::optional<Scalar> neginf) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "nan_to_num").meta;
  if (!is_floating(m.dtype)) return x.tensor().clone();
  double largest = format_of(m.dtype).largest;
  return replace_special(x, nan, posinf.value_or(largest), neginf.value_or(-largest));
}

Tensor nextafter(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  Format f = format_of(promoted_dtype(info(Op::next_after), {&x, &other}));
  return next_after(x, other, f.fraction, f.least_exponent, f.largest);
}

Tensor polygamma(int64_t n, const Arg& x) {
  OpScope scope(x.loc());
  if (n < 0)
    refuse("polygamma", ErrorKind::value, "n must not be negative, got " + std::to_string(n),
           x.loc());
  return n == 0 ? digamma(x) : n == 1 ? trigamma(x) : polygamma_of_order(x, n);
}

Tensor count_nonzero(const Arg& x, const Dims& dims) {
  OpScope scope(x.loc());
  return sum(x != 0, dims);
}

Tensor nansum(const Arg& x, const Dims& dims, bool keepdim, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  if (!is_floating(require_tensor(x, "nansum").meta.dtype)) return sum(x, dims, keepdim, dtype);
  Tensor t = x.tensor();
  return sum(where(isnan(t), 0, t), dims, keepdim, dtype);
}

Tensor nanmean(const Arg& x, const Dims& dims, bool keepdim, std::optional<DType> dtype) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "nanmean").meta;
  if (!is_floating(m.dtype))
    refuse("nanmean", ErrorKind::dtype, "the operand must be floating, got " + describe(m),
           x.loc());
  DType result = dtype.value_or(m.dtype);
  if (!is_floating(result))
    refuse("nanmean", ErrorKind::dtype,
           "dtype must be floating, got " + std::string(name_of(result)), x.loc());
  Tensor wide = composite::widened(x), is_nan = isnan(wide);
  Tensor count = sum(logical_not(is_nan), dims, keepdim);
  return (sum(where(is_nan, 0, wide), dims, keepdim) / count).to(result);
}

ValuesAndIndices max_with_indices(const Arg& x, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Tensor t = x.tensor(), position = argmax(ordered(t), dim, true);
  Tensor values = gather(t, dim, position);
  if (keepdim || t.rank() == 0) return {values, position};
  return {values.squeeze(dim), position.squeeze(dim)};
}

ValuesAndIndices min_with_indices(const Arg& x, int64_t dim, bool keepdim) {
  OpScope scope(x.loc());
  Tensor t = x.tensor(), position = argmin(ordered(t), dim, true);
  Tensor values = gather(t, dim, position);
  if (keepdim || t.rank() == 0) return {values, position};
  return {values.squeeze(dim), position.squeeze(dim)};
}

} // namespace weft
