// Compiled programs against eager ops: bit-equal where no reduction is involved, else within the
// tolerance of its length.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

TEST_CASE("chains and fans of pointwise ops are one kernel and equal to the bit", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor h = gelu(x[0] * 1.5 + x[1]);
        return std::vector<Tensor>{tanh(h) - x[0], where(h > 0.0, h, exp(x[1])),
                                   sigmoid(h) / (x[0] * x[0] + 1.0)};
      },
      [] {
        return Inputs{ramp({37, 53}, 4), ramp({53}, 2)};
      },
      0, 1);
}

TEST_CASE("losses and norms are one kernel, with the same bits on any number of threads",
          "[compiled]") {
  auto classes = [](int64_t n, int64_t count) {
    std::vector<int64_t> v;
    for (int64_t k = 0; k < n; k++)
      v.push_back(k % 5 == 3 ? -100 : k * 31 % count);
    return from_data(v.data(), {n}, i64);
  };
  auto one = [](Tensor t) { return std::vector<Tensor>{std::move(t)}; };
  struct Case {
    const char* name;
    Body body;
    std::function<Inputs()> make;
  };
  std::vector<Case> cases;
  // 65536 rows and more are summed in pieces, 5003 and 70001 of them cannot be.
  for (int64_t rows : {1, 2, 33, 1000, 5003, 65536, 70001, 131072})
    cases.push_back({"cross_entropy",
                     [=](const Inputs& x) { return one(cross_entropy(x[0], x[1])); },
                     [=] {
                       return Inputs{ramp({rows, 7}, 3), classes(rows, 7)};
                     }});
  for (DType dtype : {f64, bf16})
    cases.push_back({"cross_entropy",
                     [=](const Inputs& x) { return one(cross_entropy(x[0], x[1])); },
                     [=] {
                       return Inputs{ramp({300, 40}, 3, dtype), classes(300, 40)};
                     }});
  cases.push_back({"weighted cross_entropy",
                   [=](const Inputs& x) { return one(cross_entropy(x[0], x[1], x[2])); },
                   [=] {
                     return Inputs{ramp({900, 6}, 3), classes(900, 6), ramp({6}) + 2.0};
                   }});
  for (int64_t n : {10, 3000, 200000})
    cases.push_back({"mse_loss", [=](const Inputs& x) { return one(mse_loss(x[0], x[1])); },
                     [=] {
                       return Inputs{ramp({n}, 2), ramp({n})};
                     }});
  cases.push_back({"norm",
                   [=](const Inputs& x) {
                     return one(sqrt(sum(x[0] * x[0]) + sum(x[1] * x[1]) + sum(x[2] * x[2])));
                   },
                   [=] {
                     return Inputs{ramp({400, 300}), ramp({77}), ramp({5, 6, 7})};
                   }});
  for (const Case& c : cases) {
    INFO(c.name << " of " << c.make()[0].shape().str());
    double tolerance = c.make()[0].dtype() == bf16 ? kSumBf16 : kSum;
    compare(c.body, c.make, tolerance, 1);
    auto f = compile([&](const Inputs& x) { return c.body(x); }, {.deterministic = true});
    Inputs x = c.make();
    std::vector<std::vector<double>> seen;
    for (int threads : {1, 1, 2, 3, 4}) { // the first call records
      set_num_threads(threads);
      seen.push_back(numbers(f(x)[0]));
    }
    set_num_threads(0);
    for (size_t k = 2; k < seen.size(); k++)
      CHECK(seen[k] == seen[1]);
  }
}

TEST_CASE("a loss over any number of rows is one kernel", "[compiled]") {
  auto f = compile([](const Tensor& x, const Tensor& t) { return cross_entropy(x, t); });
  int64_t calls = 0;
  for (int64_t rows : {64, 64, 32, 100, 70001, 131072, 3}) {
    INFO(rows << " rows");
    std::vector<int64_t> v;
    for (int64_t k = 0; k < rows; k++)
      v.push_back(k % 5 == 3 ? -100 : k * 31 % 7);
    Tensor x = ramp({rows, 7}, 3), t = from_data(v.data(), {rows}, i64);
    CHECK(difference(cross_entropy(x, t), f(x, t)) <= kSum);
    CHECK(f.stats().kernels == calls++); // the first call records
  }
  CHECK(f.stats().programs == 2); // one for the recorded sizes, one for all others
}

TEST_CASE("views are read through", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor t = x[0].transpose(0, 2);
        return std::vector<Tensor>{t.contiguous() + 1.0, slice(x[0], 1, 1, 5, 2) * 2.0,
                                   x[0].reshape({6, -1}) + x[1].reshape({6, 1}),
                                   x[0].permute({1, 0, 2}).reshape({-1}) * 3.0};
      },
      [] {
        return Inputs{ramp({4, 6, 5}), ramp({6})};
      });
}

TEST_CASE("concatenation and selection", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor c = concatenate({x[0], x[1] * 2.0, exp(x[0])}, 1);
        return std::vector<Tensor>{c + 1.0, select(c, 1, 4), c.transpose(0, 1).contiguous()};
      },
      [] {
        return Inputs{ramp({5, 3}), ramp({5, 4})};
      });
}

TEST_CASE("writes through views reach their storage", "[compiled]") {
  compare(
      [](const Inputs& x) {
        slice(x[0], 0, 1, 3).mul_(2.0);
        select(x[0], 1, 2).add_(x[1]);
        x[0].transpose(0, 1).add_(1.0);
        Tensor y = x[0] * 1.0;
        slice(y, 1, 0, 6, 3).copy_(slice(x[0], 1, 1, 3));
        return std::vector<Tensor>{y, sum(x[0], 0)};
      },
      [] {
        return Inputs{ramp({5, 6}), ramp({5})};
      },
      kSum);
}

TEST_CASE("leaves that exchange their values", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor old = x[0].clone();
        x[0].copy_(x[1]);
        x[1].copy_(old);
        x[2].add_(x[0].transpose(0, 1));
        x[2].mul_(x[2].transpose(0, 1).clone());
        return std::vector<Tensor>{x[0] + x[1]};
      },
      [] {
        return Inputs{ramp({4, 4}, 1), ramp({4, 4}, 3), ramp({4, 4}, 2)};
      });
}

TEST_CASE("softmax, log_softmax and layer_norm are one kernel each", "[compiled]") {
  for (int64_t n : {10, 63, 512, 1000}) {
    INFO("row of " << n);
    auto make = [n] { return Inputs{ramp({17, n}, 6), ramp({n}), ramp({n}, 0.3)}; };
    compare([](const Inputs& x) { return std::vector<Tensor>{softmax(x[0], -1)}; }, make, kSum, 1);
    compare([](const Inputs& x) { return std::vector<Tensor>{log_softmax(x[0], -1)}; }, make, kSum,
            1);
    compare([n](const Inputs& x) { return std::vector<Tensor>{layer_norm(x[0], {n}, x[1], x[2])}; },
            make, kSum, 1);
    compare([](const Inputs& x) { return std::vector<Tensor>{softmax(x[0], 0)}; }, make, kSum);
  }
}

TEST_CASE("reductions over any dims", "[compiled]") {
  for (Dims dims : {Dims{}, Dims{0}, Dims{1}, Dims{2}, Dims{0, 1}, Dims{0, 2}, Dims{1, 2}})
    compare(
        [dims](const Inputs& x) {
          return std::vector<Tensor>{sum(x[0] * 2.0, dims), mean(x[0], dims, true), max(x[0], dims),
                                     min(exp(x[0]), dims), argmax(x[0], dims)};
        },
        [] {
          return Inputs{ramp({6, 7, 9})};
        },
        kSum);
}

TEST_CASE("long reductions run in two steps", "[compiled]") {
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{sum(x[0] * x[0]), mean(x[0]),    max(x[0]),
                                   sum(x[1], 0),     mean(x[1], 0), argmax(x[0])};
      },
      [] {
        return Inputs{ramp({640, 512}), ramp({20000, 24})};
      },
      1e-4);
}

TEST_CASE("products carry bias, activation and residual", "[compiled]") {
  for (DType t : {f32, f64, bf16}) {
    double tolerance = t == bf16 ? kSumBf16 : kSum;
    auto make = [t] {
      return Inputs{ramp({33, 48}, 1, t), ramp({48, 40}, 0.3, t), ramp({40}, 1, t),
                    ramp({33, 40}, 1, t)};
    };
    compare(
        [](const Inputs& x) { return std::vector<Tensor>{gelu(matmul(x[0], x[1]) + x[2]) + x[3]}; },
        make, tolerance, 1);
    compare(
        [](const Inputs& x) {
          return std::vector<Tensor>{matmul(x[0].transpose(0, 1), x[3]),
                                     matmul(x[1], x[3].transpose(0, 1))};
        },
        make, tolerance);
  }
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{matmul(x[0], x[1]), matmul(x[0], x[2]), matmul(x[2], x[1])};
      },
      [] {
        return Inputs{ramp({3, 5, 7}), ramp({3, 7, 4}), ramp({7})};
      },
      kSum);
  compare([](const Inputs& x) { return std::vector<Tensor>{matmul(x[0], x[1])}; },
          [] {
            return Inputs{ramp({3, 5}, 9).to(i64), ramp({5, 4}, 9).to(i64)};
          });
}

TEST_CASE("attention over heads", "[compiled]") {
  compare(
      [](const Inputs& x) {
        auto heads = [&](const Tensor& t) { return t.reshape({2, 6, 4, 8}).permute({0, 2, 1, 3}); };
        Tensor q = heads(x[0]), k = heads(x[1]), v = heads(x[2]);
        Tensor p = softmax(matmul(q, k.transpose(2, 3)) * 0.35, -1);
        return std::vector<Tensor>{matmul(p, v).permute({0, 2, 1, 3}).reshape({2, 6, 32})};
      },
      [] {
        return Inputs{ramp({2, 6, 32}), ramp({2, 6, 32}, 2), ramp({2, 6, 32}, 3)};
      },
      kSum);
}

TEST_CASE("dtypes, casts and comparisons", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor i = cast(x[0] * 10.0, i64), b = x[0] > 0.25;
        return std::vector<Tensor>{i * 3 - 1,          cast(x[0], bf16) * cast(x[1], bf16) + 0.1,
                                   cast(b, i64) + i,   logical_and(b, i != 2),
                                   cast(i, f64) / 3.0, sum(b),
                                   where(b, 1.0, 0.0), maximum(i, 2),
                                   clamp(i, -3, 3),    sum(i, 0)};
      },
      [] {
        return Inputs{ramp({9, 11}), ramp({9, 11}, 2)};
      });
}

TEST_CASE("masks of numbers alone are those of eager calls", "[compiled]") {
  const Tensor x = tensor(1.0f).requires_grad_();
  auto masks = [] {
    return concatenate({logical_and(0.5, 1).view({1}), eq(0.5, 0).view({1}), lt(2, 3).view({1}),
                        ne(true, false).view({1})});
  };
  auto slope = [&] { return grad({pow(x, 0.5)}, {x})[0]; }; // asks whether the exponent is 0
  auto fast_masks = compile(masks);
  auto fast_slope = compile(slope);
  for (int k = 0; k < 4; k++) {
    CHECK(fast_masks().to_vector<bool>() == std::vector<bool>{true, false, true, true});
    CHECK(fast_slope().item<float>() == 0.5f);
  }
}

TEST_CASE("the tail of a row writes no element of the next one", "[compiled]") {
  auto f = compile([](const Tensor& x) { return softmax(x, 0); });
  for (DType dtype : {bf16, f32, f64})
    for (int64_t n : {5, 9, 17, 33, 65}) { // a vector and one more, for each vector length
      auto rows = compile([](const Tensor& x) { return softmax(x, 0); });
      const Tensor x = ramp({3, n}, 2, dtype);
      for (int k = 0; k < 3; k++) {
        INFO(x.shape());
        CHECK(difference(softmax(x, 0), rows(x)) <= (dtype == bf16 ? kSumBf16 : kSum));
        CHECK(difference(softmax(x, 0), f(x)) <= (dtype == bf16 ? kSumBf16 : kSum));
      }
    }
}

TEST_CASE("special values pass as in eager ops", "[compiled]") {
  float nan = std::nanf(""), inf = INFINITY;
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{
            exp(x[0]),          log(x[0]),    tanh(x[0]),      relu(x[0]),
            maximum(x[0], 0.0), x[0] / x[0],  sqrt(x[0]),      gelu(x[0]),
            max(x[0]),          argmax(x[0]), cast(x[0], i64), softmax(x[0], 0),
            pow(x[0], 2.0),     silu(x[0]),   erf(x[0]),       clamp(x[0], -1.0, 1.0)};
      },
      [=] {
        return Inputs{tensor(std::vector<float>{nan, inf, -inf, 0.f, -0.f, 1e30f, -1e30f, 1e-40f,
                                                88.8f, -104.f, 3.f},
                             {11})};
      },
      kSum);
}

TEST_CASE("a sum of zeros is 0 whatever their signs, over any number of them", "[compiled]") {
  for (int64_t n : {1, 2, 17}) {
    const Tensor x = full({3, n, 1}, -0.0);
    auto reciprocals = [](const Tensor& x) {
      return std::vector<Tensor>{1.0 / sum(x, 1), 1.0 / mean(x, 2), 1.0 / sum(x)};
    };
    auto f = compile(reciprocals);
    for (int call = 0; call < 3; call++) {
      INFO("n " << n << " call " << call);
      const std::vector<Tensor> want = reciprocals(x), got = f(x);
      for (size_t k = 0; k < want.size(); k++)
        CHECK(all(got[k] == want[k]).item<bool>());
      CHECK(all(want[0] == INFINITY).item<bool>());
    }
  }
}

TEST_CASE("random numbers are the eager stream", "[compiled]") {
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{x[0] * uniform({7, 5}), normal({7, 5}) + x[0],
                                   normal({3}, 0, 1, f64)};
      },
      [] {
        return Inputs{ramp({7, 5})};
      });
}

TEST_CASE("empty and single-element tensors", "[compiled]") {
  compare(
      [](const Inputs& x) {
        return std::vector<Tensor>{
            x[0] + 1.0, sum(x[0], 0), matmul(x[0], x[1]), sum(x[0]), concatenate({x[0], x[2]}, 0),
            x[3] * 2.0};
      },
      [] {
        return Inputs{zeros({0, 4}), ramp({4, 3}), ramp({2, 4}), ramp({})};
      },
      kSum);
}

TEST_CASE("numbers compared with numbers keep their fractions", "[compiled]") {
  compare(
      [](const Inputs& x) {
        Tensor y = x[0].clone().requires_grad_();
        sum(pow(y, 0.5)).backward(); // asks whether 0.5 is 0
        return std::vector<Tensor>{y.grad(), where(eq(0.5, 0.0), x[0], -x[0]),
                                   where(lt(1, 2), x[0], -x[0])};
      },
      [] { return Inputs{ramp({5}) + 8.0}; });
}
