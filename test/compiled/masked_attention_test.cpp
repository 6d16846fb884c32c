// Attention whose mask hides columns from all rows of a tile: they are left out, and nothing that
// eager ops show may tell.
#include "test/compiled/compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Mask = std::function<Tensor(const Tensor& scores, const Inputs& more)>;

Inputs heads(int64_t batch, int64_t rows, int64_t columns, DType dtype = f32, int64_t width = 32) {
  return {ramp({batch, rows, width}, 2, dtype), ramp({batch, columns, width}, 3, dtype),
          ramp({batch, columns, width}, 1, dtype)};
}

Tensor behind(const Tensor& scores, DType dtype = i64) {
  return unsqueeze(arange(0, scores.size(-2), 1, dtype), 1) - arange(0, scores.size(-1), 1, dtype);
}

Body attention(const Mask& mask) {
  return [mask](const Inputs& x) -> std::vector<Tensor> {
    Tensor scores = mask(matmul(x[0], transpose(x[1], -2, -1)) * 0.125, x);
    return {matmul(softmax(scores, -1), x[2])};
  };
}

void check(const Body& body, const Inputs& x, double tolerance = 2e-6) {
  NoGrad no_grad;
  compare(
      body, [&] { return x; }, tolerance);
}

Tensor causal(const Tensor& s, const Inputs&) { return where(behind(s) >= 0, s, kHidden); }
Tensor window(const Tensor& s, const Inputs&) {
  Tensor d = behind(s);
  return where((d >= 0) & (d < 96), s, kHidden);
}
Tensor wide(const Tensor& s, const Inputs&) {
  Tensor d = behind(s);
  return where((d > -100000) & (d < 100000), s, kHidden);
}
Tensor ahead(const Tensor& s, const Inputs&) { return where(behind(s) < 0, s, kHidden); }
Tensor alibi(const Tensor& s, const Inputs&) {
  Tensor d = behind(s, f32);
  return s + where(d >= 0, -0.0625 * d, kHidden).to(s.dtype());
}

} // namespace

TEST_CASE("masks made of positions, at even and odd sizes", "[compiled]") {
  auto [rows, columns] = GENERATE(std::pair(512, 512), std::pair(260, 1031), std::pair(1024, 260),
                                  std::pair(640, 577));
  INFO("rows " << rows << " columns " << columns);
  Inputs x = heads(3, rows, columns);
  check(attention(causal), x);
  check(attention(window), x); // rows beyond the columns see none: NaN
  check(attention(wide), x);
  check(attention(ahead), x); // the last row sees none
  check(attention(alibi), x);
}

TEST_CASE("masks in other dtypes", "[compiled]") {
  auto [dtype, tolerance] =
      GENERATE(std::pair(f64, 1e-12), std::pair(bf16, 0.02), std::pair(f16, 0.005));
  INFO("dtype " << static_cast<int>(dtype));
  for (const Mask& mask : {Mask(causal), Mask(window), Mask(alibi)})
    check(attention(mask), heads(2, 512, 640, dtype), tolerance);
  auto flat = [](const Inputs& x) -> std::vector<Tensor> {
    return {scaled_dot_product_attention(x[0], x[1], x[2], {}, 0, true)};
  };
  check(flat, heads(2, 512, 640, dtype), tolerance);
}

TEST_CASE("masks that are tensors: blocks, padding, hidden rows", "[compiled]") {
  int64_t rows = 512, columns = 704;
  Inputs x = heads(4, rows, columns);
  Tensor row = unsqueeze(arange(rows), 1), column = arange(columns);
  Tensor documents = (row / 100) == (column / 137);
  Tensor padding = reshape(column < reshape(arange(4) * 200, {4, 1}), {4, 1, columns});
  Tensor sparse = (row * 31 + column * 17) % 97 == 0;
  Tensor none = column < 0;
  for (const Tensor& mask : {documents, padding, sparse, reshape(none, {1, columns})}) {
    Inputs all = x;
    all.push_back(mask);
    auto chosen = [](const Tensor& s, const Inputs& i) { return where(i[3], s, kHidden); };
    check(attention(chosen), all);
    auto flat = [](const Inputs& i) -> std::vector<Tensor> {
      return {scaled_dot_product_attention(i[0], i[1], i[2], i[3])};
    };
    check(flat, all); // rows that see nothing are 0
    all.back() = where(mask, 0.5, kHidden);
    check(flat, all);
    auto added = [](const Tensor& s, const Inputs& i) { return s + i[3]; };
    check(attention(added), all);
  }
}

TEST_CASE("NaN and infinity behind a mask show as they do eagerly", "[compiled]") {
  double bad = GENERATE(kNan, -kHidden, 3e38);
  int input = GENERATE(0, 1, 2);
  INFO("input " << input << " holds " << bad);
  Inputs x = heads(2, 512, 512);
  Tensor at = reshape(arange(2 * 512 * 32), {2, 512, 32}) == 512 * 32 + 300 * 32 + 7;
  x[input] = where(at, bad, x[input]);
  for (const Mask& mask : {Mask(causal), Mask(window), Mask(alibi)})
    check(attention(mask), x);
}

TEST_CASE("a soft cap in front of the mask, and scores that are scaled behind it", "[compiled]") {
  Inputs x = heads(2, 512, 512);
  check(attention([](const Tensor& s, const Inputs& i) { return causal(tanh(s) * 3.0, i); }), x);
  check(attention([](const Tensor& s, const Inputs& i) { return causal(s, i) * 0.5; }), x);
  check(attention([](const Tensor& s, const Inputs& i) { return causal(s, i) * -1.0; }), x);
  check(attention([](const Tensor& s, const Inputs& i) { return alibi(causal(s, i), i); }), x);
  check(attention([](const Tensor& s, const Inputs&) {
          return where(behind(s) >= 0, s, -1e9); // hides nothing for certain
        }),
        x);
}

TEST_CASE("numbers of a mask change from call to call", "[compiled]") {
  NoGrad no_grad;
  double width = 0, fill = kHidden;
  auto body = [&](const Inputs& x) {
    Tensor scores = matmul(x[0], transpose(x[1], -2, -1));
    Tensor d = behind(scores);
    return matmul(softmax(where((d >= 0) & (d < width), scores, fill), -1), x[2]);
  };
  auto f = compile([&](const Inputs& x) { return body(x); });
  Inputs x = heads(2, 512, 512);
  for (double w : {64.0, 64.0, 1000.0, 1.0, 0.0, 200.0})
    for (double v : {kHidden, -3.0}) {
      width = w, fill = v;
      INFO("width " << w << " fill " << v);
      CHECK(difference(body(x), f(x)) <= 2e-6);
    }
  CHECK(f.stats().programs == 1);
}

TEST_CASE("masked attention with sizes as arguments", "[compiled]") {
  NoGrad no_grad;
  CompileOptions options;
  options.sizes = CompileOptions::Sizes::generic;
  Body body = attention(window);
  auto f = compile([&](const Inputs& x) { return body(x); }, options);
  for (auto [rows, columns] : {std::pair(512, 512), std::pair(260, 640), std::pair(1031, 257)})
    for (int call = 0; call < 2; call++) {
      Inputs x = heads(2, rows, columns);
      CHECK(difference(body(x)[0], f(x)[0]) <= 2e-6);
    }
}

TEST_CASE("masks over rows whose number changes, before columns that stay", "[compiled]") {
  NoGrad no_grad;
  for (const Mask& mask : {Mask(causal), Mask(window), Mask(ahead), Mask(alibi)}) {
    Body body = attention(mask);
    auto f = compile([&](const Inputs& x) { return body(x); });
    for (int64_t rows : {64, 64, 96, 96, 700, 17, 1031, 1500}) {
      INFO("rows " << rows);
      Inputs x = heads(2, rows, 704);
      CHECK(difference(body(x)[0], f(x)[0]) <= 2e-6);
    }
    CHECK(f.stats().programs <= 3);
    CHECK(f.stats().eager_segments == 0);
  }
}

TEST_CASE("windows of columns have the bits of whole rows", "[compiled]") {
  NoGrad no_grad;
  // A mask of -inf that hides nothing for certain keeps whole rows.
  Inputs x = heads(2, 512, 512);
  auto run = [&](double smallest) {
    auto f = compile([&](const Inputs& i) {
      Tensor s = matmul(i[0], transpose(i[1], -2, -1)) * 0.125;
      return matmul(softmax(where(behind(s) >= 0, s, smallest), -1), i[2]);
    });
    f(x);
    return f(x);
  };
  Tensor windows = run(kHidden), whole = run(-1e30);
  CHECK(numbers(windows) == numbers(whole));
}
