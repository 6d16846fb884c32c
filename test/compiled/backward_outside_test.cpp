// What a compiled forward keeps for a backward pass outside of it: memory, what explain() says, the
// same results.
#include "compiled_util.h"
#include "weft/memory.h"

#include <nlohmann/json.hpp>

using namespace weft;
using Json = nlohmann::json;
using Catch::Matchers::Contains;

namespace {

constexpr double kMiB = 1 << 20;

Tensor parameter(const Shape& shape, double scale) {
  return test::ramp(shape, scale).requires_grad_();
}

struct Mlp : nn::Module {
  nn::LayerNorm norm = child("norm", nn::LayerNorm({512}));
  nn::Linear up = child("up", nn::Linear(512, 1024));
  nn::Linear down = child("down", nn::Linear(1024, 512));
  Tensor forward(const Tensor& x) override {
    return x + dropout(down(gelu(up(norm(x)), "tanh")), 0.1, true);
  }
};

struct Held {
  double forward = 0; // MiB that a call leaves for its backward pass, its result included
  std::vector<Tensor> gradients;
};

// What tensors take, without the weights that programs keep packed.
size_t taken() {
  const memory::Stats s = memory::stats();
  return s.live - s.packed;
}

template <class F> Held run(F& f, const Tensor& x, const std::vector<Tensor>& parameters) {
  Held held;
  for (int k = 0; k < 5; k++) {
    for (Tensor p : parameters)
      p.set_grad({});
    manual_seed(3);
    const size_t before = taken();
    Tensor y = f(x);
    held.forward = static_cast<double>(taken() - before) / kMiB;
    y.backward(test::ramp(y.shape()));
  }
  for (const Tensor& p : parameters)
    held.gradients.push_back(p.grad().clone());
  return held;
}

Json workspace_of(const std::string& explained) {
  return Json::parse(explained)["segments"][0]["programs"][0]["workspace"];
}

} // namespace

TEST_CASE("a compiled forward keeps less for a backward pass outside", "[memory]") {
  Mlp net;
  Tensor x = parameter({512, 512}, 1.0); // 1 MiB
  auto eager = [&](const Tensor& v) { return net(v); };
  auto compiled = compile(eager);
  const Held want = run(eager, x, net.parameters()), have = run(compiled, x, net.parameters());
  INFO(compiled.explain());
  // The result, what comes in to gelu, and rows' numbers; eager also what gelu makes, the norm's
  // parts, dropout's mask.
  CHECK(want.forward >= 7);
  CHECK(have.forward <= 4);
  for (size_t k = 0; k < want.gradients.size(); k++)
    CHECK(test::difference(want.gradients[k], have.gradients[k]) <= 2e-3);
  const Json workspace = workspace_of(compiled.explain_json());
  CHECK(workspace["left_out"] > 0);
  CHECK(workspace["left_out_bytes"].get<double>() >= 3 * kMiB);
  CHECK_THAT(compiled.explain(), Contains("left to the backward pass"));
}

TEST_CASE("what a backward pass makes again has the same bits", "[memory]") {
  Tensor x = parameter({600, 512}, 1.0), y = parameter({600, 512}, 0.7);
  auto eager = [](const Tensor& a, const Tensor& b) {
    Tensor h = sigmoid(a * b);
    return exp(tanh(h * a)) * h;
  };
  auto compiled = compile(eager);
  for (int k = 0; k < 5; k++) {
    Tensor want[2];
    for (int way = 0; way < 2; way++) {
      const Tensor r = way ? compiled(x, y) : eager(x, y);
      want[way] = grad({r}, {x, y}, {test::ramp({600, 512}, 0.5)})[1];
    }
    CHECK(test::difference(want[0], want[1]) == 0);
  }
  CHECK(workspace_of(compiled.explain_json())["left_out"] > 0);
  CHECK(compiled.stats().divergences == 0);
}

TEST_CASE("saved values are all kept where that is less than a MiB, and no budget asks",
          "[memory]") {
  Tensor x = parameter({32, 32}, 1.0);
  auto f = [](const Tensor& v) { return tanh(exp(v) + 1.0) * 2.0; };
  for (int64_t budget : {0, 1}) {
    auto compiled = compile(f, {.memory_budget = budget});
    for (int k = 0; k < 3; k++)
      compiled(x).backward(test::ramp({32, 32}));
    CHECK((workspace_of(compiled.explain_json())["left_out"] > 0) == (budget == 1));
  }
}

TEST_CASE("a graph lets go of what its recipe holds, node by node", "[memory]") {
  Tensor x = parameter({512, 512}, 1.0);
  auto f = compile([](const Tensor& v) { return tanh(exp(v) * 0.1) * v; });
  const size_t before = memory::stats().live;
  for (int k = 0; k < 4; k++) {
    f(x);                                  // dropped
    f(x).backward(test::ramp({512, 512})); // walked
    grad({f(x)}, {x}, {test::ramp({512, 512})},
         {.retain_graph = true}); // kept to the end of the line
  }
  x.set_grad({});
  CHECK(memory::stats().live - before < (1 << 20)); // what the sessions keep
}

TEST_CASE("an input that is written by its address has its values kept", "[memory]") {
  Tensor x = parameter({512, 512}, 1.0), b = test::ramp({512, 512}, 0.5);
  auto f = [](const Tensor& v, const Tensor& u) { return tanh(exp(u) * v); };
  auto compiled = compile(f);
  float* p = b.mutable_data<float>();
  for (int k = 0; k < 5; k++) {
    Tensor want = f(x, b), have = compiled(x, b);
    p[7] += 0.5F; // no op, no version
    const Tensor a = grad({want}, {x}, {test::ramp({512, 512})})[0];
    CHECK(test::difference(a, grad({have}, {x}, {test::ramp({512, 512})})[0]) == 0);
  }
}
