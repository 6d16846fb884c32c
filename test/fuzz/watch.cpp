#include "test/fuzz/watch.h"

#include "runtime/core/execute.h"
#include "test/fuzz/repro_support.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fuzz {

namespace {

constexpr double kAnything = std::numeric_limits<double>::infinity();

// Of a sum that has one value but for the sign of zero. What is computed from it may use its
// reciprocal (passes/hoist_reciprocals.cpp).
constexpr double kOneValue = 1e-300;

Tensor handle(TensorImpl* t) {
  t->retain();
  return Tensor::adopt(t);
}

std::vector<double> elements(const TensorImpl* t) {
  Meta wide = make_meta(t->meta.shape(), DType::f64);
  std::vector<double> v(static_cast<size_t>(t->meta.numel()));
  if (!v.empty()) copy_elements(t->view(), {v.data(), &wide});
  return v;
}

double epsilon(DType t) { return t == DType::f64 ? 0x1p-52 : t == DType::f32 ? 0x1p-23 : 0x1p-7; }

struct Range {
  double largest = 0; // of the finite elements' sizes
  bool integers = true;
};

Range range_of(const TensorImpl* t) {
  Range r;
  for (double x : elements(t)) {
    if (std::isfinite(x)) r.largest = std::max(r.largest, std::abs(x));
    r.integers &= x == std::floor(x); // NaN and infinities are none
    r.integers &= std::isfinite(x);
  }
  return r;
}

// A copy whose elements lie up to `error` away.
Tensor moved(const Tensor& t, double error, uint32_t seed) {
  std::vector<double> v = elements(t.impl());
  for (size_t k = 0; k < v.size(); k++)
    v[k] += mix(seed + static_cast<uint32_t>(k)) & 1 ? error : -error;
  Meta wide = make_meta(t.impl()->meta.shape(), DType::f64);
  Tensor r = Tensor::adopt(
      make_tensor(make_meta(t.impl()->meta.shape(), t.impl()->meta.dtype), Loc::current()));
  if (!v.empty()) copy_elements({v.data(), &wide}, r.impl()->view());
  return r;
}

Tensor copy_of(const Tensor& t) { return moved(t, 0, 0); }

double largest_difference(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = elements(a.impl()), y = elements(b.impl());
  double worst = 0;
  for (size_t k = 0; k < x.size(); k++) {
    if (x[k] == y[k] || (std::isnan(x[k]) && std::isnan(y[k]))) continue;
    const double d = std::abs(x[k] - y[k]);
    worst = std::max(worst, std::isnan(d) ? kAnything : d);
  }
  return worst;
}

// What the op does in an order that a compiled kernel may choose otherwise. Products of matrices
// and convolutions add up; structured ops of any dtype move elements, or add them up one after the
// other.
enum class Order { none, sum, product, extreme };
Order order_of(const OpCall& call) {
  const OpInfo& op = info(call.op);
  if (op.kind == OpKind::structured)
    return op.domain == OpDomain::number ? Order::sum : Order::none;
  if (op.kind != OpKind::reduction) return Order::none;
  return op.needs_elements ? Order::extreme : call.op == Op::prod ? Order::product : Order::sum;
}

// A product is off by one rounding an element, unless some order leaves the dtype's range halfway.
double spread_of_product(const OpCall& call, const TensorImpl* result) {
  double up = 0, down = 0, terms = 0;
  for (double x : elements(call.operands[0])) {
    const double size = x == 0 ? 0 : std::log2(std::abs(x)); // NaN and infinities are for good
    if (std::isfinite(size)) (size > 0 ? up : down) += size;
    terms++;
  }
  const double limit = result->meta.dtype == DType::f64 ? 1000 : 120;
  if (up > limit || down < -limit) return kAnything;
  return terms * epsilon(result->meta.dtype) * range_of(result).largest;
}

} // namespace

Watch::Watch() : outer_(std::exchange(current_session, this)) {}
Watch::~Watch() { current_session = outer_; }

double Watch::error_of(const Tensor& t) const { return t.defined() ? error_of(t.impl()) : 0; }

double Watch::error_of(const TensorImpl* t) const {
  auto known = errors_.find(t->storage);
  return known == errors_.end() ? 0 : known->second;
}

TensorImpl* Watch::op(const OpCall& call) {
  bool is_loose = false, is_wild = false;
  for (const TensorImpl* t : call.operands) {
    is_loose |= t && error_of(t) > 0;
    is_wild |= t && error_of(t) == kAnything;
  }
  const bool is_view = info(call.op).kind == OpKind::view;
  only_pointwise &= info(call.op).kind == OpKind::pointwise;
  std::vector<Tensor> operands;
  if (is_loose && !is_wild && !is_view)
    for (TensorImpl* t : call.operands)
      operands.push_back(t ? copy_of(handle(t)) : Tensor());
  const bool may_refuse = info(call.op).may_refuse;
  is_uncertain |= is_wild && may_refuse && refuses_something(call);
  TensorImpl* result = nullptr;
  try {
    result = execute(call);
  } catch (const Error&) {
    is_uncertain |= is_loose && may_refuse;
    throw;
  }
  held_.push_back(handle(result));
  if (is_view) return result;
  double error = 0;
  if (is_wild)
    error = kAnything;
  else if (is_loose)
    error = spread(call, operands);
  if (error > 0 && !is_floating(result->meta.dtype)) error = kAnything;
  if (is_floating(result->meta.dtype) && error < kAnything) {
    error += spread_of_order(call, result);
    const bool rounds = is_loose && info(call.op).kind == OpKind::pointwise;
    if (rounds || error > kOneValue)
      error += epsilon(result->meta.dtype) * range_of(result).largest;
  }
  double& now = errors_[result->storage];
  now = call.in_place ? std::max(now, error) : error;
  if (now > 1e30) now = kAnything;
  return result;
}

// Whether the op refuses some elements of the dtypes at hand: integers are divided by 0, floats
// not.
bool Watch::refuses_something(const OpCall& call) const {
  OpCall apart = call;
  apart.in_place = false;
  for (double value : {0.0, -1e30, std::nan("")}) {
    std::vector<Tensor> at;
    std::vector<TensorImpl*> pointers;
    for (TensorImpl* t : call.operands) {
      const bool is_wild = t && error_of(t) == kAnything;
      at.push_back(!t        ? Tensor()
                   : is_wild ? full(t->meta.shape(), value, f64).to(t->meta.dtype)
                             : handle(t));
      pointers.push_back(at.back().impl());
    }
    apart.operands = pointers;
    try {
      Tensor::adopt(execute(apart));
    } catch (const Error&) {
      return true;
    }
  }
  return false;
}

// How far results move when loose operands do.
double Watch::spread(const OpCall& call, const std::vector<Tensor>& operands) {
  OpCall apart = call;
  apart.in_place = false;
  auto run = [&](uint32_t seed) {
    std::vector<Tensor> at;
    std::vector<TensorImpl*> pointers;
    for (size_t k = 0; k < operands.size(); k++) {
      const double error = operands[k].defined() ? error_of(call.operands[k]) : 0;
      at.push_back(seed && error > 0
                       ? moved(operands[k], 4 * error, seed * 977 + static_cast<uint32_t>(k))
                       : operands[k]);
      pointers.push_back(at.back().impl());
    }
    apart.operands = pointers;
    return Tensor::adopt(execute(apart));
  };
  double worst = 0;
  Tensor base;
  try {
    base = run(0);
    for (uint32_t seed = 1; seed <= 3; seed++)
      worst = std::max(worst, largest_difference(base, run(seed)));
  } catch (const Error&) { // it refuses what lies close by
    is_uncertain = true;
    return kAnything;
  }
  double most = 0;
  for (size_t k = 0; k < operands.size(); k++)
    if (operands[k].defined()) most = std::max(most, error_of(call.operands[k]));
  if (most == kOneValue && worst == 0) return is_floating(base.dtype()) ? kOneValue : 0;
  return worst > 1e4 * most ? kAnything : std::max(worst, most * 1e-3);
}

// Sums of small integers have one value. For others docs/design.md promises 4 sqrt(K) eps. The
// greatest of 0 and -0 is either.
double Watch::spread_of_order(const OpCall& call, const TensorImpl* result) const {
  const Order order = order_of(call);
  if (order == Order::none) return 0;
  if (order == Order::product) return spread_of_product(call, result);
  if (order == Order::extreme) {
    const std::vector<double> all = elements(result);
    return std::count(all.begin(), all.end(), 0.0) ? kOneValue : 0;
  }
  double size = 1, terms = 1;
  bool integers = true;
  for (size_t k = 0; k < call.operands.size(); k++) {
    const TensorImpl* t = call.operands[k];
    if (!t || !is_floating(t->meta.dtype)) continue;
    const Range r = range_of(t);
    size *= r.largest;
    integers &= r.integers;
    if (k == 0) {
      const auto all = static_cast<double>(t->meta.numel());
      terms = info(call.op).kind == OpKind::reduction
                  ? all / std::max<double>(1, static_cast<double>(result->meta.numel()))
                  : all;
    }
  }
  const double limit = result->meta.dtype == DType::f64 ? 0x1p52 : 0x1p23;
  if (integers && terms * size < limit) return kOneValue;
  const double eps = result->meta.dtype == DType::f64 ? 0x1p-52 : 0x1p-23;
  return eps * std::sqrt(terms) * terms * size;
}

} // namespace fuzz
