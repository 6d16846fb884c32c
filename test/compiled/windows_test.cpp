// Convolution, pooling and normalisation in compiled regions: the routines between fused kernels,
// of sizes that change, with gradients and buffers that are written.

#include "compiled_util.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("maxima over windows whose positions nobody reads have the bits of those at positions") {
  auto check = [](auto body, const Tensor& x) {
    auto compiled = compile(body);
    for (int k = 0; k < 3; k++) {
      Tensor want = body(x), have = compiled(x);
      CHECK(difference(want, have) == 0);
      CHECK(difference(signbit(want).to(f32), signbit(have).to(f32)) == 0);
    }
    CHECK(compiled.explain().find("_max_pool_positions") == std::string::npos);
  };
  const float inf = INFINITY;
  manual_seed(3);
  Tensor x = randn({2, 3, 11, 9});
  x[0][1] = -inf;
  x[1][0][4][4] = NAN;
  x[1][1] = maximum(x[1][1], 0.0f);          // equal elements
  x[1][2] = where(x[1][2] > 0, 0.0f, -0.0f); // and zeros of both signs
  check([](const Tensor& t) { return max_pool2d(t, 3, 2, 1) + 1; }, x);
  check(
      [](const Tensor& t) {
        return exp(max_pool2d(t * 2 + 1, {3, 2}, {1, 2}, {1, 0}, {2, 3}));
      },
      x);
  check([](const Tensor& t) { return -max_pool2d(t, 4, 3, 2, 1, true); }, x);
  check([](const Tensor& t) { return max_pool1d(t, 3) * 2; }, x[0]);
  check([](const Tensor& t) { return max_pool3d(t, {2, 3, 2}, {1, 2, 2}, {1, 1, 0}); }, x);
  check([](const Tensor& t) { return max_pool2d(t.to(f16), 2) + 1; }, x);
  check([](const Tensor& t) { return max_pool2d(t, 3, 1, 1) + 0; },
        randint(-128, 128, {2, 8, 8}).to(i8));
  check([](const Tensor& t) { return max_pool2d(t, 2, 2, 1) + 0; },
        randint(0, 256, {2, 8, 8}).to(u8));
}

TEST_CASE("a convolution with its norm, activation and pool", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor y = conv2d(x[0], x[1], {}, {2, 1}, 1);
        Tensor z = relu(batch_norm(y, x[2], abs(x[3]) + 0.5, x[2], x[3]));
        return std::vector<Tensor>{z, max_pool2d(z, 2), avg_pool2d(z, 3, 2, 1),
                                   adaptive_avg_pool2d(z, 1), conv_transpose2d(z, x[1], {}, 2)};
      },
      [] {
        return Inputs{ramp({2, 3, 9, 8}), ramp({4, 3, 3, 3}), ramp({4}), ramp({4}, 0.7)};
      },
      kSum);
}

TEST_CASE("a training step of a convolutional network", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor image = x[0].clone(), w = x[1].clone().requires_grad_();
        Tensor depthwise = x[2].clone().requires_grad_(), scale = x[3].clone().requires_grad_();
        Tensor running_mean = zeros({6}), running_var = ones({6});
        Tensor y = conv2d(image, w, {}, 1, "same");
        y = batch_norm(y, running_mean, running_var, scale, {}, true);
        y = conv2d(gelu(y), depthwise, {}, 2, 1, 1, 6);
        Tensor loss = mse_loss(max_pool2d(y, 2, 1), zeros({2, 6, 3, 3}));
        loss.backward();
        return std::vector<Tensor>{loss,         w.grad(),     depthwise.grad(),
                                   scale.grad(), running_mean, running_var};
      },
      [] {
        return Inputs{ramp({2, 3, 8, 7}), ramp({6, 3, 3, 3}), ramp({6, 1, 3, 3}, 2),
                      ramp({6}) + 1.5};
      },
      kSum);
}

TEST_CASE("sizes of images that change run the same program", "[compiled]") {
  Tensor w = ramp({4, 3, 3, 3});
  auto body = [&](const Tensor& x) { return relu(conv2d(x, w, {}, 2, 1)) * 2.0 + 1.0; };
  auto compiled = compile(body);
  for (int64_t size : {8, 8, 11, 11, 14, 17, 6}) {
    Tensor x = ramp({2, 3, size, size + 1});
    CHECK(difference(body(x), compiled(x)) <= kSum);
  }
}

TEST_CASE("attention with a mask, dropout and shared heads", "[compiled]") {
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{scaled_dot_product_attention(x[0], x[1], x[1], x[2]),
                                   scaled_dot_product_attention(x[0], x[1], x[1], x[2] > 0.0),
                                   scaled_dot_product_attention(x[0], slice(x[1], 0, 0, 1),
                                                                slice(x[1], 0, 0, 1), {}, 0.3, true,
                                                                std::nullopt, true)};
      },
      [] {
        return Inputs{ramp({2, 5, 8}), ramp({2, 5, 8}, 0.6), ramp({5, 5}, 2)};
      },
      kSum);
}
