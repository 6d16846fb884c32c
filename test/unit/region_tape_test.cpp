// Histories of followed ops: which of them outlive the call, and that what they keep is right.

#include "region_util.h"

#include <weft/memory.h>

#include <thread>

using namespace region_test;

namespace {

/// A chain that saves operands, results and leaves, with a view, an op in place and numbers.
Tensor chain(const Tensor& x, const Tensor& w, const Tensor& bias) {
  Tensor y = exp(x * w) + bias;
  Tensor z = tanh(y * w) * y;
  z.add_(bias * 0.5);
  Tensor v = z.view({2, 3}) + w;
  return (v.transpose(0, 1) * 2.0).sum();
}

struct Case {
  Tensor w = ramp({2, 3}, 0.1, 0.11).requires_grad_();
  Tensor bias = ramp({3}, 0.3).requires_grad_();
  Tensor x(int k) const { return ramp({2, 3}, 0.1 * k); }
  std::vector<Tensor> gradients(const Tensor& loss, bool retain = false) const {
    return grad({loss}, {w, bias}, {}, {.retain_graph = retain});
  }
};

void require_same(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t k = 0; k < got.size(); k++)
    require_equal(got[k], want[k], 1e-5);
}

} // namespace

TEST_CASE("histories that outlive their call are those of eager", "[region]") {
  Case c;
  auto f = compile([&](const Tensor& x) { return chain(x, c.w, c.bias); });
  std::vector<Tensor> kept, want;
  for (int k = 0; k < 9; k++) {
    kept.push_back(f(c.x(k)));
    want.push_back(chain(c.x(k), c.w, c.bias));
    require_equal(kept.back(), want.back(), 1e-5);
    if (k % 3 == 0) kept.back().backward({}, true); // goes through the graph, which stays
  }
  for (size_t k = kept.size(); k-- > 0;)
    require_same(c.gradients(kept[k], true), c.gradients(want[k], true));
  kept.clear();
  for (int k = 0; k < 3; k++) // all of the region's nodes have come home
    require_same(c.gradients(f(c.x(k))), c.gradients(chain(c.x(k), c.w, c.bias)));
}

TEST_CASE("a history that branches off a followed path is whole", "[region]") {
  Case c;
  auto body = [&](const Tensor& x, int k) {
    Tensor y = exp(x * c.w) * c.w;
    Tensor z = k % 3 == 2 ? sigmoid(y) * y : y + c.bias;
    if (k % 4 == 3) (void)z.sum().item<float>();
    return (z * y).sum();
  };
  auto f = compile(body);
  std::vector<Tensor> kept;
  for (int k = 0; k < 12; k++) {
    kept.push_back(f(c.x(k), k));
    require_same({grad({kept.back()}, {c.w}, {}, {.retain_graph = true})[0]},
                 {grad({body(c.x(k), k)}, {c.w})[0]});
  }
  for (int k = 0; k < 12; k++)
    require_same({grad({kept[static_cast<size_t>(k)]}, {c.w})[0]},
                 {grad({body(c.x(k), k)}, {c.w})[0]});
}

TEST_CASE("a history made before an exception is whole", "[region]") {
  Case c;
  Tensor stash;
  auto f = compile([&](const Tensor& x, bool fail) {
    Tensor y = exp(x * c.w);
    stash = (y * y + c.bias).sum();
    if (fail) throw std::logic_error("on purpose");
    return stash * 2.0;
  });
  for (int k = 0; k < 6; k++) {
    if (k % 2)
      CHECK_THROWS_AS(f(c.x(k), true), std::logic_error);
    else
      f(c.x(k), false);
    Tensor y = exp(c.x(k) * c.w);
    require_same(c.gradients(stash), c.gradients((y * y + c.bias).sum()));
  }
}

TEST_CASE("what came from outside with a history keeps it", "[region]") {
  Case c;
  auto f = compile([&](const Tensor& h) { return (h * h + c.bias).sum(); });
  for (int k = 0; k < 5; k++) {
    Tensor loss = f(exp(c.x(k) * c.w)); // the argument ends before backward
    Tensor h = exp(c.x(k) * c.w);
    require_same(c.gradients(loss), c.gradients((h * h + c.bias).sum()));
  }
}

TEST_CASE("only what a backward pass may still read outlives the call", "[region]") {
  Case c;
  auto loss_of = [&](const Tensor& x) { return chain(x, c.w, c.bias); };
  auto train = compile([&](const Tensor& x) {
    Tensor loss = loss_of(x);
    loss.backward();
    c.w.set_grad({});
    c.bias.set_grad({});
    return loss.detach();
  });
  auto forward = compile(loss_of);
  Tensor x = c.x(1);
  auto work = [&] {
    train(x);
    Tensor kept = forward(x);
    forward(x);
    kept.backward();
    c.w.set_grad({});
    c.bias.set_grad({});
  };
  for (int k = 0; k < 3; k++)
    work();
  const size_t before = memory::stats().live;
  for (int k = 0; k < 4; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("backward does not enter what is pending in another thread's region", "[region]") {
  Case c;
  std::string text;
  auto f = compile([&](const Tensor& x) {
    Tensor loss = chain(x, c.w, c.bias);
    std::thread([&] {
      try {
        loss.backward();
      } catch (const Error& e) {
        text = e.what();
      }
    }).join();
    return loss;
  });
  for (int k = 0; k < 3; k++) {
    text.clear();
    require_same(c.gradients(f(c.x(k))), c.gradients(chain(c.x(k), c.w, c.bias)));
    CHECK_THAT(text, Catch::StartsWith("backward: the tensor must not be pending in another "
                                       "thread's compiled region"));
  }
}

TEST_CASE("ops in place on views join the history inside a region", "[region]") {
  Case c;
  auto body = [&](const Tensor& x, int k) {
    Tensor y = exp(x * c.w) * 1.5, early = y.transpose(0, 1);
    if (k % 4 == 3) (void)y.sum().item<float>();
    y.slice(1, 1, 3).add_(c.bias.slice(0, 0, 2)).mul_(2.0);
    Tensor buffer = zeros({4, 3});
    buffer.slice(0, 1, 3).copy_(y);
    buffer.slice(1, 0, 3, 2).tanh_();
    return (buffer * buffer).sum() + (early * early).mean();
  };
  auto f = compile(body);
  for (int k = 0; k < 8; k++) {
    const Tensor got = f(c.x(k), k), want = body(c.x(k), k);
    require_equal(got, want, 1e-5);
    require_same(c.gradients(got), c.gradients(want));
  }
  auto inside = compile([&](const Tensor& x, int k) {
    const std::vector<Tensor> g = grad({body(x, k)}, {c.w, c.bias}, {}, {.create_graph = true});
    return grad({(g[0] * g[0]).sum() + (g[1] * g[1]).sum()}, {c.w})[0];
  });
  for (int k = 0; k < 6; k++) {
    const std::vector<Tensor> g =
        grad({body(c.x(k), k)}, {c.w, c.bias}, {}, {.create_graph = true});
    require_equal(inside(c.x(k), k), grad({(g[0] * g[0]).sum() + (g[1] * g[1]).sum()}, {c.w})[0],
                  1e-4);
  }
}

TEST_CASE("a view may come from outside a region that changes its base", "[region]") {
  Case c;
  auto body = [&](const Tensor& base, const Tensor& view) {
    base.slice(0, 0, 1).mul_(0.5).add_(c.bias);
    return (view * view).sum();
  };
  auto f = compile(body);
  for (int k = 0; k < 5; k++) {
    Tensor a = c.x(k) * c.w, b = c.x(k) * c.w;
    Tensor of_a = a.slice(1, 1), of_b = b.slice(1, 1);
    Tensor got = f(a, of_a) + of_a.sum(), want = body(b, of_b) + of_b.sum();
    require_equal(got, want, 1e-5);
    require_same(c.gradients(got), c.gradients(want));
  }
}

TEST_CASE("saved versions are those of the memory that a value looks into", "[region]") {
  Case c;
  auto f = compile([&](const Tensor& x, int k) {
    Tensor alias = x.detach(), part = x.slice(0, 0, 1);
    Tensor y = alias * c.w, z = c.w.detach() * 2.0;
    Tensor u = z * c.w;
    if (k % 4 == 3) z.add_(1.0); // u must notice
    return (y + part * c.w + u).sum();
  });
  for (int k = 0; k < 8; k++) {
    const Tensor x = c.x(k);
    x.add_(1.0).mul_(0.5);
    if (k % 4 == 3) {
      CHECK_THROWS_AS(grad({f(x, k)}, {c.w}), Error);
      continue;
    }
    const Tensor want = (x * c.w + x.slice(0, 0, 1) * c.w + c.w.detach() * 2.0 * c.w).sum();
    require_same({grad({f(x, k)}, {c.w})[0]}, {grad({want}, {c.w})[0]});
  }
}

TEST_CASE("an op in place records or refuses by the grad mode of each call", "[region]") {
  Case c;
  auto body = [&](const Tensor& x, int mode) {
    Tensor y = x * c.w, z = x * 1.0;
    auto change = [&] {
      z.add_(y);
      if (mode != 1) c.bias.add_(x.slice(0, 0, 1).view({3}));
    };
    if (mode == 2) return change(), z.sum(); // writes a leaf that requires a gradient
    if (mode == 1) return change(), z.sum();
    NoGrad off;
    return change(), z.sum();
  };
  auto f = compile(body);
  for (int k = 0; k < 10; k++) {
    const int mode = k < 3 ? 0 : k % 3;
    const Tensor start = c.bias.detach().clone();
    if (mode == 2) {
      CHECK_THROWS_AS(f(c.x(k), mode), Error);
      require_equal(c.bias, start);
      continue;
    }
    const Tensor got = f(c.x(k), mode), after = c.bias.detach().clone();
    {
      NoGrad off;
      c.bias.copy_(start);
    }
    const Tensor want = body(c.x(k), mode);
    require_equal(got, want, 1e-6);
    require_equal(after, c.bias);
    CHECK(got.requires_grad() == want.requires_grad());
    if (mode == 1) require_same({grad({got}, {c.w})[0]}, {grad({want}, {c.w})[0]});
  }
}

TEST_CASE("histories that ops in place replace are kept by what was made of them", "[region]") {
  Tensor w = ramp({}).requires_grad_();
  auto body = [&](const Tensor& x) {
    Tensor h = w * x;
    h.copy_(w * 2.0); // h has another history now,
    Tensor v = h.flatten();
    v.copy_(v * x); // and another one again, to which v's first history does not lead
    v.sum().backward();
    return h.detach();
  };
  auto f = compile(body);
  for (int k = 0; k < 5; k++) {
    INFO("call " << k);
    const Tensor x = ramp({}, 0.5 + k);
    w.set_grad({});
    const Tensor want = body(x), gradient = w.grad();
    w.set_grad({});
    require_equal(f(x), want);
    require_equal(w.grad(), gradient);
  }
}
