// What happens behind the library's back between an op and its flush: sync(), and writes by others.

#include "region_util.h"

#include <thread>

using namespace region_test;
using Catch::Matchers::Contains;

namespace {

void elsewhere(const std::function<void()>& f) {
  std::thread([&] {
    NoGrad no_grad;
    f();
  }).join();
}

} // namespace

TEST_CASE("sync runs what is deferred: others may write behind it", "[region]") {
  Tensor x = ones({4});
  float* kept = x.mutable_data<float>();
  for (bool by_thread : {false, true}) {
    auto f = compile([&](const Tensor& t) {
      Tensor y = t * 2.0;
      weft::sync();
      if (by_thread)
        elsewhere([&] { x.fill_(50); });
      else
        kept[0] = 50;
      return y + t;
    });
    for (int k = 0; k < 4; k++) {
      x.fill_(1);
      CHECK(f(x)[0].item<float>() == 52);
    }
    CHECK_THAT(f.explain(), Contains(" until sync at ") && Contains("region_hazard_test.cpp:"));
    CHECK(f.stats().segments == 2);
  }
}

TEST_CASE("sync outside of compiled functions and without ops does nothing", "[region]") {
  weft::sync();
  auto f = compile([](const Tensor& t) {
    weft::sync();
    Tensor y = t + 1.0;
    weft::sync();
    weft::sync();
    return y;
  });
  for (int k = 0; k < 3; k++)
    CHECK(f(ones({2}))[0].item<float>() == 2);
}

TEST_CASE("a pure function must not sync", "[region]") {
  CompileOptions options;
  options.pure = true;
  auto f = compile(
      [](const Tensor& t) {
        Tensor y = t + 1.0;
        weft::sync();
        return y;
      },
      options);
  CHECK_THROWS_WITH(f(ones({2})), Contains("read values (sync)"));
}

TEST_CASE("another thread's write to an operand that is still to be read is an error", "[region]") {
  Tensor x = ones({4});
  const Tensor other = ones({4});
  auto f = compile([&](const Tensor& t) {
    Tensor y = t * 2.0;
    elsewhere([&] { x.fill_(50); });
    return y + other;
  });
  CHECK(f(x)[0].item<float>() == 3); // recorded: eager
  for (int k = 0; k < 3; k++) {
    x.fill_(1);
    CHECK_THROWS_WITH(f(x), Contains("mul: no other thread must write an operand while the op is "
                                     "deferred, got f32[4], which changed before the op ran; call "
                                     "weft::sync() before the other thread goes on") &&
                                Contains("region_hazard_test.cpp:"));
  }
}

TEST_CASE("so it is where the segment writes leaves itself, and where it diverges", "[region]") {
  Tensor x = ones({4}), state = zeros({4});
  bool flip = false;
  auto f = compile([&](const Tensor& t) {
    state.add_(t);
    elsewhere([&] { x.fill_(50); });
    return flip ? tanh(state) : exp(state);
  });
  f(x);
  x.fill_(1);
  CHECK_THROWS_WITH(f(x), Contains("add_: no other thread must write an operand"));
  auto g = compile([&](const Tensor& t) {
    Tensor y = t * 2.0;
    elsewhere([&] { x.fill_(50); });
    return flip ? tanh(y) : exp(y);
  });
  g(x);
  flip = true;
  CHECK_THROWS_WITH(g(x), Contains("mul: no other thread must write an operand"));
}

TEST_CASE("a segment's own writes, to any view of a storage, are no one else's", "[region]") {
  Tensor flat = ramp({8});
  const Tensor a = slice(flat, 0, 0, 4), b = slice(flat, 0, 4, 8);
  auto body = [&](const Tensor& t) {
    NoGrad no_grad;
    Tensor before = b * 2.0; // b is a leaf that nobody writes, in a storage that a writes
    a.add_(t).mul_(0.5);
    return before + a;
  };
  auto f = compile(body);
  const Tensor t = ramp({4}, 0.5), start = flat.clone();
  for (int k = 0; k < 4; k++) {
    flat.copy_(start);
    const Tensor want = body(t), left = flat.clone();
    flat.copy_(start);
    require_equal(f(t), want);
    require_equal(flat, left);
  }
}
