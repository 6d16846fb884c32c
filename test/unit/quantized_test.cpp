// Quantised matrices: the formats, what is refused, products with them, layers of networks.
#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

// Numbers without a pattern in -1 .. 1.
Tensor draw(const Shape& shape, DType dtype = f32) {
  manual_seed(5);
  return uniform(shape, -1, 1).to(dtype);
}

double largest(const Tensor& t) { return amax(abs(t.to(f64))).item<double>(); }

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(64, 96)), down = child("down", nn::Linear(96, 10));
  Tensor forward(const Tensor& x) override { return down(relu(up(x))); }
};

} // namespace

TEST_CASE("codes of 8 bits are rounded away from zero at halves", "[quantized]") {
  // d = 2, so that elements are halves of codes; the second block is zeros.
  Tensor x = tensor({{254.f, 1.f, -1.f, 3.f, 0.f, -254.f, 2.9f, 0.f}, //
                     {0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f}});
  auto [codes, scales] = quantize(x, 8, 8);
  CHECK(codes.dtype() == i8);
  CHECK(scales.dtype() == f16);
  CHECK(codes.to_vector<int64_t>() ==
        std::vector<int64_t>{127, 1, -1, 2, 0, -127, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(scales.to_vector<double>() == std::vector<double>{2, 0});
}

TEST_CASE("codes of 4 bits have the element of largest magnitude at -8", "[quantized]") {
  Tensor x = tensor({{-8.f, 1.f, 2.49f, 7.9f}, {8.f, 1.f, -7.f, 0.f}});
  auto [codes, scales] = quantize(x, 4, 4);
  CHECK(codes.dtype() == u8);
  CHECK(codes.shape() == Shape{2, 2});
  CHECK(scales.to_vector<double>() == std::vector<double>{1, -1});
  // Low bits are elements 0 and 1, high ones 2 and 3, all 8 higher; 7.9 saturates at 7.
  CHECK(codes.to_vector<int64_t>() ==
        std::vector<int64_t>{0 | 10 << 4, 9 | 15 << 4, 0 | 15 << 4, 7 | 8 << 4});
  CHECK(dequantize(codes, scales).to_vector<double>() ==
        std::vector<double>{-8, 1, 2, 7, 8, 1, -7, 0});
}

TEST_CASE("what is quantised is at most half a step away", "[quantized]") {
  Tensor x = draw({3, 4, 96});
  for (int64_t block : {2, 32, 96}) {
    INFO("block " << block);
    auto [codes, scales] = quantize(x, 8, block);
    CHECK(codes.shape() == Shape{3, 4, 96});
    CHECK(scales.shape() == Shape{3, 4, 96 / block});
    CHECK(largest(dequantize(codes, scales) - x) < 0.5 / 127 * 1.001 + 1e-3 * 1.0);
    auto [nibbles, steps] = quantize(x, 4, block);
    CHECK(nibbles.shape() == Shape{3, 4, 48});
    CHECK(largest(dequantize(nibbles, steps) - x) < 1.0 / 8 * 1.001); // the far end saturates
  }
}

TEST_CASE("what cannot be quantised is refused", "[quantized]") {
  Tensor x = draw({2, 40});
  CHECK_THROWS_WITH(quantize(x),
                    Contains("quantize: the last dim must be a multiple of the block of "
                             "32, got f32[2, 40]"));
  CHECK_THROWS_WITH(quantize(x, 3, 8), Contains("quantize: bits must be 4 or 8, got 3"));
  CHECK_THROWS_WITH(quantize(x, 8, 5),
                    Contains("quantize: the block must be a positive even number, got 5"));
  CHECK_THROWS_WITH(quantize(x.to(i32), 8, 8), Contains("quantize: the operand must be floating"));
  CHECK_THROWS_WITH(quantize(tensor(1.f)), Contains("quantize: the last dim must be a multiple"));
  auto [codes, scales] = quantize(x, 8, 8);
  CHECK_THROWS_WITH(dequantize(codes.to(i32), scales),
                    Contains("dequantize: codes must be i8 or u8"));
  CHECK_THROWS_WITH(dequantize(codes, slice(scales, 0, 0, 1)),
                    Contains("dequantize: codes and scales must agree"));
  CHECK_THROWS_WITH(quantized_matmul(x, codes, slice(scales, 1, 0, 3)),
                    Contains("quantized_matmul: x must be [..., K], codes [N, K] and scales [N, "
                             "blocks], with equal blocks, got f32[2, 40], i8[2, 40]"));
}

TEST_CASE("a product is that with the numbers", "[quantized]") {
  for (int64_t bits : {8, 4})
    for (int64_t rows : {1, 3, 17})
      for (DType dtype : {f32, f64, bf16, f16}) {
        INFO(bits << " bits, " << rows << " rows of " << dtype);
        auto [codes, scales] = quantize(draw({70, 96}), bits, 32);
        Tensor x = draw({rows, 96}, dtype), w = dequantize(codes, scales);
        Tensor want = matmul(x.to(f64), transpose(w.to(f64), 0, 1));
        Tensor have = quantized_matmul(x, codes, scales);
        CHECK(have.dtype() == dtype);
        double rounding = dtype == bf16 ? 0x1p-8 : dtype == f16 ? 0x1p-11 : 1e-6;
        CHECK(largest(have.to(f64) - want) <= rounding * largest(want));
      }
}

TEST_CASE("layers are quantised in every handle", "[quantized]") {
  Net net;
  Tensor x = draw({5, 64}), want = net(x);
  nn::Linear handle = net.up;
  CHECK(nn::quantize(net) == std::vector<std::string>{"up", "down"});
  CHECK(handle.weight.dtype() == i8);
  CHECK(handle.scales().shape() == Shape{96, 2});
  CHECK(largest(net(x) - want) < 0.02 * largest(want));
  CHECK(net.parameters().size() == 2); // the biases
  nn::StateDict state = net.state_dict();
  CHECK(state.count("up.scales") == 1);
  CHECK(state.size() == 6);
  CHECK(nn::quantize(net).empty()); // nothing is left to do
  CHECK_THROWS_WITH(handle.quantize(), Contains("got one that is quantised already"));

  Net other;
  nn::quantize(other);
  other.load_state_dict(state);
  CHECK(largest(other(x) - net(x)) == 0);
  Net floating;
  CHECK_THROWS_WITH(floating.load_state_dict(state), Contains("unexpected"));

  Tensor g = draw({5, 64}).requires_grad_();
  sum(net(g)).backward();
  CHECK(g.grad().defined());
}

TEST_CASE("layers are chosen by name", "[quantized]") {
  Net net;
  auto names = nn::quantize(
      net, {.bits = 4, .block = 16, .filter = [](const std::string& name, const nn::Linear&) {
              return name == "down";
            }});
  CHECK(names == std::vector<std::string>{"down"});
  CHECK(net.up.weight.dtype() == f32);
  CHECK(net.down.weight.shape() == Shape{10, 48});
  nn::Linear narrow(10, 4);
  CHECK_THROWS_WITH(
      nn::quantize(narrow),
      Contains("quantize: the inputs of each layer must be a multiple of the block of "
               "32, got 10"));
  CHECK(narrow.weight.dtype() == f32);
}
