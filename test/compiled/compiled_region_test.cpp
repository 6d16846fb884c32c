// Whole regions compiled: train steps, sizes as arguments, the cache, errors.
#include "runtime/program/compile_service.h"
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

struct Block : nn::Module {
  nn::LayerNorm norm = child("norm", nn::LayerNorm({24}));
  nn::Linear up = child("up", nn::Linear(24, 48)), down = child("down", nn::Linear(48, 24)),
             head = child("head", nn::Linear(24, 5));
  Tensor forward(const Tensor& x) override { return head(x + down(gelu(up(norm(x))))); }
};

} // namespace

TEST_CASE("a train step: forward, backward and update are one program", "[compiled]") {
  auto train = [](bool compiled, std::string* text) {
    manual_seed(5);
    Block net;
    optim::AdamW opt(net.parameters(), {.lr = 1e-2});
    auto step = [&](const Tensor& x, const Tensor& y) {
      opt.zero_grad();
      Tensor loss = cross_entropy(net(x), y);
      loss.backward();
      opt.step();
      return loss;
    };
    auto fast = compile(step);
    std::vector<double> losses;
    for (int k = 0; k < 8; k++) {
      std::vector<int64_t> target;
      for (int64_t i = 0; i < 12; i++)
        target.push_back((i * 3 + k) % 5);
      Tensor x = ramp({12, 24}, 1 + 0.1 * k), y = from_data(target.data(), {12}, i64);
      losses.push_back((compiled ? fast(x, y) : step(x, y)).item<float>());
    }
    for (auto& p : net.parameters())
      losses.push_back(sum(p * p).item<float>());
    if (text) *text = fast.explain();
    return losses;
  };
  std::string text;
  std::vector<double> want = train(false, nullptr), have = train(true, &text);
  INFO(text);
  REQUIRE(want.size() == have.size());
  for (size_t k = 0; k < want.size(); k++) {
    INFO("number " << k);
    CHECK(have[k] == Approx(want[k]).epsilon(2e-4));
  }
}

TEST_CASE("sizes that are arguments: one program for all of them", "[compiled]") {
  const Tensor w = ramp({12, 20}, 0.3), g = ramp({20});
  auto body = [&](const Tensor& x, const Tensor& y) {
    Tensor h = gelu(matmul(x.reshape({-1, 12}), w));
    Tensor n = layer_norm(h, {20}, g);
    Tensor p = softmax(matmul(n, n.transpose(0, 1)) * 0.2, -1);
    Tensor c = concatenate({x, y}, 0);
    slice(c, 0, 1).mul_(2.0);
    return std::vector<Tensor>{matmul(p, h), sum(h, 0), max(n, 1),      c.permute({2, 0, 1}) + 1.0,
                               argmax(h, 0), mean(x),   c.reshape({-1})};
  };
  auto f = compile(body);
  for (int64_t n : {3, 3, 5, 5, 7, 2, 33, 4}) {
    INFO("n = " << n);
    Tensor x = ramp({n, 4, 12}), y = ramp({2 * n, 4, 12}, 2);
    std::vector<Tensor> want = body(x, y), have = f(x, y);
    for (size_t k = 0; k < want.size(); k++) {
      INFO("result " << k);
      CHECK(difference(want[k], have[k]) <= kSum);
    }
  }
  INFO(f.explain());
  CHECK(f.stats().programs == 2);
  CHECK(f.stats().eager_segments == 0);
}

TEST_CASE("a program for all sizes is found in the cache for sizes never seen", "[compiled]") {
  auto body = [](const Tensor& x, const Tensor& w) {
    Tensor y = gelu(matmul(x.reshape({-1, w.size(0)}), w));
    return softmax(concatenate({y, slice(y, 0, 1)}, 0).transpose(0, 1), -1);
  };
  auto run = [&](std::vector<std::pair<int64_t, int64_t>> sizes) {
    forget_programs(); // as a new process
    auto f = compile(body);
    for (auto [n, k] : sizes)
      for (int call = 0; call < 2; call++) {
        Tensor x = ramp({n, 3, k}), w = ramp({k, n + k}, 0.3);
        CHECK(difference(body(x, w), f(x, w)) <= kSum);
      }
    CHECK(f.stats().programs == 2);
    return f.explain();
  };
  run({{4, 5}, {6, 7}});
  std::string text = run({{4, 5}, {11, 2}});
  INFO(text);
  size_t generic = text.find("program (sizes like these)");
  REQUIRE(generic != std::string::npos);
  CHECK_THAT(text.substr(generic, text.find('\n', generic) - generic),
             Catch::EndsWith("from disk"));
}

TEST_CASE("an element out of range is the same error in every gear", "[compiled]") {
  auto losses = [](const Tensor& x, const Tensor& y) { return cross_entropy(x * 2.0, y); };
  auto indices = [](const Tensor& x, const Tensor& y) { return checked_index(y, x.size(1)) * 2; };
  auto said = [](auto&& f, const Tensor& x, const Tensor& y) -> std::string {
    try {
      (void)f(x, y).template to_vector<double>();
    } catch (const Error& e) {
      CHECK(e.kind() == ErrorKind::index);
      return e.what();
    }
    return "no error";
  };
  auto check = [&](auto body) {
    auto f = compile(body);
    for (int64_t n : {4, 4, 4, 7, 7}) { // the last two run the program for all sizes
      Tensor x = ramp({n, 3}), good = zeros({n}, i64), bad = good.clone();
      CHECK(difference(body(x, good), f(x, good)) <= kSum);
      bad[1].fill_(3);
      std::string want = said(body, x, bad);
      CHECK_THAT(want, Catch::Contains("compiled_region_test.cpp:"));
      CHECK(said(f, x, bad) == want);
    }
    INFO(f.explain());
    CHECK(f.stats().programs == 2);
    CHECK(f.stats().eager_segments == 5); // a program that refuses is followed by its ops
  };
  check(losses);
  check(indices);
}
