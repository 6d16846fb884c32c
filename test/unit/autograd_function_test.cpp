// Functions with a gradient of the user's own: values, saved tensors, several results, errors.

#include "test/unit/autograd_util.h"
#include "weft/memory.h"
#include "weft/weft.h"

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

using Tensors = std::vector<Tensor>;

Tensor leaf(std::initializer_list<double> values) {
  return tensor(std::vector<double>(values), {static_cast<int64_t>(values.size())})
      .requires_grad_();
}

struct Cube : autograd::Function<Cube> {
  Tensor forward(autograd::Context& ctx, const Tensor& x) {
    ctx.save({x});
    return x * x * x;
  }
  Tensors backward(autograd::Context& ctx, const Tensors& dy) {
    const Tensor x = ctx.saved()[0];
    return {dy[0] * 3.0 * x * x};
  }
};

struct Exp : autograd::Function<Exp> {
  Tensor forward(autograd::Context& ctx, const Tensor& x) {
    Tensor y = exp(x);
    ctx.save({y});
    return y;
  }
  Tensors backward(autograd::Context& ctx, const Tensors& dy) { return {dy[0] * ctx.saved()[0]}; }
};

/// sum and difference; the gradient of a result that nobody used is zeros.
struct Butterfly : autograd::Function<Butterfly> {
  double scale = 0;
  std::pair<Tensor, Tensor> forward(autograd::Context&, const Tensor& a, const Tensor& b,
                                    double by) {
    scale = by;
    return {(a + b) * by, (a - b) * by};
  }
  Tensors backward(autograd::Context& ctx, const Tensors& dy) {
    CHECK(dy.size() == 2);
    CHECK((ctx.needs(0) || ctx.needs(1)));
    return {(dy[0] + dy[1]) * scale, (dy[0] - dy[1]) * scale};
  }
};

struct Highest : autograd::Function<Highest> {
  static constexpr const char* name = "highest";
  std::tuple<Tensor, Tensor> forward(autograd::Context& ctx, const Tensor& x) {
    Tensor position = argmax(x, 0).to(f64);
    ctx.mark_non_differentiable({position});
    ctx.save({x});
    return {max(x, 0), position};
  }
  Tensors backward(autograd::Context& ctx, const Tensors& dy) {
    const Tensor x = ctx.saved()[0];
    return {where(x == max(x, 0), dy[0], 0.0)};
  }
};

/// Gives back too few gradients.
struct Few : autograd::Function<Few> {
  Tensor forward(autograd::Context&, const Tensor& a, const Tensor& b) { return a + b; }
  Tensors backward(autograd::Context&, const Tensors& dy) { return {dy[0]}; }
};

struct Wrong : autograd::Function<Wrong> {
  static constexpr const char* name = "wrong";
  Tensor forward(autograd::Context&, const Tensor& a) { return a * 1.0; }
  Tensors backward(autograd::Context&, const Tensors&) { return {tensor({1.0, 2.0, 3.0})}; }
};

struct Writes : autograd::Function<Writes> {
  static constexpr const char* name = "writes";
  Tensor forward(autograd::Context&, const Tensor& a) { return a.mul_(2.0); }
  Tensors backward(autograd::Context&, const Tensors& dy) { return dy; }
};

} // namespace

TEST_CASE("a function's backward is its gradient", "[autograd]") {
  Tensor x = leaf({1, -2});
  Tensor y = Cube::apply(x);
  CHECK(values(y) == Values{1, -8});
  CHECK_FALSE(y.is_leaf());
  y.backward(tensor({1.0, 10.0}));
  CHECK(values(x.grad()) == Values{3, 120});
  Tensor h = x * 2.0;
  x.set_grad({});
  sum(Cube::apply(h) * h).backward(); // 16 x^4
  CHECK(values(x.grad()) == Values{64, -512});
}

TEST_CASE("a backward that is made of ops can be differentiated", "[autograd]") {
  Tensor x = leaf({0.5, -1.5});
  Tensor first = grad({sum(Cube::apply(x))}, {x}, {}, {.create_graph = true})[0];
  Tensor second = grad({sum(first)}, {x}, {}, {.create_graph = true})[0];
  CHECK(values(second) == Values{3, -9});
  CHECK(values(grad({sum(second)}, {x})[0]) == Values{6, 6});
  // A saved result leads back to the call itself.
  for (bool keep : {false, true}) {
    Tensor y = Exp::apply(x);
    Tensor loss = sum(y);
    if (!keep) y = {};
    Tensor g = grad({loss}, {x}, {}, {.create_graph = true})[0];
    Tensor gg = grad({sum(g)}, {x}, {}, {.create_graph = true})[0];
    Tensor ggg = grad({sum(gg)}, {x})[0];
    for (int k = 0; k < 2; k++)
      CHECK(values(ggg)[k] == Approx(std::exp(values(x)[k])));
  }
}

TEST_CASE("several arguments and results, some of them unused", "[autograd]") {
  Tensor a = leaf({1, 2}), b = leaf({5, 7});
  auto [plus, minus] = Butterfly::apply(a, b, 0.5);
  CHECK(values(plus) == Values{3, 4.5});
  sum(plus * 2.0 + minus * minus).backward(); // minus = -2, -2.5
  CHECK(values(a.grad()) == Values{-1, -1.5});
  CHECK(values(b.grad()) == Values{3, 3.5});
  a.set_grad({});
  b.set_grad({});
  auto [unused, difference] = Butterfly::apply(a, b.detach(), 2.0);
  sum(difference).backward();
  CHECK(values(a.grad()) == Values{2, 2});
  CHECK_FALSE(b.grad().defined());
  auto [p, m] = Butterfly::apply(a, b, 1.0);
  CHECK(values(grad({sum(p)}, {a, b})[1]) == Values{1, 1});
  CHECK(values(grad({sum(m)}, {m})[0]) == Values{1, 1});
}

TEST_CASE("results that are not differentiable have no history", "[autograd]") {
  Tensor x = leaf({1, 5, 3});
  auto [top, index] = Highest::apply(x);
  CHECK(top.requires_grad());
  CHECK(index.is_leaf());
  CHECK_FALSE(index.requires_grad());
  top.backward();
  CHECK(values(x.grad()) == Values{0, 1, 0});
}

TEST_CASE("a function records nothing where its caller does not", "[autograd]") {
  Tensor x = leaf({1, 2});
  NoGrad no_grad;
  CHECK_FALSE(Cube::apply(x).requires_grad());
  EnableGrad enable;
  CHECK(Cube::apply(x).requires_grad());
  CHECK_FALSE(Cube::apply(x.detach()).requires_grad());
}

TEST_CASE("forward does not record, and may give back its argument", "[autograd]") {
  struct Same : autograd::Function<Same> {
    Tensor forward(autograd::Context&, const Tensor& x) {
      CHECK_FALSE(grad_enabled());
      return x;
    }
    Tensors backward(autograd::Context&, const Tensors& dy) { return {dy[0] * 7.0}; }
  };
  Tensor x = leaf({1, 2});
  Tensor y = Same::apply(x);
  CHECK_FALSE(y.is_same(x));
  CHECK(x.is_leaf());
  sum(y * 2.0).backward();
  CHECK(values(x.grad()) == Values{14, 14});
}

TEST_CASE("lists of tensors are arguments and results", "[autograd]") {
  struct Doubles : autograd::Function<Doubles> {
    Tensors forward(autograd::Context&, const Tensors& list) {
      Tensors r;
      for (const Tensor& t : list)
        r.push_back(t * 2.0);
      return r;
    }
    Tensors backward(autograd::Context&, const Tensors& dy) {
      Tensors r;
      for (const Tensor& t : dy)
        r.push_back(t * 2.0);
      return r;
    }
  };
  Tensor a = leaf({1}), b = leaf({2, 3});
  Tensors y = Doubles::apply(Tensors{a, b});
  sum(y[1] * y[1]).backward();
  CHECK(values(a.grad()) == Values{0});
  CHECK(values(b.grad()) == Values{16, 24});
}

TEST_CASE("gradients are summed to the argument's shape and dtype", "[autograd]") {
  struct Scale : autograd::Function<Scale> {
    Tensor forward(autograd::Context& ctx, const Tensor& x, const Tensor& by) {
      ctx.save({x, by});
      return x * by;
    }
    Tensors backward(autograd::Context& ctx, const Tensors& dy) {
      const Tensors saved = ctx.saved();
      return {dy[0] * saved[1], dy[0] * saved[0]};
    }
  };
  Tensor x = leaf({1, 2}), by = tensor(3.0f).requires_grad_();
  sum(Scale::apply(x, by)).backward();
  CHECK(by.grad().dtype() == f32);
  CHECK(by.grad().shape() == Shape{});
  CHECK(by.grad().item<double>() == 3);
}

TEST_CASE("a function's errors name it and the line of apply", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = sum(Few::apply(x, x));
  std::string here = "autograd_function_test.cpp:" + std::to_string(__LINE__ - 1);
  std::string text = message([&] { y.backward(); });
  CHECK_THAT(text, Contains("Few: backward must return a gradient for each of the 2 tensor "
                            "arguments, got 1"));
  CHECK_THAT(text, Contains(here));
  CHECK_THAT(message([&] { sum(Wrong::apply(x)).backward(); }),
             Contains("wrong: backward's gradient 0 must have the argument's shape, f64[2], got "
                      "f64[3]"));
  Tensor h = x * 1.0;
  CHECK_THAT(message([&] { Writes::apply(h); }),
             Contains("writes: forward must not change its arguments in place, got tensor argument "
                      "0, f64[2], changed; clone() it first"));
}

TEST_CASE("saved tensors obey versions and retain_graph", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = x * 1.0;
  Tensor y = sum(Cube::apply(h));
  y.backward({}, true);
  y.backward();
  CHECK(values(x.grad()) == Values{6, 24});
  CHECK_THAT(message([&] { y.backward(); }),
             Contains("backward: the graph must be kept by retain_graph for a second pass; what "
                      "Cube saved is gone"));
  Tensor z = sum(Cube::apply(h));
  h.add_(1.0);
  CHECK_THAT(message([&] { z.backward(); }),
             Contains("Cube: saved tensor 0, f64[2], must not be changed in place before backward, "
                      "which reads it; it was saved at version 0 and is at version 1"));
}

TEST_CASE("functions leave no memory behind", "[autograd]") {
  auto work = [] {
    Tensor x = leaf({1, 2, 3});
    Tensor y = Exp::apply(Cube::apply(x)); // Exp saves its own result
    auto [a, b] = Butterfly::apply(y, x, 2.0);
    y = {};
    sum(a * b).backward({}, false, true);
    Tensor unused = Exp::apply(x);
    x.set_grad({});
  };
  work();
  const size_t before = memory::stats().live;
  for (int k = 0; k < 3; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("the recorded graph shows functions", "[autograd]") {
  Tensor x = leaf({1, 2});
  auto [a, b] = Butterfly::apply(x, x, 2.0);
  const std::string text = print_graph(a * b);
  CHECK_THAT(text, Contains("%0 = Butterfly(leaf0, leaf0) : f64[2]"));
  CHECK_THAT(text, Contains("%2 = Butterfly[1](%0) : f64[2]"));
}
