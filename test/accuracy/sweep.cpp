#include "test/accuracy/sweep.h"
#include "ir/ops/op_graphs.h"
#include "runtime/core/op_info.h"
#include "weft/autograd.h"
#include "weft/ops.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>

namespace weft::test {

namespace {

constexpr int64_t kChunk = int64_t{1} << 16;

// A binary format: digits of the significand, exponents of the least and the greatest binade.
struct Format {
  int digits, least, greatest;

  // The distance between neighbours at |x|, which is finite.
  double ulp(double x) const {
    const int field = static_cast<int>(std::bit_cast<uint64_t>(x) >> 52 & 0x7ff) - 1023;
    return std::ldexp(1.0, std::clamp(field, least, greatest) - digits + 1);
  }
  double beyond() const {
    return std::ldexp(1.0, greatest + 1);
  } // the first power that is not there
  double rounded(double x) const {
    if (!std::isfinite(x)) return x;
    if (std::abs(x) >= beyond()) return std::copysign(INFINITY, x);
    const double step = ulp(x), y = std::rint(x / step) * step;
    return std::abs(y) >= beyond() ? std::copysign(INFINITY, x) : std::copysign(y, x);
  }
};

Format format_of(DType dtype) {
  return dtype == f16    ? Format{11, -14, 15}
         : dtype == bf16 ? Format{8, -126, 127}
                         : Format{24, -126, 127};
}

bool is_same(double a, double b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

void compare(Tally& tally, const Format& format, const Reference& reference, float at, float got,
             double want) {
  tally.inputs++;
  const double rounded =
      format.digits == 24 ? static_cast<double>(static_cast<float>(want)) : format.rounded(want);
  if (got == 0 && rounded == 0 && want != 0) return; // what vanishes may have either sign
  if (is_same(got, rounded)) {
    // As far off as rounding once brings it, half a unit at most.
    if (std::isinf(got) || std::isnan(got) || tally.ulps >= 0.5) return;
  } else {
    tally.misrounded++;
    if (std::isnan(want) || std::isnan(got) || (std::isinf(want) && !std::isinf(got)) ||
        (got == 0 && rounded == 0)) {
      if (tally.wrong++ == 0) tally.first_wrong = {at, got, want};
      return;
    }
  }
  // An infinity that came of rounding lies where the next number would.
  const double limit = format.beyond(), have = std::clamp<double>(got, -limit, limit);
  const double size = reference.terms ? std::max(std::abs(want), reference.terms(at)) : want;
  const double ulps = std::abs(have - std::clamp(want, -limit, limit)) / format.ulp(size);
  if (ulps <= tally.ulps) return;
  tally.ulps = ulps;
  tally.worst = {at, got, want};
}

Tensor from_patterns(DType dtype, const std::vector<uint32_t>& patterns) {
  const Shape shape{static_cast<int64_t>(patterns.size())};
  if (dtype == f32) return from_data(patterns.data(), shape, f32);
  std::vector<uint16_t> halves(patterns.begin(), patterns.end());
  return from_data(halves.data(), shape, dtype);
}

Tally compare_all(const UnaryOp& op, DType dtype, const std::vector<uint32_t>& patterns) {
  NoGrad off;
  const Tensor x = from_patterns(dtype, patterns);
  const std::vector<float> at = x.to(f32).to_vector<float>(),
                           got = op(x).to(f32).to_vector<float>();
  std::vector<double> want;
  const auto value = op.reference->value;
  if (!value) want = op(x.to(f64)).to(f64).to_vector<double>();
  const Format format = format_of(dtype);
  Tally tally;
  for (size_t k = 0; k < at.size(); k++)
    compare(tally, format, *op.reference, at[k], got[k],
            value ? value(static_cast<double>(at[k])) : want[k]);
  return tally;
}

std::vector<uint32_t> edges_of_f32() {
  using L = std::numeric_limits<float>;
  std::vector<uint32_t> patterns;
  for (float x : {0.0f, 0.5f, 1.0f, 2.0f, 3.0f, 2.5f, L::infinity(), L::max(), L::min(),
                  L::denorm_min(), 16777217.0f, L::quiet_NaN()})
    for (uint32_t sign : {0u, 1u << 31})
      for (uint32_t step : {0u, 1u, ~0u})
        patterns.push_back((std::bit_cast<uint32_t>(x) ^ sign) + step);
  return patterns;
}

} // namespace

Tensor UnaryOp::operator()(const Tensor& x) const {
  TensorImpl* operand = x.impl();
  Scalar scalars[std::size(kAttributes)];
  std::copy(std::begin(kAttributes), std::end(kAttributes), scalars);
  const Loc loc = Loc::current();
  OpCall call;
  call.op = op;
  call.operands = {&operand, 1};
  call.scalars = {scalars, static_cast<size_t>(attributes)};
  call.loc = &loc;
  return Tensor::adopt(dispatch(call));
}

std::vector<UnaryOp> unary_ops() {
  std::vector<UnaryOp> list;
  for (int k = 0; k < kOpCount; k++) {
    const expr::OpGraphs& graphs = expr::kOpGraphs[k];
    const OpInfo& i = info(static_cast<Op>(k));
    const bool takes_floats = i.domain != OpDomain::integral && i.domain != OpDomain::integer &&
                              i.domain != OpDomain::boolean;
    if (i.kind == OpKind::pointwise && std::string_view(graphs.signature) == "N" && takes_floats &&
        !i.may_refuse && !i.structure_names[0])
      list.push_back(
          {static_cast<Op>(k), i.name, graphs.is_mask, graphs.scalar_count, &reference_of(i.name)});
  }
  return list;
}

void Tally::add(const Tally& other) {
  inputs += other.inputs;
  misrounded += other.misrounded;
  if (wrong == 0) first_wrong = other.first_wrong;
  wrong += other.wrong;
  if (other.ulps > ulps) ulps = other.ulps, worst = other.worst;
}

Tally sweep(const UnaryOp& op, DType dtype, int64_t stride, int threads) {
  const int64_t patterns = dtype == f32 ? int64_t{1} << 32 : int64_t{1} << 16;
  const int64_t step = dtype == f32 ? stride : 1, count = (patterns + step - 1) / step;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  Tally total;
  if (dtype == f32) total = compare_all(op, f32, edges_of_f32());
  auto work = [&] {
    Tally mine;
    std::vector<uint32_t> chunk;
    for (int64_t first; (first = next.fetch_add(kChunk)) < count;) {
      chunk.clear();
      for (int64_t k = first; k < std::min(first + kChunk, count); k++)
        chunk.push_back(static_cast<uint32_t>(k * step));
      mine.add(compare_all(op, dtype, chunk));
    }
    std::lock_guard lock(mutex);
    total.add(mine);
  };
  std::vector<std::jthread> others;
  for (int k = 1; k < threads; k++)
    others.emplace_back(work);
  work();
  others.clear();
  return total;
}

Tensor spread(DType dtype) {
  std::vector<uint32_t> patterns;
  for (uint32_t k = 0; k < 65536; k++)
    patterns.push_back(dtype == f32 ? k * 65537 : k);
  return from_patterns(dtype, patterns);
}

bool has_same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const std::vector<float> x = a.to(f32).to_vector<float>(), y = b.to(f32).to_vector<float>();
  return std::equal(x.begin(), x.end(), y.begin(), [](float p, float q) { return is_same(p, q); });
}

} // namespace weft::test
