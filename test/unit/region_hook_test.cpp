// Hooks, users' functions, checkpoints and anomaly mode in compiled regions, and outside over what
// ran inside.

#include "region_util.h"

using namespace region_test;
using Catch::Matchers::Contains;

namespace {

using Tensors = std::vector<Tensor>;

struct Square : autograd::Function<Square> {
  Tensor forward(autograd::Context& ctx, const Tensor& x) {
    Tensor y = x * x;
    ctx.save({x, y});
    return y;
  }
  Tensors backward(autograd::Context& ctx, const Tensors& dy) {
    const Tensors saved = ctx.saved();
    return {dy[0] * 2.0 * saved[0] + saved[1] * 0.0};
  }
};

struct Halves : autograd::Function<Halves> {
  std::pair<Tensor, Tensor> forward(autograd::Context&, const Tensor& x) {
    return {slice(x, 0, 0, 2) * 1.0, slice(x, 0, 2, 4) * 3.0};
  }
  Tensors backward(autograd::Context&, const Tensors& dy) {
    return {concatenate({dy[0], dy[1] * 3.0}, 0)};
  }
};

/// What a call leaves: its result, and the gradient of w.
struct Result {
  Tensor y, dw;
};

// Runs a body of (x, w) with the backward pass inside or outside, eagerly and compiled.
template <class Body> void compare_gradients(Body body, int calls = 6) {
  for (bool inside : {true, false}) {
    auto pass = [&](const Tensor& x, const Tensor& w) {
      Tensor y = body(x, w);
      if (inside) y.sum().backward();
      return y;
    };
    auto fast = compile(pass);
    for (int k = 0; k < calls; k++) {
      INFO("inside " << inside << ", call " << k);
      const int64_t n = k == 4 ? 6 : 4;
      const Tensor x = ramp({n}, 0.1 * k);
      auto run = [&](auto&& f) {
        Tensor w = ramp({n}, 0.3).requires_grad_();
        Tensor y = f(x, w);
        if (!inside) y.sum().backward();
        return Result{y.detach(), w.grad()};
      };
      const Result want = run(pass), got = run(fast);
      require_equal(got.y, want.y, 1e-6);
      require_equal(got.dw, want.dw, 1e-6);
    }
  }
}

} // namespace

TEST_CASE("users' functions in a region", "[region]") {
  compare_gradients([](const Tensor& x, const Tensor& w) {
    Tensor h = Square::apply(w * x);
    h = h + 1.0;
    return Square::apply(h) * x;
  });
  compare_gradients([](const Tensor& x, const Tensor& w) {
    auto [a, b] = Halves::apply(slice(w * x, 0, 0, 4));
    return a * b + Square::apply(b);
  });
}

TEST_CASE("a result of a user's function may be written in place in a region", "[region]") {
  compare_gradients([](const Tensor& x, const Tensor& w) {
    Tensor h = Square::apply(w * x) + 0.0;
    Tensor use = h * 2.0;
    h.mul_(x);
    return use + h;
  });
}

TEST_CASE("second derivatives through a user's function in a region", "[region]") {
  auto body = [](const Tensor& x) {
    Tensor w = (x * 2.0).detach().requires_grad_();
    Tensor g = grad({Square::apply(w * x).sum()}, {w}, {}, {.create_graph = true})[0];
    return grad({(g * g).sum()}, {w})[0];
  };
  compare([&](int k) { return body(ramp({5}, 0.1 * k)); }, 5, 1e-6);
}

TEST_CASE("hooks in a region change gradients, and see them", "[region]") {
  double seen = 0;
  compare_gradients([&](const Tensor& x, const Tensor& w) {
    Tensor h = w * x;
    h.register_hook([](const Tensor& g) { return g * 3.0; });
    w.register_hook([&](const Tensor& g) {
      seen = g.sum().item<double>(); // reads in the middle of the backward pass
      return g + seen;
    });
    return h * h;
  });
  CHECK(seen != 0);
}

TEST_CASE("a hook opens a region of its own", "[region]") {
  auto scale = compile([](const Tensor& g) { return tanh(g) * 2.0; });
  compare_gradients([&](const Tensor& x, const Tensor& w) {
    w.register_hook([&](const Tensor& g) { return scale(g); });
    return w * x * x;
  });
  const int64_t calls = scale.stats().calls; // those from outside of a region
  Tensor w = ramp({4}).requires_grad_();
  w.register_hook([&](const Tensor& g) { return scale(g); });
  for (int k = 0; k < 4; k++)
    (w * 2.0).sum().backward();
  CHECK(scale.stats().calls == calls + 4);
  require_equal(w.grad(), tanh(full({4}, 2.0)) * 8.0, 1e-6);
}

TEST_CASE("kept gradients in a region", "[region]") {
  auto body = [](const Tensor& x, const Tensor& w) {
    Tensor h = w * x;
    h.retain_grad();
    Tensor y = (h * h).sum();
    y.backward();
    return h.grad();
  };
  auto fast = compile(body);
  for (int k = 0; k < 5; k++) {
    const Tensor x = ramp({4}, 0.1 * k);
    Tensor w = ramp({4}).requires_grad_();
    const Tensor want = body(x, w);
    require_equal(fast(x, w), want);
  }
}

TEST_CASE("updates from a post-accumulate hook in a compiled step", "[region]") {
  auto train = [](bool compiled) {
    Tensor w = ramp({4}).requires_grad_();
    w.register_post_accumulate_grad_hook([](const Tensor& leaf) {
      NoGrad no_grad;
      leaf.sub_(leaf.grad() * 0.1);
      leaf.set_grad({});
    });
    auto step = [&](const Tensor& x) {
      Tensor loss = ((w - x) * (w - x)).sum();
      loss.backward();
      return loss;
    };
    auto fast = compile(step);
    for (int k = 0; k < 6; k++) {
      const Tensor x = ramp({4}, 0.2 * k);
      compiled ? fast(x) : step(x);
      CHECK_FALSE(w.grad().defined());
    }
    return w.detach();
  };
  require_equal(train(true), train(false), 1e-6);
}

TEST_CASE("checkpoints in a region", "[region]") {
  compare_gradients([](const Tensor& x, const Tensor& w) {
    Tensor h = checkpoint([&](const Tensor& t) { return exp(tanh(t * w)) * t; }, w * x);
    return h * x;
  });
}

TEST_CASE("anomaly mode finds a NaN of a compiled step, and the region lives on", "[region]") {
  Tensor w = zeros({3}).requires_grad_();
  unsigned line = 0;
  auto step = compile([&](const Tensor& x) {
    Tensor root = sqrt(w * x);
    line = __LINE__ - 1;
    Tensor loss = (root * 0.0).sum();
    loss.backward();
    return loss;
  });
  for (int k = 0; k < 3; k++) {
    step(ramp({3}));
    CHECK(std::isnan(w.grad().sum().item<float>()));
    w.set_grad({});
    AnomalyMode anomaly;
    CHECK_THROWS_WITH(step(ramp({3})),
                      Contains("sqrt: in AnomalyMode the gradient of operand 1 must have no NaN") &&
                          Contains("region_hook_test.cpp:" + std::to_string(line)));
  }
}

TEST_CASE("anomaly mode that begins inside of a region, or over what ran inside", "[region]") {
  auto inside = compile([&](const Tensor& x, const Tensor& w) {
    Tensor y = sqrt(x * w + 1.0);
    AnomalyMode anomaly;
    y.sum().backward();
    return y * 2.0;
  });
  auto forward = compile([](const Tensor& x, const Tensor& w) { return sqrt(x * w + 1.0); });
  for (int k = 0; k < 5; k++) {
    INFO("call " << k);
    const Tensor x = ramp({3}, 0.1 * k, 0.2);
    Tensor w = ones({3}).requires_grad_();
    sqrt(x * w + 1.0).sum().backward();
    const Tensor want = w.grad();
    w.set_grad({});
    require_equal(inside(x, w), sqrt(x * w.detach() + 1.0) * 2.0);
    require_equal(w.grad(), want, 1e-6);
    w.set_grad({});
    Tensor y = forward(x, w);
    AnomalyMode anomaly;
    y.sum().backward();
    require_equal(w.grad(), want, 1e-6);
  }
}

TEST_CASE("detach_ in a region", "[region]") {
  compare_gradients([](const Tensor& x, const Tensor& w) {
    Tensor h = w * x;
    Tensor use = h * h;
    h.detach_();
    return use + h * w;
  });
}

TEST_CASE("the gradient of a step that failed is none, as in eager code", "[region]") {
  Tensor w = ramp({3}).requires_grad_();
  auto step = compile([&](const Tensor& x, const Tensor& t) {
    Tensor checked = checked_index(t, 3).to(f32);
    Tensor loss = (w * x * checked).sum();
    loss.backward();
    return loss;
  });
  const Tensor good = tensor({0, 1, 2}), bad = tensor({0, 1, 3});
  for (int k = 0; k < 3; k++) {
    w.set_grad({});
    step(ramp({3}), good);
  }
  const Tensor want = w.grad().clone();
  w.set_grad({});
  CHECK_THROWS_WITH(step(ramp({3}), bad), Contains("checked_index: every element"));
  CHECK_FALSE(w.grad().defined());
  CHECK_THROWS_WITH(step(ramp({3}), bad), Contains("checked_index: every element"));
  step(ramp({3}), good); // accumulates into nothing
  require_equal(w.grad(), want);
  CHECK_THROWS_WITH(step(ramp({3}), bad), Contains("checked_index: every element"));
  require_equal(w.grad(), want); // one that was there stays
}
