// summary(): layers, shapes, parameters, and FLOPs as torch.utils.flop_counter.FlopCounterMode
// counts them.

#include "weft/compile.h"
#include "weft/nn_layers.h"
#include "weft/nn_recurrent.h"
#include "weft/nn_shapes.h"
#include "weft/nn_summary.h"
#include "weft/nn_transformer.h"

#include <catch2/catch.hpp>

using namespace weft;
using Catch::Matchers::Contains;

TEST_CASE("a summary lists layers with shapes, parameters and work", "[nn]") {
  nn::Sequential net(nn::Conv2d(3, 8, 3, {.padding = 1}), nn::BatchNorm2d(8), nn::ReLU(),
                     nn::Sequential(nn::Flatten(), nn::Linear(8 * 4 * 5, 10)));
  nn::Summary s = nn::summary(net, ones({2, 3, 4, 5}));
  REQUIRE(s.layers.size() == 7);
  CHECK(s.layers[0].type == "Sequential");
  CHECK(s.layers[0].name == "");
  CHECK(s.layers[1].type == "Conv2d");
  CHECK(s.layers[1].outputs == std::vector<Shape>{{2, 8, 4, 5}});
  CHECK(s.layers[1].parameters == 8 * 27 + 8);
  CHECK(s.layers[1].flops == 2 * (2 * 8 * 20) * 27);
  CHECK(s.layers[4].name == "3");
  CHECK(s.layers[6].name == "3.1");
  CHECK(s.layers[6].depth == 2);
  CHECK(s.layers[6].flops == 2 * 2 * 160 * 10);
  CHECK(s.layers[6].calls == 1);
  CHECK(s.parameters == 224 + 16 + 1610);
  CHECK(s.flops == 17280 + 6400);
  CHECK(s.str() == R"(layer  type         output        parameters   FLOPs
(all)  Sequential   [2, 10]            1,850  23,680
  0    Conv2d       [2, 8, 4, 5]         224  17,280
  1    BatchNorm2d  [2, 8, 4, 5]          16       0
  2    ReLU         [2, 8, 4, 5]           0       0
  3    Sequential   [2, 10]            1,610   6,400
    0  Flatten      [2, 160]               0       0
    1  Linear       [2, 10]            1,610   6,400
1,850 parameters, 1,850 of them trainable; 23,680 FLOPs
)");
}

TEST_CASE("a summary changes nothing", "[nn]") {
  nn::BatchNorm1d norm(3);
  nn::Sequential net(norm, nn::Dropout());
  norm.eval();
  nn::summary(net, normal({4, 3}));
  CHECK(norm.running_mean.to_vector<float>() == std::vector<float>(3, 0.f));
  CHECK(net.is_training());
  CHECK_FALSE(norm.is_training());
  CHECK_THROWS_WITH(nn::summary(net, ones({4, 2, 3, 4})), Contains("BatchNorm1d: x must have"));
  CHECK(net.is_training());
  CHECK_FALSE(norm.is_training());
}

// What FlopCounterMode of PyTorch 2.15 counts for the same calls.
TEST_CASE("the work of every kind of layer is PyTorch's count", "[nn]") {
  CHECK(nn::summary(nn::Conv1d(4, 6, 3, {.dilation = 2, .groups = 2}), ones({2, 4, 9})).flops ==
        720);
  CHECK(nn::summary(nn::ConvTranspose2d(3, 4, 3, {.stride = 2}), ones({2, 3, 5, 6})).flops ==
        12960);
  nn::TransformerEncoderLayer layer(8, 2, {.dim_feedforward = 12});
  CHECK(nn::summary(layer, ones({5, 2, 8})).flops == 10560);
  CHECK(nn::summary(nn::Bilinear(3, 4, 2), ones({5, 3}), ones({5, 4})).flops > 0);
}

TEST_CASE("modules of any signature, called more than once or not at all", "[nn]") {
  struct Twice : nn::ModuleOf<Twice> {
    nn::Linear a = child("a", nn::Linear(2, 2)), idle = child("idle", nn::Linear(2, 2));
    std::pair<Tensor, Tensor> forward(const Tensor& x, const Tensor& y) { return {a(x), a(y)}; }
  } net;
  nn::Summary s = nn::summary(net, ones({3, 2}), ones({4, 2}));
  CHECK(s.layers[0].type == "Twice");
  CHECK(s.layers[0].outputs == std::vector<Shape>{{3, 2}, {4, 2}});
  CHECK(s.layers[1].calls == 2);
  CHECK(s.layers[1].flops == 2 * 7 * 4);
  CHECK(s.layers[2].outputs.empty());
  CHECK_THAT(s.str(), Contains("  idle  Linear  -"));
  nn::Summary lstm = nn::summary(nn::LSTM(3, 4), ones({5, 2, 3}));
  CHECK(lstm.layers[0].outputs == std::vector<Shape>{{5, 2, 4}, {1, 2, 4}, {1, 2, 4}});
  CHECK(lstm.flops == 2 * 5 * 2 * 16 * (3 + 4));
}

TEST_CASE("a compiled module, and a call from within a region", "[nn]") {
  nn::Linear net(2, 3);
  net.compile();
  Tensor x = ones({4, 2});
  net(x);
  net(x);
  CHECK(nn::summary(net, x).flops == 48);
  int64_t flops = 0;
  auto f = compile([&](const Tensor& t) {
    Tensor y = t * 2;
    flops = nn::summary(net, y).flops;
    return y + 1;
  });
  for (int k = 0; k < 3; k++) {
    CHECK(f(x).to_vector<float>() == std::vector<float>(8, 3.f));
    CHECK(flops == 48);
  }
}
