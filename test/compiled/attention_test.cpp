// softmax between two products runs tile by tile: against eager ops, in every form of mask and
// layout.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

using Inputs = std::vector<Tensor>;

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const std::function<Tensor(Tensor)>& masked) {
  Tensor scores = masked(matmul(q, transpose(k, -2, -1)) * 0.125);
  return matmul(softmax(scores, -1), v);
}
Tensor plain(Tensor scores) { return scores; }
Tensor causal(Tensor scores) {
  Tensor rows = unsqueeze(arange(scores.size(-2)), 1), columns = arange(scores.size(-1));
  return where(columns <= rows, scores, -std::numeric_limits<double>::infinity());
}

/// Runs the body compiled and eagerly without gradients; returns the launches of one call.
int64_t launches(const std::function<Tensor(const Inputs&)>& body, const Inputs& inputs,
                 double tolerance = 2e-6) {
  NoGrad no_grad;
  auto f = compile([&](const Inputs& x) { return body(x); });
  Tensor want = body(inputs);
  for (int call = 0; call < 3; call++)
    CHECK(difference(want, f(inputs)) <= tolerance);
  INFO(f.explain());
  CHECK(f.stats().eager_segments == 0);
  return f.stats().kernels / 2;
}

Inputs heads(int64_t batch, int64_t rows, int64_t columns, int64_t width = 32) {
  return {ramp({batch, rows, width}, 2), ramp({batch, columns, width}, 3),
          ramp({batch, columns, width}, 1)};
}

} // namespace

TEST_CASE("attention is one launch, whatever its mask", "[compiled]") {
  auto [rows, columns] = GENERATE(std::pair(512, 512), std::pair(260, 1031), std::pair(1024, 260),
                                  std::pair(397, 997));
  INFO("rows " << rows << " columns " << columns);
  Inputs x = heads(3, rows, columns);
  CHECK(launches([](const Inputs& i) { return attention(i[0], i[1], i[2], plain); }, x) == 1);
  // Values must be finite where a mask is chosen, scores as well where it is added.
  CHECK(launches([](const Inputs& i) { return attention(i[0], i[1], i[2], causal); }, x) == 1);
  x.push_back(ramp({rows, columns}, 4));
  CHECK(launches(
            [](const Inputs& i) {
              return attention(i[0], i[1], i[2], [&](Tensor s) { return s + i[3]; });
            },
            x) == 1);
  x.back() = x.back() > 0.0;
  CHECK(launches(
            [](const Inputs& i) {
              return attention(i[0], i[1], i[2], [&](Tensor s) { return where(i[3], s, -1e9); });
            },
            x) == 1);
}

TEST_CASE("attention whose rows are longer than a tile's cache is one launch", "[compiled]") {
  const int64_t columns = 20000;
  const double sums = 4 * std::sqrt(double(columns)) * std::numeric_limits<float>::epsilon() / 2;
  Inputs x = heads(3, 64, columns);
  for (auto* mask : {plain, causal})
    CHECK(launches([mask](const Inputs& i) { return attention(i[0], i[1], i[2], mask); }, x,
                   sums) == 1);
}

TEST_CASE("attention in blocks of columns gives what whole rows give at -inf, inf and NaN",
          "[compiled]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const int64_t rows = 128, width = 8;
  const int64_t columns = GENERATE(4096, 4100); // blocks of 256 leave some over, or none
  auto dtype = GENERATE(f32, f64);
  auto* mask = GENERATE(plain, causal);
  INFO("columns " << columns << " dtype " << name_of(dtype) << " causal " << (mask == causal));
  NoGrad no_grad;
  auto body = [mask](const Inputs& i) { return attention(i[0], i[1], i[2], mask); };
  auto f = compile(body);
  auto check = [&](const Inputs& x) {
    Tensor want = body(x), have = f(x);
    CHECK(allclose(have, want, dtype == f64 ? 1e-12 : 1e-5, dtype == f64 ? 1e-12 : 1e-5, true));
  };
  auto inputs = [&] {
    Inputs x = heads(2, rows, columns, width);
    for (Tensor& t : x)
      t = t.to(dtype);
    return x;
  };
  check(inputs());
  // In q, in k in the first and in the last block, and in v where rows see it or not.
  const std::pair<size_t, int64_t> places[] = {{0, 40}, {1, 0},   {1, 300},        {1, columns - 1},
                                               {2, 5},  {2, 127}, {2, columns - 1}};
  for (auto [tensor, row] : places)
    for (double bad : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN(), 1e30}) {
      INFO("row " << row << " of " << tensor << " has " << bad);
      Inputs x = inputs();
      x[tensor][{1, row, 3}] = bad;
      check(x);
    }
  // A row of which all scores are -inf, and one of which only the last block has others.
  Inputs x = inputs();
  x[1].copy_(abs(x[1]) + 1.0);
  x[0][{0, 50}] = -infinity;
  check(x);
  x[1][{0, Slice(0, columns - 3)}] = infinity;
  x[1][{0, Slice(columns - 3)}] = 0.0;
  x[0][{0, 50}] = -1.0;
  check(x);
  CHECK(f.stats().eager_segments <= 1); // none but the trial's
}

TEST_CASE("attention finds the columns of each entry of a batch where masks differ", "[compiled]") {
  const int64_t columns = GENERATE(512, 3000);
  const int64_t rows = GENERATE(260, 512);
  INFO("rows " << rows << " columns " << columns);
  Inputs x = heads(4, rows, columns);
  // Entry k sees columns from 100 k on, as many as it has.
  Tensor first = reshape(arange(4) * 100, {4, 1, 1}), column = arange(columns);
  x.push_back(logical_and(first <= column, column < first * 2 + 130));
  auto padded = [](const Inputs& i) {
    return attention(i[0], i[1], i[2], [&](Tensor s) {
      return where(i[3], s, -std::numeric_limits<double>::infinity());
    });
  };
  CHECK(launches(padded, x) == 1);
  x[3] = logical_and(x[3], unsqueeze(arange(rows), 1) % 2 == 0); // every other row sees nothing
  NoGrad no_grad;
  auto f = compile([&](const Inputs& i) { return padded(i); });
  for (int call = 0; call < 2; call++)
    CHECK(allclose(f(x), padded(x), 1e-5, 2e-6, true));
}

TEST_CASE("attention of rows that change is one launch for all of them", "[compiled]") {
  NoGrad no_grad;
  for (auto* mask : {plain, causal}) {
    auto body = [mask](const Inputs& i) { return attention(i[0], i[1], i[2], mask); };
    // With a budget, which is never used up here, no trial against the ops takes a turn.
    auto f = compile(body, {.memory_budget = int64_t{1} << 40});
    for (auto [rows, columns] : {std::pair(64, 64),
                                 {64, 64},
                                 {96, 96},
                                 {700, 700},
                                 {17, 17},
                                 {1031, 1031},
                                 {96, 300},
                                 {300, 2100}}) {
      INFO("rows " << rows << " columns " << columns);
      Inputs x = heads(3, rows, columns);
      const int64_t before = f.stats().kernels;
      CHECK(difference(body(x), f(x)) <= 5e-6);
      if (rows != 64) CHECK(f.stats().kernels == before + 1);
    }
    CHECK(f.stats().programs == 3);
    CHECK(f.stats().eager_segments == 0);
  }
}

TEST_CASE("attention reads heads where a projection left them", "[compiled]") {
  int64_t batch = 2, rows = 512, count = 3, width = 16;
  Tensor qkv = ramp({batch, rows, 3 * count * width}, 2);
  auto body = [=](const Inputs& i) {
    auto head = [&](int64_t k) {
      Tensor part = slice(i[0], 2, k * count * width, (k + 1) * count * width);
      return permute(reshape(part, {batch, rows, count, width}), {0, 2, 1, 3});
    };
    Tensor y = attention(head(0), head(1), head(2), causal);
    return reshape(permute(y, {0, 2, 1, 3}), {batch, rows, count * width});
  };
  CHECK(launches(body, {qkv}) == 2); // with the copy behind it
}

TEST_CASE("probabilities that the tape keeps stay whole, and gradients are right", "[compiled]") {
  auto run = [](bool compiled) {
    Inputs x = heads(2, 512, 512);
    for (Tensor& t : x)
      t.requires_grad_();
    auto body = [](const Inputs& i) {
      Tensor loss = mean(attention(i[0], i[1], i[2], causal) * i[2]);
      loss.backward();
      return loss;
    };
    auto f = compile([&](const Inputs& i) { return body(i); });
    for (int call = 0; call < 3; call++) {
      for (Tensor& t : x)
        t.set_grad({});
      compiled ? f(x) : body(x);
    }
    return Inputs{x[0].grad(), x[1].grad(), x[2].grad()};
  };
  Inputs want = run(false), have = run(true);
  for (size_t k = 0; k < 3; k++)
    CHECK(difference(want[k], have[k]) <= 1e-7);
}

TEST_CASE("small attention is not cut into tiles", "[compiled]") {
  CHECK(launches([](const Inputs& i) { return attention(i[0], i[1], i[2], plain); },
                 heads(2, 64, 64)) == 3);
}
