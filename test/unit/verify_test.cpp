// CompileOptions::verify, with a compiler that answers (x + y) * factor to everything.

#include "cache_util.h"

#include <weft/weft.h>

using namespace cache_test;
using Catch::Matchers::Contains;

namespace {

Tensor numbers(float first) {
  std::vector<float> v(64);
  for (size_t k = 0; k < v.size(); k++)
    v[k] = first + static_cast<float>(k);
  return tensor(v, {64});
}

CompileOptions verifying(int every) {
  CompileOptions options;
  options.verify = every;
  return options;
}

} // namespace

TEST_CASE("verify lets a right program pass, and counts") {
  Sandbox box;
  auto f =
      weft::compile([](const Tensor& x, const Tensor& y) { return (x + y) * 3.0; }, verifying(2));
  for (int call = 0; call < 6; call++)
    CHECK(f(numbers(1), numbers(2))[1].item<float>() == 15);
  CHECK(f.stats().verified == 3); // of five runs
}

TEST_CASE("verify names the op, its line and the numbers of a wrong program") {
  Sandbox box;
  auto f =
      weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; }, verifying(1));
  CHECK(f(numbers(5), numbers(2))[0].item<float>() == 9);
  CHECK_THROWS_WITH(f(numbers(5), numbers(2)),
                    Contains("verify: the program of segment 0 must give what its ops give, got: "
                             "element 0 of mul (at ") &&
                        Contains("verify_test.cpp:") && Contains(" is 21 for 9 (") &&
                        Contains("ulp), inputs f32[64], f32[64]") &&
                        Contains("no single pass makes it so"));
}

TEST_CASE("without verify nobody looks") {
  Sandbox box;
  auto f = weft::compile([](const Tensor& x, const Tensor& y) { return (x - y) * 3.0; });
  f(numbers(5), numbers(2));
  CHECK(f(numbers(5), numbers(2))[0].item<float>() == 21);
}
