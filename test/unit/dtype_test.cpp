// Narrow integers and f16 in eager code: promotion, conversions, wrapping, rounding, printing.
#include "kernels/elements.h"
#include "weft/weft.h"

#include <catch2/catch.hpp>

using namespace weft;

namespace {

constexpr DType kAll[] = {u8, i8, i16, i32, i64, f16, f32, f64, boolean, bf16};
constexpr DType kNarrow[] = {i32, i16, i8, u8};

// What a number is once it is stored in an integer dtype.
int64_t wrapped(int64_t v, DType t) {
  switch (t) {
  case DType::i32:
    return static_cast<int32_t>(v);
  case DType::i16:
    return static_cast<int16_t>(v);
  case DType::i8:
    return static_cast<int8_t>(v);
  case DType::u8:
    return static_cast<uint8_t>(v);
  default:
    return v;
  }
}

Tensor integers(const std::vector<int64_t>& values, DType t) {
  return tensor(values, {static_cast<int64_t>(values.size())}).to(t);
}

} // namespace

TEST_CASE("two dtypes promote as in PyTorch's table", "[dtype]") {
  // torch.promote_types, rows and columns by kAll.
  const DType table[10][10] = {{u8, i16, i16, i32, i64, f16, f32, f64, u8, bf16},
                               {i16, i8, i16, i32, i64, f16, f32, f64, i8, bf16},
                               {i16, i16, i16, i32, i64, f16, f32, f64, i16, bf16},
                               {i32, i32, i32, i32, i64, f16, f32, f64, i32, bf16},
                               {i64, i64, i64, i64, i64, f16, f32, f64, i64, bf16},
                               {f16, f16, f16, f16, f16, f16, f32, f64, f16, f32},
                               {f32, f32, f32, f32, f32, f32, f32, f64, f32, f32},
                               {f64, f64, f64, f64, f64, f64, f64, f64, f64, f64},
                               {u8, i8, i16, i32, i64, f16, f32, f64, boolean, bf16},
                               {bf16, bf16, bf16, bf16, bf16, f32, f32, f64, bf16, bf16}};
  for (size_t a = 0; a < 10; a++)
    for (size_t b = 0; b < 10; b++) {
      INFO(kAll[a] << " and " << kAll[b]);
      Tensor x = ones({2}, kAll[a]), y = ones({2}, kAll[b]);
      CHECK((x + y).dtype() == table[a][b]);
      CHECK((ones({}, kAll[a]) * ones({}, kAll[b])).dtype() == table[a][b]);
    }
}

TEST_CASE("0-d tensors and numbers raise the kind alone", "[dtype]") {
  auto kind = [](DType t) { return t == boolean ? 0 : is_integer(t) ? 1 : 2; };
  for (DType a : kAll)
    for (DType b : kAll) {
      INFO(a << " with dims and 0-d " << b);
      DType sum = (ones({2}, a) + ones({}, b)).dtype();
      CHECK(sum == (kind(b) > kind(a) ? b : a));
    }
  for (DType a : kAll) {
    INFO(a);
    Tensor x = ones({2}, a);
    CHECK((x + 2).dtype() == (a == boolean ? i64 : a));
    CHECK((x + 2.5).dtype() == (is_floating(a) ? a : f32));
    CHECK((x + true).dtype() == a);
    CHECK((x / 2).dtype() == (is_floating(a) ? a : f32));
    CHECK(sum(x).dtype() == (is_floating(a) ? a : i64));
    CHECK(prod(x).dtype() == (is_floating(a) ? a : i64));
    CHECK(max(x).dtype() == a);
    CHECK((x == 1).dtype() == boolean);
  }
}

TEST_CASE("conversions between all dtypes", "[dtype]") {
  const std::vector<double> values = {0,    1,   -1,   1.5,   -2.7,  100,      127,      128,   200,
                                      255,  256, 300,  -129,  32767, 32768,    -32769,   65504, 1e6,
                                      -1e6, 3e9, 1e30, -1e30, NAN,   INFINITY, -INFINITY};
  Tensor x = tensor(values, {static_cast<int64_t>(values.size())});
  for (DType from : {f64, f32, f16, bf16})
    for (DType to : {i64, i32, i16, i8, u8, boolean}) {
      Tensor source = x.to(from);
      auto given = source.to(f64).to_vector<double>();
      auto got = source.to(to).to_vector<int64_t>();
      for (size_t k = 0; k < given.size(); k++) {
        INFO(given[k] << " from " << from << " to " << to);
        CHECK(got[k] ==
              (to == boolean ? int64_t{given[k] != 0} : wrapped(kernels::to_int(given[k]), to)));
      }
    }
  std::vector<int64_t> whole;
  for (int64_t v = -70000; v <= 70000; v += 37)
    whole.push_back(v);
  for (DType from : {i64, i32, i16, i8, u8})
    for (DType to : {i64, i32, i16, i8, u8}) {
      auto got = integers(whole, from).to(to).to_vector<int64_t>();
      for (size_t k = 0; k < whole.size(); k++)
        REQUIRE(got[k] == wrapped(wrapped(whole[k], from), to));
    }
}

TEST_CASE("every f16 reads and rounds as IEEE 754 says", "[dtype]") {
  auto value = [](uint32_t bits) {
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023, magnitude = exponent == 0 ? std::ldexp(fraction, -24)
                                               : exponent == 31
                                                   ? (fraction != 0 ? NAN : INFINITY)
                                                   : std::ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
  };
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    float wide = kernels::widen(kernels::F16{static_cast<uint16_t>(bits)});
    double want = value(bits);
    REQUIRE((wide == want || (std::isnan(wide) && std::isnan(want))));
    REQUIRE(std::signbit(wide) == bool(bits >> 15));
    uint32_t again = kernels::to_f16(wide).bits;
    REQUIRE(again == (std::isnan(wide) ? bits | 0x200 : bits));
    if (bits >= 0x7BFF) continue;
    // Halfway to the next number: to even; beside it: to the nearer one.
    float middle = static_cast<float>((value(bits) + value(bits + 1)) / 2);
    REQUIRE(kernels::to_f16(middle).bits == bits + (bits & 1));
    REQUIRE(kernels::to_f16(std::nextafter(middle, 0.f)).bits == bits);
    REQUIRE(kernels::to_f16(std::nextafter(middle, 1e9f)).bits == bits + 1);
  }
  CHECK(kernels::to_f16(65519.99f).bits == 0x7BFF);
  CHECK(kernels::to_f16(65520.f).bits == 0x7C00);
  CHECK(kernels::to_f16(1e-10f).bits == 0);
  CHECK(kernels::to_f16(-1e-10f).bits == 0x8000);
}

TEST_CASE("narrow integers wrap, compare and divide at their own width", "[dtype]") {
  for (DType t : kNarrow) {
    INFO(t);
    std::vector<int64_t> a, b;
    for (int64_t v = -140; v < 300; v += 3)
      for (int64_t w : {-128, -7, -1, 1, 2, 100, 127, 200, 255}) {
        a.push_back(wrapped(v * (size_of(t) == 1 ? 1 : 511), t));
        b.push_back(wrapped(w, t));
      }
    Tensor x = integers(a, t), y = integers(b, t);
    auto check = [&](const char* what, const Tensor& got, auto want) {
      INFO(what);
      auto v = got.to_vector<int64_t>();
      for (size_t k = 0; k < a.size(); k++) {
        INFO(a[k] << " and " << b[k]);
        REQUIRE(v[k] == want(a[k], b[k]));
      }
    };
    using I = int64_t;
    check("+", x + y, [&](I p, I q) { return wrapped(p + q, t); });
    check("-", x - y, [&](I p, I q) { return wrapped(p - q, t); });
    check("*", x * y, [&](I p, I q) { return wrapped(p * q, t); });
    check("neg", -x, [&](I p, I) { return wrapped(-p, t); });
    check("abs", abs(x), [&](I p, I) { return wrapped(std::abs(p), t); });
    check("<", x < y, [&](I p, I q) { return I{p < q}; });
    check("max", maximum(x, y), [&](I p, I q) { return std::max(p, q); });
    check("fmod", fmod(x, y), [&](I p, I q) { return wrapped(p % q, t); });
    check("trunc_divide", trunc_divide(x, y), [&](I p, I q) { return wrapped(p / q, t); });
    check("floor_divide", floor_divide(x, y),
          [&](I p, I q) { return wrapped(p / q - (p % q != 0 && (p < 0) != (q < 0)), t); });
    check("&", x & y, [&](I p, I q) { return p & q; });
    check("^", x ^ y, [&](I p, I q) { return wrapped(p ^ q, t); });
    check("~", ~x, [&](I p, I) { return wrapped(~p, t); });
    check("<< 3", x << 3, [&](I p, I) { return wrapped(p * 8, t); });
    check("<< 40", x << 40, [&](I, I) { return I{0}; });
    check(">> 2", x >> 2, [&](I p, I) { return p >> 2; });
    check(">> 100", x >> 100, [&](I p, I) { return p < 0 ? I{-1} : I{0}; });
    check("+ 100000", x + 100000, [&](I p, I) { return wrapped(p + wrapped(100000, t), t); });
    check("clamp", clamp(x, 3), [&](I p, I) { return std::max<I>(p, 3); });
    I total = 0;
    for (I v : a)
      total += v;
    CHECK(sum(x).item<int64_t>() == total);
    CHECK(max(x).item<int64_t>() == *std::max_element(a.begin(), a.end()));
    CHECK(argmax(x).item<int64_t>() == std::max_element(a.begin(), a.end()) - a.begin());
    CHECK(argmin(x).item<int64_t>() == std::min_element(a.begin(), a.end()) - a.begin());
    CHECK_THROWS_WITH(floor_divide(x, 0), Catch::Contains("floor_divide"));
  }
}

TEST_CASE("layouts, long rows and columns of converted dtypes", "[dtype]") {
  for (DType t : {f16, i16, u8}) {
    INFO(t);
    Tensor x = (arange(70000) % 7).to(t), matrix = x.reshape({70, 1000});
    Tensor same = (arange(70000) % 7).to(f64), whole = same.reshape({70, 1000});
    auto equal = [](const Tensor& a, const Tensor& b) {
      return all(a.to(f64) == b.to(f64)).item<bool>();
    };
    CHECK(equal(transpose(matrix, 0, 1) + matrix[3][5],
                transpose(whole, 0, 1) + 5.0 * 0 + whole[3][5]));
    CHECK(equal(matrix.slice(1, 1, 999, 3) * 2, whole.slice(1, 1, 999, 3) * 2));
    CHECK(equal(max(matrix, 0), max(whole, 0)));
    CHECK(equal(max(matrix, 1), max(whole, 1)));
    if (!is_floating(t)) CHECK(equal(sum(matrix, 1), sum(whole, 1)));
    CHECK(argmax(x).item<int64_t>() == 6);
    CHECK(equal(concatenate({matrix, matrix}), concatenate({whole, whole})));
    CHECK(equal(matmul(matrix.slice(1, 0, 70, 1) % 3, matrix.slice(1, 0, 8, 1) % 2),
                matmul(whole.slice(1, 0, 70, 1) % 3, whole.slice(1, 0, 8, 1) % 2)));
    Tensor written = matrix.clone();
    written.slice(1, 0, 1000, 2).mul_(0);
    CHECK(equal(max(written, 1), max(whole.slice(1, 1, 1000, 2), 1)));
  }
}

TEST_CASE("host values, literals and text", "[dtype]") {
  CHECK(tensor({int8_t{1}, int8_t{-1}}).dtype() == i8);
  CHECK(tensor({uint8_t{200}}).str() == "[200] u8[1]");
  CHECK(tensor({int16_t{-3}}).item<int16_t>() == -3);
  CHECK(tensor({1, 2}).dtype() == i64); // an int is any integer
  CHECK(tensor({1, 2}).to(i32).data<int32_t>()[1] == 2);
  CHECK(tensor({1.5f, 65536.f}).to(f16).str() == "[1.5000,    inf] f16[2]");
  CHECK(tensor({1.5f}).to(f16).to_vector<Float16>()[0].bits == 0x3E00);
  CHECK(full({2}, -2, u8).str() == "[254, 254] u8[2]");
  CHECK_THROWS_WITH(full({2}, 300, u8),
                    Catch::Contains("full: value must be a number of u8, got 300"));
  CHECK(arange(3, i16).str() == "[0, 1, 2] i16[3]");
  CHECK((tensor({0.1f}).to(f16) + tensor({0.2f}).to(f16)).to(f32).item<float>() == 0.2998046875f);
}

TEST_CASE("limits beyond a dtype limit nothing, and bool squares to i64", "[dtype]") {
  Tensor x = tensor({uint8_t{0}, uint8_t{3}, uint8_t{200}});
  CHECK(clamp(x, -1, 100).str() == "[  0,   3, 100] u8[3]");
  CHECK(hardtanh(x).str() == "[0, 1, 1] u8[3]");
  CHECK(square(tensor({true, false})).str() == "[1, 0] i64[2]");
  Tensor y = tensor({1, 2});
  y.add_(tensor({10, 20}), 3);
  CHECK(y.str() == "[31, 62] i64[2]");
  CHECK_THROWS_WITH(add(y, y, 0.5), Catch::Contains("alpha must be an integer"));
}
