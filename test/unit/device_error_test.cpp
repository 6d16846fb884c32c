// What kernels refuse: the host learns of it where it waits, in the words and with the line of the
// op that refused; what came before it stays, what came after it never was.
#include "test/unit/device_util.h"

#include "weft/compile.h"
#include "weft/nn.h"

#include <catch2/catch.hpp>

using namespace weft;
using namespace weft::test;

namespace {

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

Tensor classes(std::vector<int64_t> v) {
  return tensor(v, Shape{static_cast<int64_t>(v.size())}).to(test_device());
}

} // namespace

TEST_CASE("an element that an op refuses is an error where the host waits", "[device]") {
  Device device = test_device();
  Tensor logits = zeros({2, 3}, f32, device), weights = ones({4}, f32, device);
  Tensor before = weights * 2;
  Tensor loss = cross_entropy(logits, classes({1, 7})); // enqueued, refused later
  const int line = __LINE__ - 1;
  weights.add_(1);
  Tensor after = weights * 2;
  const std::string eager = message_of([&] {
    cross_entropy(zeros({2, 3}), tensor({int64_t{1}, int64_t{7}}));
  });
  const std::string got = message_of([&] { loss.item<float>(); });
  const std::string words = eager.substr(0, eager.find(", got")); // which one it was, the CPU tells
  CHECK_THAT(got, Catch::StartsWith(words));
  CHECK_THAT(got, Catch::Contains("device_error_test.cpp:" + std::to_string(line)));
  // Said once; from then on what depends on it says why it is not there.
  CHECK(before.to_vector<float>() == std::vector<float>{2, 2, 2, 2});
  CHECK(weights.to_vector<float>() == std::vector<float>{1, 1, 1, 1});
  CHECK_THAT(message_of([&] { after.to_vector<float>(); }), Catch::Contains(words));
  CHECK_THAT(message_of([&] { loss.item<float>(); }), Catch::Contains(words));
  CHECK_THAT(message_of([&] { Tensor more = loss + 1; }), Catch::Contains(words));
  // Work goes on.
  CHECK((weights * 3).sum().item<float>() == 12);
  CHECK(cross_entropy(logits, classes({1, 2})).item<float>() == Approx(std::log(3.f)));
}

TEST_CASE("synchronize() says what was refused, and only that", "[device]") {
  Device device = test_device();
  Tensor logits = zeros({2, 3}, f32, device);
  synchronize(device);
  { Tensor lost = cross_entropy(logits, classes({5, 0})); }
  CHECK_THROWS_AS(synchronize(device), Error);
  synchronize(device);
}

TEST_CASE("a compiled region's refusals name their op as well", "[device]") {
  Device device = test_device();
  Tensor w = ones({4, 3}, f32, device).requires_grad_();
  Tensor x = ones({2, 4}, f32, device);
  auto step = compile([&](const Tensor& y) {
    Tensor loss = cross_entropy(matmul(x, w), y);
    const NoGrad no_grad;
    w.sub_(loss * 0.5);
    return loss;
  });
  const int line = __LINE__ - 5;
  for (int k = 0; k < 3; k++)
    step(classes({0, 2})).item<float>();
  REQUIRE(step.stats().programs == 1);
  const std::vector<float> kept = w.to_vector<float>();
  Tensor loss = step(classes({0, 3}));
  const std::string got = message_of([&] { loss.item<float>(); });
  CHECK_THAT(got, Catch::StartsWith("cross_entropy: targets must be classes below 3"));
  CHECK_THAT(got, Catch::Contains("device_error_test.cpp:" + std::to_string(line)));
  CHECK(w.to_vector<float>() == kept); // the update behind the refused op never was
  CHECK(std::isfinite(step(classes({0, 2})).item<float>()));
  CHECK(step.stats().divergences == 0);
}
