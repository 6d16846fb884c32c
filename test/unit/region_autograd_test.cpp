// The tape above a region: whole train steps, backward outside, grad of grad, grad mode per call.

#include "region_util.h"

using namespace region_test;

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(6, 16)), down = child("down", nn::Linear(16, 3));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

std::vector<Tensor> copies(const std::vector<Tensor>& parameters) {
  std::vector<Tensor> r;
  for (const Tensor& p : parameters)
    r.push_back(p.detach().clone());
  return r;
}

} // namespace

TEST_CASE("a whole train step: forward, backward and AdamW in one region", "[region]") {
  auto train = [](bool compiled) {
    manual_seed(11);
    Net net;
    optim::AdamW opt(net.parameters(), {.lr = 1e-2});
    auto body = [&](const Tensor& x, const Tensor& y) {
      opt.zero_grad();
      Tensor loss = cross_entropy(net(x), y);
      loss.backward();
      opt.step();
      return loss;
    };
    auto step = compile(body);
    std::vector<float> losses;
    for (int k = 0; k < 12; k++) {
      const Tensor x = ramp({8, 6}, 0.05 * k);
      const Tensor y = tensor(std::vector<int64_t>{0, 1, 2, 0, 1, 2, 0, 1}, {8});
      losses.push_back((compiled ? step(x, y) : body(x, y)).template item<float>());
    }
    return std::pair(losses, copies(net.parameters()));
  };
  auto [eager_loss, eager] = train(false);
  auto [loss, parameters] = train(true);
  CHECK(eager_loss.back() < eager_loss.front());
  for (size_t k = 0; k < loss.size(); k++)
    CHECK(loss[k] == Approx(eager_loss[k]).epsilon(1e-4));
  for (size_t k = 0; k < parameters.size(); k++)
    require_equal(parameters[k], eager[k], 2e-4);
}

TEST_CASE("a compiled forward with backward outside", "[region]") {
  manual_seed(5);
  Net net;
  auto fast = compile(net);
  const Tensor x = ramp({4, 6});
  for (int k = 0; k < 4; k++) {
    for (Tensor p : net.parameters())
      p.set_grad({});
    net(x).sum().backward();
    std::vector<Tensor> want;
    for (const Tensor& p : net.parameters())
      want.push_back(p.grad());
    for (Tensor p : net.parameters())
      p.set_grad({});
    fast(x).sum().backward();
    for (size_t i = 0; i < want.size(); i++)
      require_equal(net.parameters()[i].grad(), want[i], 1e-5);
  }
}

TEST_CASE("reading the loss between forward and backward", "[region]") {
  manual_seed(5);
  Net net;
  auto body = [&](const Tensor& x, bool read) {
    for (Tensor p : net.parameters())
      p.set_grad({});
    Tensor loss = (net(x) * net(x)).mean();
    if (read && loss.item<float>() < -1) throw std::logic_error("unreachable");
    loss.backward();
    return net.parameters()[0].grad() * 1.0;
  };
  auto f = compile(body);
  for (int k = 0; k < 6; k++)
    require_equal(f(ramp({4, 6}, 0.1 * k), k % 2 == 1), body(ramp({4, 6}, 0.1 * k), false), 1e-5);
}

TEST_CASE("grad of grad inside a region", "[region]") {
  compare(
      [](int k) {
        Tensor x = ramp({5}, 0.1 * k);
        x.requires_grad_();
        Tensor g = grad({(x * x * x).sum()}, {x}, {}, {.create_graph = true})[0];
        return grad({(g * g).sum()}, {x})[0];
      },
      5, 1e-6);
}

TEST_CASE("grad mode and requires_grad may differ from call to call", "[region]") {
  Tensor w = ramp({4});
  auto body = [&](const Tensor& x, bool record) {
    if (record) {
      Tensor y = (x * w).sum();
      return y;
    }
    NoGrad off;
    return (x * w).sum();
  };
  auto f = compile(body);
  for (int k = 0; k < 8; k++) {
    w.requires_grad_(k % 4 >= 2);
    const Tensor got = f(ramp({4}), k % 2 == 0), want = body(ramp({4}), k % 2 == 0);
    require_equal(got, want, 1e-6);
    CHECK(got.requires_grad() == want.requires_grad());
  }
}

TEST_CASE("a saved tensor that is modified in place is reported as in eager", "[region]") {
  auto body = [](const Tensor&) {
    Tensor x = ramp({3});
    x.requires_grad_();
    Tensor y = x * 1.0;
    Tensor z = (y * y).sum();
    {
      NoGrad off;
      y.add_(1.0);
    }
    z.backward();
    return z;
  };
  auto f = compile(body);
  CHECK_THROWS_AS(body({}), Error);
  for (int k = 0; k < 3; k++)
    CHECK_THROWS_AS(f(Tensor()), Error);
}

TEST_CASE("ops in place keep the old values that gradients read", "[region]") {
  Tensor w = ramp({4, 6}).requires_grad_(), v = ramp({6}, 0.3).requires_grad_();
  const auto body = [&](const Tensor& x) {
    x.mul_(w); // the argument, which is no leaf
    Tensor y = x * v;
    y.sin_().mul_(y);
    y[1].mul_(y[0]);
    return y;
  };
  const auto gradients = [&](auto& f, int k) {
    const Tensor x = ramp({4, 6}, 0.1 * k).requires_grad_();
    const Tensor y = f(x * 1.0);
    return grad({(y * y).sum()}, {x, w, v});
  };
  auto f = compile(body);
  auto whole = compile([&](int k) { return gradients(body, k); });
  for (int k = 0; k < 5; k++) {
    const std::vector<Tensor> want = gradients(body, k), got = gradients(f, k), inside = whole(k);
    for (size_t i = 0; i < want.size(); i++) {
      require_equal(got[i], want[i], 1e-5);
      require_equal(inside[i], want[i], 1e-5);
    }
  }
}

TEST_CASE("module.compile() swaps kernels in at every existing call site", "[region]") {
  manual_seed(9);
  Net net;
  const Tensor x = ramp({4, 6});
  const Tensor want = net(x);
  net.compile();
  for (int k = 0; k < 4; k++)
    require_equal(net(x), want, 1e-5);
}
