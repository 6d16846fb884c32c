#include "soundness.h"

#include <cmath>

namespace soundness {

namespace {

// Sums may round in another order; everything else has the same bits.
double tolerance_of(DType dtype) {
  if (dtype == f32) return 1e-5;
  if (dtype == f64) return 1e-12;
  return dtype == bf16 || dtype == f16 ? 1e-2 : 0;
}

} // namespace

void Witness::see(const Tensor& t) {
  if (!t.defined()) return note("undefined");
  NoGrad no_grad;
  std::string text = t.shape().str() + " " + std::string(name_of(t.dtype())) +
                     (t.requires_grad() ? " with a gradient" : "");
  seen_.push_back({text, t.detach().to(f64).to_vector<double>(), tolerance_of(t.dtype())});
}

void Witness::require_same(const Witness& other) const {
  REQUIRE(seen_.size() == other.seen_.size());
  for (size_t k = 0; k < seen_.size(); k++) {
    const Seen &want = seen_[k], &got = other.seen_[k];
    INFO("sight " << k);
    REQUIRE(got.text == want.text);
    REQUIRE(got.values.size() == want.values.size());
    double scale = 0;
    for (double v : want.values)
      if (std::isfinite(v)) scale = std::max(scale, std::abs(v));
    for (size_t e = 0; e < want.values.size(); e++) {
      double a = got.values[e], b = want.values[e];
      INFO("element " << e << ": compiled " << a << ", eager " << b);
      REQUIRE((a == b || (std::isnan(a) && std::isnan(b)) ||
               std::abs(a - b) <= want.tolerance * scale));
    }
  }
}

Tensor ramp(const Shape& shape, double start, DType dtype) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  std::vector<double> v(static_cast<size_t>(n));
  for (size_t k = 0; k < v.size(); k++)
    v[k] = std::fmod(start + 1.0 + 0.37 * static_cast<double>(k), 3.0) - 1.0;
  return tensor(v, shape).to(dtype);
}

void check(void (*program)(Witness&), bool may_stay_eager) {
  using Run = Witness::Run;
  Witness eager(Run::eager), compiled(Run::compiled), verified(Run::verified),
      generic(Run::generic), background(Run::background), deterministic(Run::deterministic),
      sparing(Run::sparing);
  for (Witness* w :
       {&eager, &compiled, &verified, &generic, &background, &deterministic, &sparing}) {
    manual_seed(11);
    program(*w);
    w->see(uniform({2})); // the next numbers
  }
  for (Witness* w : {&compiled, &verified, &generic, &background, &deterministic, &sparing})
    eager.require_same(*w);
  if (!may_stay_eager) REQUIRE(compiled.programs() > 0);
}

} // namespace soundness
