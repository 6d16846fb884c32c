// Derivatives that a compiled function takes itself: many backward passes in one call.

#include "compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

Tensor field(const Tensor& x) { return tanh(matmul(x, x)) * x.sum(); }
Tensor potential(const Tensor& x) { return sum(exp(x) * x * x.sum()); }
std::vector<Tensor> fields(const std::vector<Tensor>& v) { return {field(v[0])}; }

// The third call follows the second: nothing is recorded anew, and one program does it all.
void same(const std::function<Tensor(const Tensor&)>& body) {
  auto f = compile(body);
  for (int call = 0; call < 4; call++) {
    const Tensor x = ramp({3, 3}, 0.3 + 0.05 * call);
    CHECK(difference(body(x), f(x)) <= kSum);
  }
  CHECK(f.stats().divergences == 0);
  CHECK(f.stats().programs == 1);
}

} // namespace

TEST_CASE("jacobian in a compiled function") {
  same([](const Tensor& x) { return jacobian(field, x); });
}

TEST_CASE("hessian in a compiled function") {
  same([](const Tensor& x) { return hessian(potential, x); });
}

TEST_CASE("vjp in a compiled function") {
  same([](const Tensor& x) { return vjp(fields, {x}, {ramp({3, 3}, 2)}).values[0]; });
}

TEST_CASE("jvp in a compiled function") {
  same([](const Tensor& x) { return jvp(fields, {x}, {ramp({3, 3}, 2)}).values[0]; });
}

TEST_CASE("a gradient of a jacobian in a compiled function") {
  same([](const Tensor& x) {
    Tensor at = x.detach().requires_grad_();
    return grad(jacobian(field, at, true).square().sum(), {at})[0];
  });
}
