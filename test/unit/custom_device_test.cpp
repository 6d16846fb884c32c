// Custom ops on a device: the same text, eagerly and fused.
#include "region_util.h"

#include "test/unit/device_util.h"

using namespace region_test;

TEST_CASE("custom ops run on a device, eagerly and in regions", "[device]") {
  Device device = weft::test::test_device();
  auto swish =
      custom::pointwise("swish", "x * sigmoid(beta * x)", {.operands = {"x"}, .numbers = {"beta"}});
  auto lse = custom::reduction("lse", {.combine = "logaddexp(a, b)"});
  auto body = [&](const Tensor& x) { return lse(swish(x, 1.5), 1); };
  auto compiled = compile(body);
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({5, 7}, k), want = body(x);
    Tensor eager = body(x.to(device)), got = compiled(x.to(device));
    CHECK(got.device() == device);
    require_equal(eager, want, 1e-6);
    require_equal(got, want, 1e-6);
  }
  Tensor x = ramp({9}), y = x.to(device).requires_grad_(), z = ramp({9}).requires_grad_();
  swish(y, 0.5).sum().backward();
  swish(z, 0.5).sum().backward();
  require_equal(y.grad(), z.grad(), 1e-6);
}
