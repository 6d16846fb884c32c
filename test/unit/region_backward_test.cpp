// backward() outside of a region, over ops that ran inside: it is compiled as well.

#include "region_util.h"

#include <thread>

using namespace region_test;
using Catch::Matchers::Contains;

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(6, 16)), down = child("down", nn::Linear(16, 3));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

void forget_gradients(const Net& net) {
  for (Tensor p : net.parameters())
    p.set_grad({});
}

std::vector<Tensor> gradients(const Net& net) {
  std::vector<Tensor> r;
  for (const Tensor& p : net.parameters())
    r.push_back(p.grad().clone());
  return r;
}

void require_gradients(const Net& net, const std::vector<Tensor>& want, double tolerance = 1e-5) {
  for (size_t k = 0; k < want.size(); k++)
    require_equal(net.parameters()[k].grad(), want[k], tolerance);
}

// The gradients of an eager pass over `net`, which has none before and after.
template <class Pass> std::vector<Tensor> eager_gradients(const Net& net, Pass&& pass) {
  forget_gradients(net);
  pass();
  std::vector<Tensor> r = gradients(net);
  forget_gradients(net);
  return r;
}

} // namespace

TEST_CASE("the second backward pass over a compiled forward runs kernels", "[region]") {
  Net net;
  auto fast = compile(net);
  for (int k = 0; k < 6; k++) {
    const Tensor x = ramp({4, 6}, 0.1 * k);
    const auto want = eager_gradients(net, [&] { (net(x) * 2.0).sum().backward(); });
    (fast(x) * 2.0).sum().backward();
    require_gradients(net, want);
  }
  const RegionStats s = fast.stats();
  CHECK(s.backward_calls == 6);
  CHECK(s.backward_kernels >= 5);
  CHECK(s.backward_kernels <= 5 * 6); // of about 20 ops each
  CHECK_THAT(fast.explain(), Contains(", backward\n"));
  CHECK_THAT(fast.explain_json(), Contains("\"backward\":{\"name\":"));
}

TEST_CASE("gradients accumulate over backward passes, with other sizes in between", "[region]") {
  Net net;
  auto fast = compile(net);
  for (int round = 0; round < 3; round++) {
    auto passes = [&](auto&& forward) {
      for (int rows : {4, 7, 4, 1, 9}) {
        const Tensor loss = forward(ramp({rows, 6}, 0.1 * round)).mean();
        loss.backward({}, true);
        loss.backward();
      }
    };
    const auto want = eager_gradients(net, [&] { passes(net); });
    passes(fast);
    require_gradients(net, want);
    forget_gradients(net);
  }
}

TEST_CASE("one backward pass through two compiled modules and eager ops between them", "[region]") {
  Net first;
  nn::Linear last(3, 2);
  auto fast_first = compile(first);
  auto fast_last = compile(last);
  for (int k = 0; k < 5; k++) {
    const Tensor x = ramp({5, 6}, 0.1 * k);
    const auto want = eager_gradients(first, [&] { last(first(x).tanh()).sum().backward(); });
    last.parameters()[0].set_grad({});
    fast_last(fast_first(x).tanh()).sum().backward();
    require_gradients(first, want);
  }
  CHECK(fast_first.stats().backward_calls == 5);
  CHECK(fast_last.stats().backward_calls == 5);
}

TEST_CASE("a tape outlives the compiled function that recorded it", "[region]") {
  Net net;
  const Tensor x = ramp({4, 6});
  const auto want = eager_gradients(net, [&] { net(x).sum().backward(); });
  Tensor loss;
  {
    auto fast = compile(net);
    for (int k = 0; k < 3; k++)
      loss = fast(x).sum();
  }
  loss.backward();
  require_gradients(net, want);
}

TEST_CASE("an error of a backward pass outside is the eager one, and the next pass is right",
          "[region]") {
  Tensor w = ramp({4}).requires_grad_();
  auto f = compile([&](const Tensor& x) { return exp(x * w); });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4}, 0.1 * k);
    const Tensor y = f(x);
    x.add_(1.0);
    CHECK_THROWS_WITH(y.sum().backward(), Contains("must not be changed in place"));
    w.set_grad({});
    exp(x * w).sum().backward();
    const Tensor want = w.grad().clone();
    w.set_grad({});
    f(x).sum().backward();
    require_equal(w.grad(), want);
    w.set_grad({});
  }
}

TEST_CASE("grad of grad through a compiled forward, both passes outside", "[region]") {
  auto cube = compile([](const Tensor& x) { return x * x * x; });
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({5}, 0.1 * k).requires_grad_();
    Tensor g = grad({cube(x).sum()}, {x}, {}, {.create_graph = true})[0];
    require_equal(grad({(g * g).sum()}, {x})[0], 36.0 * x * x * x.detach(), 1e-6);
  }
}

TEST_CASE("backward passes over one compiled forward in several threads", "[region]") {
  Net net;
  auto fast = compile(net);
  const Tensor x = ramp({4, 6});
  const auto want = eager_gradients(net, [&] {
    for (int k = 0; k < 16; k++)
      net(x).sum().backward();
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; t++)
    threads.emplace_back([&] {
      for (int k = 0; k < 8; k++)
        fast(x).sum().backward();
    });
  for (std::thread& t : threads)
    t.join();
  require_gradients(net, want);
}

TEST_CASE("compiled backward passes of several threads add to one gradient", "[region]") {
  // Long enough that additions would overlap; sums of ones are exact.
  const Tensor w = zeros({400000}).requires_grad_(), v = zeros({400000}).requires_grad_();
  const Tensor x = ones({400000});
  auto first = compile([&](const Tensor& t) { return (w * t).sum() + (v * t).sum(); });
  auto second = compile([&](const Tensor& t) { return (v * t).sum() + (w * t).sum(); });
  first(x).backward();
  second(x).backward();
  w.set_grad({});
  v.set_grad({});
  constexpr int kPasses = 30;
  std::thread other([&] {
    for (int k = 0; k < kPasses; k++)
      second(x).backward();
  });
  for (int k = 0; k < kPasses; k++)
    first(x).backward();
  other.join();
  for (const Tensor& t : {w, v}) {
    CHECK(amin(t.grad()).item<double>() == 2 * kPasses);
    CHECK(amax(t.grad()).item<double>() == 2 * kPasses);
  }
}
