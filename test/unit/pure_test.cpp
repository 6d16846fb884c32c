// CompileOptions::pure: calls whose bodies are skipped, and promises that do not hold.

#include <catch2/catch.hpp>
#include <weft/weft.h>

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <thread>

using namespace weft;
using Catch::Contains;

namespace {

CompileOptions pure(int check = 0) { return {.pure = true, .pure_check = check}; }

Tensor ramp(const Shape& shape, float start = 0) {
  return arange(static_cast<double>(Tensor(zeros(shape)).numel())).to(f32).reshape(shape) * 0.25f +
         start;
}

void require_same(const Tensor& got, const Tensor& want) {
  REQUIRE(got.shape() == want.shape());
  REQUIRE(got.to_vector<double>() == want.to_vector<double>());
}

} // namespace

TEST_CASE("the body of a pure function is skipped") {
  int bodies = 0;
  auto f = compile(
      [&](const Tensor& x, const Tensor& y) {
        bodies++;
        return exp(x) * y + x;
      },
      pure());
  Tensor y = ramp({5});
  for (int k = 0; k < 20; k++) {
    Tensor x = ramp({5}, static_cast<float>(k));
    require_same(f(x, y), exp(x) * y + x);
  }
  CHECK(bodies == 3); // one records, one follows, one proves that `x` is the argument
  CHECK(f.stats().pure_calls == 17);
  CHECK(f.stats().calls == 20);
  CHECK_THAT(f.explain(), Contains("17 calls without the body"));
}

TEST_CASE("arguments of another kind run the body, and get a program of their own") {
  int bodies = 0;
  auto f = compile(
      [&](const Tensor& x) {
        bodies++;
        return sum(x * x, -1);
      },
      pure());
  for (int round = 0; round < 4; round++)
    for (const Shape& shape : {Shape{4}, Shape{3, 4}, Shape{2, 7}, Shape{0}, Shape{1, 1}}) {
      Tensor x = ramp(shape, 1);
      require_same(f(x), sum(x * x, -1));
      Tensor d = x.to(f64);
      require_same(f(d), sum(d * d, -1));
    }
  int before = bodies;
  f(ramp({4}));
  CHECK(bodies == before);
  Tensor t = ramp({4, 3}).transpose(0, 1); // strides count
  f(t);
  CHECK(bodies == before + 1);
}

TEST_CASE("numbers among the arguments count by value") {
  int bodies = 0;
  auto f = compile(
      [&](const Tensor& x, double scale, bool squared) {
        bodies++;
        Tensor y = x * scale;
        return squared ? y * y : y;
      },
      pure());
  Tensor x = ramp({8});
  for (int round = 0; round < 5; round++)
    for (double scale : {0.5, 2.0, -0.0, 0.0})
      for (bool squared : {false, true})
        require_same(f(x, scale, squared), squared ? (x * scale) * (x * scale) : x * scale);
  int before = bodies;
  f(x, 0.5, true);
  CHECK(bodies == before);
  f(x, 0.75, true);
  CHECK(bodies == before + 1);
}

TEST_CASE("containers of tensors and numbers come and go") {
  using Many = std::tuple<std::vector<Tensor>, std::optional<Tensor>, std::pair<Tensor, int>>;
  auto body = [](const std::array<Tensor, 2>& in, const std::optional<Tensor>& bias) -> Many {
    Tensor s = in[0] + in[1];
    if (bias) s = s + *bias;
    return {{s, in[1], s}, bias ? std::optional(exp(s)) : std::nullopt, {s * 2, bias ? 7 : -3}};
  };
  auto f = compile(body, pure());
  for (int k = 0; k < 6; k++)
    for (bool has_bias : {false, true}) {
      std::array<Tensor, 2> in{ramp({3}, static_cast<float>(k)), ramp({3})};
      std::optional<Tensor> bias;
      if (has_bias) bias = ramp({3}, 0.5f);
      Many got = f(in, bias), want = body(in, bias);
      REQUIRE(std::get<0>(got).size() == 3);
      for (size_t j = 0; j < 3; j++)
        require_same(std::get<0>(got)[j], std::get<0>(want)[j]);
      CHECK(std::get<0>(got)[1].is_same(in[1]));
      CHECK(std::get<0>(got)[0].is_same(std::get<0>(got)[2]));
      REQUIRE(std::get<1>(got).has_value() == has_bias);
      if (has_bias) require_same(*std::get<1>(got), *std::get<1>(want));
      require_same(std::get<2>(got).first, std::get<2>(want).first);
      CHECK(std::get<2>(got).second == std::get<2>(want).second);
    }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("captured tensors are read at each call") {
  Tensor w = ramp({4});
  auto f = compile([&](const Tensor& x) { return x * w; }, pure());
  for (int k = 0; k < 6; k++) {
    w.add_(1.0);
    Tensor x = ramp({4}, static_cast<float>(k));
    require_same(f(x), x * w);
  }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("a tensor that is an argument and captured as well is told apart once they differ") {
  Tensor w = ramp({4}, 1);
  auto f = compile([&](const Tensor& x) { return x * 2 + w; }, pure());
  for (int k = 0; k < 5; k++)
    require_same(f(w), w * 2 + w);
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4}, static_cast<float>(k));
    require_same(f(x), x * 2 + w);
  }
  require_same(f(w), w * 2 + w);
}

TEST_CASE("arguments may be written, and the same one may come twice") {
  auto f = compile(
      [](const Tensor& x, const Tensor& y) {
        x.add_(y);
        return x * y;
      },
      pure());
  for (int k = 0; k < 6; k++) {
    Tensor x = ramp({4}), y = ramp({4}, static_cast<float>(k)), expected = x + y;
    uint32_t version = x.version();
    require_same(f(x, y), expected * y);
    require_same(x, expected);
    CHECK(x.version() == version + 1);
  }
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4}, 1), expected = x + x;
    require_same(f(x, x), expected * expected);
    require_same(x, expected);
  }
  for (int k = 0; k < 4; k++) { // views that overlap
    Tensor base = ramp({5}, 1), copy = base.clone();
    Tensor a = slice(copy, 0, 0, 4), b = slice(copy, 0, 1, 5);
    Tensor got = f(slice(base, 0, 0, 4), slice(base, 0, 1, 5));
    Tensor before = b.clone();
    a.add_(before);
    require_same(base, copy);
    require_same(got, a * b);
  }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("results may be views of arguments and of other results") {
  auto f = compile(
      [](const Tensor& x) {
        Tensor y = exp(x);
        return std::vector<Tensor>{y.transpose(0, 1), y, slice(x, 0, 1, 3), x};
      },
      pure());
  NoGrad no_grad;
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4, 3}, static_cast<float>(k));
    auto got = f(x);
    require_same(got[0], exp(x).transpose(0, 1));
    CHECK(got[0].shares_storage(got[1]));
    require_same(got[2], slice(x, 0, 1, 3));
    CHECK(got[2].shares_storage(x));
    got[2].fill_(-1);
    CHECK(x.to_vector<float>()[3] == -1);
    CHECK(got[3].is_same(x));
  }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("calls that record gradients run the body") {
  Tensor w = ramp({4}, 1).requires_grad_();
  auto f = compile([&](const Tensor& x) { return sum(exp(x * w)); }, pure());
  for (int k = 0; k < 4; k++) {
    w.set_grad({});
    Tensor x = ramp({4}, static_cast<float>(k) * 0.1f);
    f(x).backward();
    require_same(w.grad(), exp(x * w).detach() * x);
  }
  CHECK(f.stats().pure_calls == 0);
  CHECK_THAT(f.explain(), Contains("gradients are recorded"));
  NoGrad no_grad;
  for (int k = 0; k < 5; k++)
    f(ramp({4}));
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("gradients that a pure function takes itself") {
  Tensor w = ramp({4}, 1).requires_grad_();
  auto f = compile([&](const Tensor& x) { return grad({sum(exp(x * w))}, {w}).at(0); }, pure());
  for (int k = 0; k < 6; k++) {
    Tensor x = ramp({4}, static_cast<float>(k) * 0.1f);
    require_same(f(x), exp(x * w).detach() * x);
  }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("a module is pure in evaluation mode") {
  nn::Sequential net(nn::Linear(6, 8), nn::GELU(), nn::Dropout(0.5), nn::Linear(8, 3));
  net.eval();
  auto fast = compile(net, pure());
  NoGrad no_grad;
  for (int k = 0; k < 6; k++) {
    Tensor x = ramp({2, 6}, static_cast<float>(k) * 0.1f);
    CHECK(allclose(fast(x), net(x), 1e-5, 1e-6));
  }
  CHECK(fast.stats().pure_calls > 0);
  net.train();
  CHECK_THROWS_WITH(fast(ramp({2, 6})), Contains("must not take random numbers"));
}

TEST_CASE("what a pure function must not do is refused with its line") {
  Tensor w = ramp({4}), kept;
  auto line = [](int n) { return "pure_test.cpp:" + std::to_string(n); };
  int at = 0;
  auto reads = compile(
      [&](const Tensor& x) {
        at = __LINE__ + 1;
        return x * sum(x).item<float>();
      },
      pure());
  CHECK_THROWS_WITH(reads(ramp({4})),
                    Contains("must not read values (item)") && Contains(line(at)));
  auto writes = compile(
      [&](const Tensor& x) {
        at = __LINE__ + 1;
        w.add_(x);
        return x * 2;
      },
      pure());
  CHECK_THROWS_WITH(writes(ramp({4})), Contains("write into other tensors") && Contains(line(at)));
  auto random = compile(
      [&](const Tensor& x) {
        at = __LINE__ + 1;
        return x + uniform({4});
      },
      pure());
  CHECK_THROWS_WITH(random(ramp({4})), Contains("take random numbers") && Contains(line(at)));
  auto keeps = compile(
      [&](const Tensor& x) {
        at = __LINE__ + 1;
        kept = exp(x);
        return kept + 1;
      },
      pure());
  keeps(ramp({4}));
  CHECK_THROWS_WITH(keeps(ramp({4})),
                    Contains("keep tensors beyond its call") && Contains(line(at)));
  auto odd = compile([](const Tensor& x, const std::string&) { return x; }, pure());
  CHECK_THROWS_WITH(odd(ramp({4}), std::string("a")), Contains("must be tensors, numbers"));
  nn::Linear net(2, 2);
  CHECK_THROWS_WITH(net.compile(pure()), Contains("weft::compile(module)"));
}

TEST_CASE("a body that reads an argument is refused as well") {
  auto f = compile([](const Tensor& x) { return x * x.item<float>(); }, pure());
  CHECK_THROWS_WITH(f(tensor(2.0f)), Contains("must not read values"));
}

TEST_CASE("a promise that does not hold is reported with both lines") {
  bool flag = false;
  int first = 0, second = 0;
  auto f = compile(
      [&](const Tensor& x) {
        if (flag) {
          second = __LINE__ + 1;
          return sin(x);
        }
        first = __LINE__ + 1;
        return exp(x);
      },
      pure(8));
  Tensor x = ramp({4});
  for (int k = 0; k < 4; k++)
    f(x);
  flag = true;
  auto call_often = [&](auto& g) {
    for (int k = 0; k < 8; k++)
      g(x);
  };
  CHECK_THROWS_WITH(call_often(f), Contains("exp at") && Contains("now sin at") &&
                                       Contains("pure_test.cpp:" + std::to_string(first)) &&
                                       Contains("pure_test.cpp:" + std::to_string(second)));
  require_same(f(x), sin(x)); // from now on the body runs
  CHECK_THAT(f.explain(), Contains("the function is not pure"));

  double scale = 2;
  auto g = compile([&](const Tensor& x) { return x * scale; }, pure(8));
  for (int k = 0; k < 4; k++)
    g(x);
  scale = 3;
  CHECK_THROWS_WITH(call_often(g), Contains("number 2") && Contains("with 3"));

  Tensor w = ramp({4});
  auto h = compile([&](const Tensor& x) { return x * w; }, pure(8));
  for (int k = 0; k < 4; k++)
    h(x);
  w = ramp({4}, 2);
  CHECK_THROWS_WITH(call_often(h), Contains("another captured tensor"));
}

TEST_CASE("a tensor that each call makes of the same host values is a constant") {
  auto f = compile([](const Tensor& x) { return x * tensor({1.0f, 2.0f, 3.0f}); }, pure(4));
  for (int k = 0; k < 30; k++)
    require_same(f(ramp({3})), ramp({3}) * tensor({1.0f, 2.0f, 3.0f}));
  CHECK(f.stats().pure_calls > 10);
  auto g = compile([](const Tensor& x) { return std::pair(x * 2, tensor({1.0f})); }, pure());
  for (int k = 0; k < 6; k++) {
    auto [y, fresh] = g(ramp({3}));
    CHECK(fresh.item<float>() == 1);
    fresh.add_(1); // the caller's own
  }
}

TEST_CASE("an element that an op refuses is the eager error, also without the body") {
  auto f = compile([](const Tensor& a, const Tensor& b) { return floor_divide(a, b); }, pure());
  Tensor a = tensor({6, 7, 8});
  for (int k = 0; k < 5; k++)
    f(a, tensor({1, 2, k + 1}));
  CHECK_THROWS_AS(f(a, tensor({1, 0, 2})), Error);
  require_same(f(a, tensor({1, 2, 2})), tensor({6, 3, 4}));
}

TEST_CASE("a pure function inside another region is part of it") {
  auto inner = compile([](const Tensor& x) { return exp(x) + 1; }, pure());
  auto outer = compile([&](const Tensor& x) { return inner(x) * 2; });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4}, static_cast<float>(k));
    require_same(outer(x), (exp(x) + 1) * 2);
  }
  CHECK(inner.stats().calls == 0);
}

TEST_CASE("threads share the programs of a pure function") {
  Tensor w = ramp({64});
  auto f = compile([&](const Tensor& x) { return exp(x * w) + 1; }, pure(16));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; t++)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 200; k++) {
        Tensor x = full({64}, 0.01 * (t * 200 + k));
        if (f(x).to_vector<float>() != (exp(x * w) + 1).to_vector<float>()) wrong++;
      }
    });
  for (std::thread& t : threads)
    t.join();
  CHECK(wrong == 0);
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("arguments of other types are another kind, even where their bits are equal") {
  auto scale = [](const Tensor& x, auto by) { return x * by; };
  auto f = compile(scale, pure());
  Tensor x = ones({3}).to(i32);
  for (int k = 0; k < 4; k++) {
    CHECK(f(x, 0).dtype() == i32);
    CHECK(f(x, 0.0).dtype() == scale(x, 0.0).dtype());
  }
  struct Overloaded {
    Tensor operator()(const Tensor& a, const Tensor& b) const { return a - b; }
    Tensor operator()(const std::pair<Tensor, Tensor>& p) const { return p.first + p.second; }
    Tensor operator()(const std::array<Tensor, 2>& p) const { return p[0] * p[1]; }
  };
  auto g = compile(Overloaded{}, pure());
  Tensor a = ramp({3}, 1), b = ramp({3}, 2);
  for (int k = 0; k < 4; k++) {
    require_same(g(a, b), a - b);
    require_same(g(std::pair(a, b)), a + b);
    require_same(g(std::array{a, b}), a * b);
  }
  CHECK(g.stats().pure_calls == 6);
}

TEST_CASE("an argument that becomes part of a graph runs the body") {
  Tensor w = ramp({4}, 1).requires_grad_();
  auto whole = compile([&](const Tensor& x) { x.add_(w); }, pure());
  auto part = compile([&](const Tensor& x) { slice(x, 0, 0, 4).add_(w); }, pure());
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4});
    whole(x);
    CHECK(x.requires_grad());
  }
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4}) * w;
    w.set_grad({});
    whole(x);
    sum(x).backward();
    require_same(w.grad(), ramp({4}) + 1);
  }
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4});
    w.set_grad({});
    part(x);
    sum(x).backward();
    require_same(w.grad(), ones({4}));
  }
  CHECK(whole.stats().pure_calls + part.stats().pure_calls == 0);
  auto step = compile(
      [](const Tensor& p, const Tensor& g) {
        NoGrad no_grad;
        p.sub_(g * 0.5);
      },
      pure());
  Tensor p = ramp({4}).requires_grad_(), q = ramp({4});
  for (int k = 0; k < 5; k++) {
    step(p, ramp({4}, 1));
    q.sub_(ramp({4}, 1) * 0.5);
    require_same(p.detach(), q);
  }
  CHECK(step.stats().pure_calls > 0);
}

TEST_CASE("a body that changes an argument's gradient flag runs in each call") {
  auto f = compile(
      [](Tensor x) {
        x.requires_grad_();
        NoGrad no_grad;
        return x * 2;
      },
      pure());
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({4});
    f(x);
    CHECK(x.requires_grad());
  }
  CHECK_THAT(f.explain(), Contains("changes whether an argument requires grad"));
}

TEST_CASE("a result that is an argument and captured as well is told apart once they differ") {
  Tensor w = ramp({4}, 1);
  auto f = compile([&](const Tensor& x) { return std::pair(x * 2, w); }, pure());
  for (int k = 0; k < 4; k++)
    f(w);
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({4}, static_cast<float>(k));
    auto [y, same] = f(x);
    require_same(y, x * 2);
    CHECK(same.is_same(w));
  }
}

TEST_CASE("what hangs on an argument, beside its contents, is no constant") {
  NoGrad no_grad;
  auto with_grad = [](float value) {
    Tensor x = ramp({4}).requires_grad_();
    x.set_grad(full({4}, value));
    return x;
  };
  auto f = compile([](const Tensor& x) { return x.grad() * 2; }, pure());
  Tensor a = with_grad(1), b = with_grad(1);
  for (int k = 0; k < 4; k++)
    f(a);
  f(b); // equal contents prove nothing
  for (int k = 0; k < 4; k++) {
    Tensor x = with_grad(static_cast<float>(k));
    require_same(f(x), x.grad() * 2);
  }
}

TEST_CASE("constants that are results are made anew for each call") {
  NoGrad no_grad;
  Tensor c = tensor({1.0f, 2.0f});
  auto read = [](const Tensor& x) {
    Tensor made = tensor({1.0f, 2.0f});
    return std::vector<Tensor>{x * made, made, made};
  };
  auto unread = [](const Tensor& x) {
    Tensor made = tensor({1.0f, 2.0f});
    return std::vector<Tensor>{x * 2, made, made};
  };
  auto viewed = [](const Tensor& x) {
    Tensor made = tensor({1.0f, 2.0f});
    return std::vector<Tensor>{x * made, flip(made, {0}), made.reshape({2, 1})};
  };
  auto f = compile(read, pure());
  auto g = compile(unread, pure());
  auto h = compile(viewed, pure());
  for (int k = 0; k < 5; k++) {
    Tensor x = ramp({2}, static_cast<float>(k));
    for (const auto& [got, want] :
         {std::pair(f(x), read(x)), std::pair(g(x), unread(x)), std::pair(h(x), viewed(x))}) {
      for (size_t j = 0; j < 3; j++)
        require_same(got[j], want[j]);
      got[2].add_(5); // the caller's own
    }
  }
  auto inner = compile(
      [](const Tensor& x) {
        return x * tensor({1.0f, 2.0f}).reshape({2, 1});
      },
      pure(3));
  for (int k = 0; k < 12; k++)
    require_same(inner(ramp({2})), ramp({2}) * c.reshape({2, 1}));
  CHECK(inner.stats().pure_calls > 3);
}

TEST_CASE("views that a body keeps are refused as values are") {
  NoGrad no_grad;
  Tensor kept;
  auto of_argument = compile(
      [&](const Tensor& x) {
        kept = slice(x, 0, 0, 2);
        return x * 2;
      },
      pure());
  auto of_result = compile(
      [&](const Tensor& x) {
        Tensor y = x * 2;
        kept = slice(y, 0, 0, 2);
        return y;
      },
      pure());
  of_argument(ramp({4}));
  CHECK_THROWS_WITH(of_argument(ramp({4})), Contains("keep tensors beyond its call (slice)"));
  of_result(ramp({4}));
  CHECK_THROWS_WITH(of_result(ramp({4})), Contains("keep tensors beyond its call (slice)"));
}

TEST_CASE("detached results are tensors of their own to the tape") {
  auto f = compile([](const Tensor& x) { return (x * 2).detach(); }, pure());
  Tensor w = ramp({4}, 1).requires_grad_();
  for (int k = 0; k < 5; k++) {
    NoGrad no_grad;
    Tensor r = f(ramp({4}));
    EnableGrad grad;
    w.set_grad({});
    r.add_(w);
    sum(r).backward();
    require_same(w.grad(), ones({4}));
  }
  CHECK(f.stats().pure_calls > 0);
}

TEST_CASE("captured tensors whose metadata comes and goes have a program for each") {
  Tensor w = ramp({4});
  auto f = compile([&](const Tensor& x) { return x * w; }, pure());
  Tensor x = ramp({4});
  NoGrad no_grad;
  for (int k = 0; k < 200; k++) {
    w.requires_grad_(k % 2);
    require_same(f(x), x * w.detach());
  }
  CHECK(f.stats().pure_calls == 196);
}

TEST_CASE("checks do not mind that a program makes more than a call needs") {
  auto f = compile([](const Tensor& x) { return exp(x * 0.5) * x; }, pure(2));
  Tensor w = ramp({4}, 1).requires_grad_();
  auto without_tape = [&] {
    NoGrad no_grad;
    return f(w);
  };
  for (int k = 0; k < 4; k++)
    without_tape();
  sum(f(w)).backward(); // needs the exponentials too
  for (int k = 0; k < 6; k++)
    require_same(without_tape(), (exp(w * 0.5) * w).detach());
  CHECK(f.stats().pure_calls > 3);
}

TEST_CASE("threads that come to the end of a new path at once agree on it") {
  for (int round = 0; round < 30; round++) {
    CompileOptions options = pure(3);
    options.deterministic = true;
    auto f = compile([](const Tensor& x) { return exp(x) * 2 + 1; }, options);
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < 4; t++)
      threads.emplace_back([&] {
        try {
          for (int k = 0; k < 12; k++)
            f(full({2, 3}, 0.01 * k));
        } catch (const Error&) {
          failed++;
        }
      });
    for (std::thread& t : threads)
      t.join();
    REQUIRE(failed == 0);
    REQUIRE(f.stats().segments == 1);
  }
}

TEST_CASE("a body of exactly as many ops as a segment may have is skipped") {
  for (int ops : {3, 4, 5}) {
    int bodies = 0;
    CompileOptions options = pure();
    options.max_segment_ops = 4;
    auto f = compile(
        [&](const Tensor& x) {
          bodies++;
          Tensor y = x;
          for (int k = 0; k < ops; k++)
            y = y + 1.0;
          return y;
        },
        options);
    for (int k = 0; k < 10; k++)
      require_same(f(ramp({3})), ramp({3}, static_cast<float>(ops)));
    INFO(ops << " ops");
    CHECK((bodies < 10) == (ops <= 4));
  }
}
