// Functions of one or two numbers an element: comparisons with a tolerance, powers, divisors.

#include "runtime/composite/index_operands.h"

#include <cmath>
#include <numbers>

namespace weft {

using composite::refuse;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A number is one of i64; a tensor is widened to it, so that no magnitude overflows.
Tensor magnitude(const Arg& x) {
  return abs(x.is_scalar() ? full({}, x.scalar(), i64) : x.tensor().to(i64));
}

Tensor divisor(Tensor a, Tensor b, const Loc& loc) {
  constexpr int kSteps = 8; // between two looks at whether it is done
  while (any(b != 0).item<bool>(loc))
    for (int k = 0; k < kSteps; k++) {
      Tensor is_done = b == 0;
      Tensor rest = fmod(a, where(is_done, 1, b));
      a = where(is_done, a, b);
      b = where(is_done, 0, std::move(rest));
    }
  return abs(a);
}

// The dtype that operands of integers have in common.
DType integer_dtype(const char* op, const Arg& x, const Arg& other) {
  for (const Arg* a : {&x, &other})
    if (!a->is_scalar()) require_tensor(*a, op);
  const DType dtype = promoted_dtype(info(Op::add), {&x, &other});
  if (!is_integer(dtype))
    refuse(op, ErrorKind::dtype, "operands must be integers, got " + std::string(name_of(dtype)),
           x.loc());
  return dtype;
}

// x as numbers of a dtype.
Tensor in_dtype(const char* op, const Arg& x, DType dtype) {
  if (x.is_scalar()) return full({}, x.scalar(), dtype);
  require_tensor(x, op);
  return x.tensor().to(dtype, x.loc());
}

Tensor is_infinity(const char* op, const Arg& x, double which) {
  OpScope scope(x.loc(), op);
  const DType dtype = require_tensor(x, op).meta.dtype;
  return in_dtype(op, x, is_floating(dtype) ? dtype : f32) == which;
}

} // namespace

Tensor isposinf(const Arg& x) { return is_infinity("isposinf", x, kInfinity); }

Tensor isneginf(const Arg& x) { return is_infinity("isneginf", x, -kInfinity); }

Tensor isclose(const Arg& x, const Arg& other, double rtol, double atol, bool equal_nan) {
  OpScope scope(x.loc());
  const Meta &a = require_tensor(x, "isclose").meta, &b = require_tensor(other, "isclose").meta;
  if (a.dtype != b.dtype)
    refuse("isclose", ErrorKind::dtype,
           "operands must have one dtype, got " + describe(a) + " and " + describe(b), x.loc());
  if (!(rtol >= 0 && atol >= 0))
    refuse("isclose", ErrorKind::value,
           "rtol and atol must not be negative, got " + std::to_string(rtol) + " and " +
               std::to_string(atol),
           x.loc());
  const DType computed = a.dtype == f32 || is_half(a.dtype) ? f32 : f64;
  Tensor p = x.tensor().to(computed), q = other.tensor().to(computed);
  Tensor close = p == q;
  if (equal_nan) close = logical_or(close, logical_and(p != p, q != q));
  Tensor error = abs(p - q), allowed = atol + abs(rtol * q);
  return logical_or(close, logical_and(error < kInfinity, error <= allowed));
}

bool allclose(const Arg& x, const Arg& other, double rtol, double atol, bool equal_nan) {
  OpScope scope(x.loc());
  return all(isclose(x, other, rtol, atol, equal_nan)).item<bool>(x.loc());
}

bool equal(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  if (require_tensor(x, "equal").meta.shape() != require_tensor(other, "equal").meta.shape())
    return false;
  return all(eq(x, other)).item<bool>(x.loc());
}

// Among the sorted elements.
Tensor isin(const Arg& elements, const Arg& test_elements, bool, bool invert) {
  OpScope scope(elements.loc());
  if (elements.is_scalar() && test_elements.is_scalar())
    refuse("isin", ErrorKind::value, "one operand must be a tensor, got two numbers",
           elements.loc());
  const DType dtype = promoted_dtype(info(Op::eq), {&elements, &test_elements});
  const DeviceScope place = composite::beside(elements.is_scalar() ? test_elements : elements);
  Tensor among = reshape(in_dtype("isin", test_elements, dtype), {-1});
  Tensor x = in_dtype("isin", elements, dtype);
  const int64_t n = among.numel();
  if (n == 0) return full(x.shape(), invert);
  Tensor in_order = sort(among, 0).values, list = reshape(x, {-1});
  Tensor at = clamp_max(searchsorted(in_order, list), n - 1);
  Tensor found = composite::gather_along(in_order, 0, at, elements.loc());
  return reshape(invert ? found != list : found == list, x.shape());
}

Tensor float_power(const Arg& x, const Arg& exponent) {
  OpScope scope(x.loc());
  if (x.is_scalar() && exponent.is_scalar())
    refuse("float_power", ErrorKind::value, "one operand must be a tensor, got two numbers",
           x.loc());
  const DeviceScope place = composite::beside(x.is_scalar() ? exponent : x);
  return pow(in_dtype("float_power", x, f64), in_dtype("float_power", exponent, f64));
}

// An exponent of integers leaves x its dtype.
Tensor ldexp(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  const bool takes_own = x.impl() && is_floating(x.impl()->meta.dtype) && other.impl() &&
                         !is_floating(other.impl()->meta.dtype);
  if (!takes_own) return mul(x, pow(2.0, other));
  const DType dtype = x.impl()->meta.dtype;
  Tensor wide = composite::widened(x), power = pow(2.0, other.tensor().to(wide.dtype()));
  return (std::move(wide) * std::move(power)).to(dtype);
}

std::pair<Tensor, Tensor> frexp(const Arg& x) {
  OpScope scope(x.loc());
  composite::require_floating("frexp", x);
  return {frexp_mantissa(x.tensor()), frexp_exponent(x.tensor()).to(i32, x.loc())};
}

Tensor gcd(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  const DType dtype = integer_dtype("gcd", x, other);
  const DeviceScope place = composite::beside(x.is_scalar() ? other : x);
  auto both = broadcast_tensors({magnitude(x), magnitude(other)}, x.loc());
  return divisor(both[0], both[1], x.loc()).to(dtype);
}

Tensor lcm(const Arg& x, const Arg& other) {
  OpScope scope(x.loc());
  const DType dtype = integer_dtype("lcm", x, other);
  const DeviceScope place = composite::beside(x.is_scalar() ? other : x);
  auto both = broadcast_tensors({magnitude(x), magnitude(other)}, x.loc());
  Tensor by = divisor(both[0], both[1], x.loc());
  // The product may overflow: what is left of it counts by its magnitude.
  return abs((floor_divide(both[0], where(by == 0, 1, by)) * both[1]).to(dtype));
}

Tensor mvlgamma(const Arg& x, int64_t p) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "mvlgamma").meta;
  constexpr int64_t kMost = 1 << 16;
  if (p < 1 || p > kMost)
    refuse("mvlgamma", ErrorKind::value, "p must be in 1 .. 65536, got " + std::to_string(p),
           x.loc());
  const DType dtype = is_floating(m.dtype) ? m.dtype : f32;
  Tensor wide = x.tensor().to(is_half(dtype) ? f32 : dtype), total = lgamma(wide);
  for (int64_t j = 1; j < p; j++)
    total = std::move(total) + lgamma(wide - 0.5 * static_cast<double>(j));
  const double own = static_cast<double>(p) * static_cast<double>(p - 1) / 4;
  return (std::move(total) + own * std::log(std::numbers::pi)).to(dtype);
}

} // namespace weft
