// Forms in place whose result has another dtype, another shape or none of their own op.

#include "compiled_util.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("comparisons and logic in place") {
  compare(
      [](const Inputs& x) {
        Tensor a = x[0] + 0.0, b = x[0] * x[1], mask = x[0] > 0;
        a.gt_(x[1]);
        b.logical_not_();
        mask.logical_and_(x[1] > 0).logical_xor_(x[0] > x[1]).eq_(true);
        x[2].le_(x[1]);
        return Inputs{a, b, mask};
      },
      [] {
        return Inputs{ramp({5, 7}), ramp({7}, 0.5), ramp({5, 7}, 2)};
      });
}

TEST_CASE("other forms in place") {
  compare(
      [](const Inputs& x) {
        Tensor a = x[0] * 2, b = x[0] + 1.0, c = exp(x[0]);
        a.hardtanh_(-0.5, 0.25).tril_(-1).subtract_(x[1]);
        b.celu_(1.5).multiply_(x[1]).triu_();
        c.fill_diagonal_(3).put_(tensor({1, -1}), tensor({7.f, 8.f}));
        c.t_();
        x[2].transpose(0, 1).negative_();
        return Inputs{a, b, c};
      },
      [] {
        return Inputs{ramp({6, 6}), ramp({6}), ramp({6, 6}, 3)};
      },
      1e-6);
}

TEST_CASE("gradients pass through views in place") {
  compare(
      [](const Inputs& x) {
        Tensor w = x[0].detach().requires_grad_();
        Tensor y = w * 2.0;
        y.transpose_(0, 1).unsqueeze_(0).mul_(x[1]);
        y.squeeze_();
        return Inputs{y, grad(sum(y * y), {w})[0]};
      },
      [] {
        return Inputs{ramp({3, 4}), ramp({3})};
      },
      1e-6);
}
