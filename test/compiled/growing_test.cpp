// Sizes that grow from call to call, as a cache of keys and values does: few programs serve all.

#include "compiled_util.h"

using namespace weft;
using namespace weft::test;

namespace {

constexpr int kTokens = 300;
constexpr int64_t kWidth = 16;

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v) {
  return matmul(softmax(matmul(q, k.transpose(0, 1)) * 0.25, 1), v);
}

Tensor token(int t) { return ramp({1, kWidth}, 0.5 + 0.01 * t); }

} // namespace

TEST_CASE("a cache that the caller grows takes at most two programs") {
  auto f = compile(attend);
  Tensor k = zeros({0, kWidth}), v = zeros({0, kWidth});
  for (int t = 0; t < kTokens; t++) {
    k = concatenate({k, token(t)}, 0);
    v = concatenate({v, token(t) * 2}, 0);
    const Tensor y = f(token(t), k, v);
    if (t % 37 == 0) CHECK(difference(attend(token(t), k, v), y) <= kSum);
  }
  CHECK(f.stats().programs <= 2);
  CHECK(f.stats().divergences == 0);
}

TEST_CASE("a cache that the function grows takes at most two programs") {
  Tensor k = zeros({0, kWidth}), v = zeros({0, kWidth});
  auto f = compile([&](const Tensor& x) {
    k = concatenate({k, x}, 0);
    v = concatenate({v, x * 2}, 0);
    return attend(x, k, v);
  });
  for (int t = 0; t < kTokens; t++) {
    const Tensor y = f(token(t));
    if (t % 37 == 0) CHECK(difference(attend(token(t), k, v), y) <= kSum);
  }
  CHECK(k.size(0) == kTokens);
  CHECK(f.stats().programs <= 2);
}

TEST_CASE("a cache that is written in place and read up to the token takes at most two programs") {
  Tensor cache = zeros({2, kTokens, kWidth});
  auto f = compile([&](const Tensor& x, int64_t at) {
    slice(cache, 1, at, at + 1).copy_(x);
    const Tensor known = slice(cache, 1, 0, at + 1);
    return sum(matmul(known, x.transpose(1, 2)), 1);
  });
  for (int t = 0; t < kTokens; t++) {
    const Tensor x = ramp({2, 1, kWidth}, 0.5 + 0.01 * t), y = f(x, t);
    if (t % 37 == 0)
      CHECK(difference(sum(matmul(slice(cache, 1, 0, t + 1), x.transpose(1, 2)), 1), y) <= kSum);
  }
  CHECK(f.stats().programs <= 2);
}
