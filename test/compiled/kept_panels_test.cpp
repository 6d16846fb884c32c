// Weights that programs keep packed: whatever changes a weight between two calls, the next one sees
// it.

#include "test/compiled/compiled_util.h"

#include "weft/dlpack.h"
#include "weft/io.h"
#include "weft/memory.h"
#include "weft/optim.h"

#include <thread>

using namespace weft;
using namespace weft::test;

namespace {

constexpr int64_t kRows = 160, kSteps = 160, kColumns = 96;

Tensor images() { return ramp({1, 16, 9, 8}); }
Tensor weights() { return ramp({kSteps, kColumns}); }

struct Product {
  Tensor operand;
  std::function<Tensor()> make_weight;
  std::function<Tensor(const Tensor&, const Tensor&)> body;
};

// A factor that is packed along columns, one that is transposed for it, and one along rows.
std::vector<Product> products() {
  Tensor x = ramp({kRows, kSteps}, 0.5);
  return {{x, weights, [](const Tensor& a, const Tensor& w) { return relu(matmul(a, w)); }},
          {x,
           [] {
             return ramp({kColumns, kSteps});
           },
           [](const Tensor& a, const Tensor& w) { return matmul(a, transpose(w, 0, 1)) + 1.0; }},
          {images(),
           [] {
             return ramp({32, 16, 3, 3});
           },
           [](const Tensor& a, const Tensor& w) { return relu(conv2d(a, w, {}, 1, 1)); }}};
}

// With a budget, which is never used up here, there is no trial of a program against its ops, whose
// sums have another order.
const CompileOptions kAlways{.memory_budget = int64_t{1} << 40};

size_t packed() { return memory::stats().packed; }

// Calls until panels are kept, then changes the weight before each of some further calls.
void check_changes(const std::function<void(const Tensor& w, int call)>& change,
                   bool keeps_again = true) {
  for (const Product& p : products()) {
    memory::trim();
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    Tensor w = p.make_weight();
    for (int call = 0; call < 8; call++)
      CHECK(difference(p.body(p.operand, w), f(p.operand, w)) <= kSum);
    CHECK(packed() > 0);
    CHECK(f.stats().eager_segments == 0);
    for (int call = 0; call < 12; call++) {
      if (call % 6 == 0) change(w, call);
      CHECK(difference(p.body(p.operand, w), f(p.operand, w)) <= kSum);
    }
    CHECK((packed() > 0) == keeps_again);
  }
}

} // namespace

TEST_CASE("a weight that stays the same is packed once, and goes with its storage", "[compiled]") {
  for (const Product& p : products()) {
    memory::trim();
    REQUIRE(packed() == 0);
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    {
      Tensor w = p.make_weight();
      const Tensor want = p.body(p.operand, w);
      for (int call = 0; call < 4; call++)
        CHECK(difference(want, f(p.operand, w)) <= kSum);
      CHECK(packed() == 0);
      const Tensor before = f(p.operand, w);
      for (int call = 0; call < 4; call++) // the same bits, packed now or before
        CHECK(numbers(before) == numbers(f(p.operand, w)));
      CHECK(packed() >= static_cast<size_t>(w.numel()) * sizeof(float));
      CHECK(packed() <= memory::stats().live);
    }
    CHECK(packed() == 0);
    CHECK_THAT(f.explain(), Catch::Contains("kept packed"));
  }
}

TEST_CASE("a weight that is written between calls is packed again", "[compiled]") {
  SECTION("in place") {
    check_changes([](const Tensor& w, int) { w.mul_(-0.5); });
  }
  SECTION("by way of a view") {
    check_changes([](const Tensor& w, int call) { w[call % 3].add_(1.0); });
  }
  SECTION("by way of an alias") {
    check_changes([](const Tensor& w, int) { w.detach().zero_(); });
  }
  SECTION("by another program") {
    auto update = compile([](const Tensor& w) { w.add_(0.25); });
    check_changes([&](const Tensor& w, int) { update(w); });
  }
  SECTION("by an optimizer") {
    check_changes([](const Tensor& w, int) {
      Tensor leaf = w.detach().requires_grad_();
      optim::SGD optimizer({leaf}, {.lr = 0.5});
      (leaf * leaf).sum().backward();
      optimizer.step();
    });
  }
  SECTION("by its address") {
    check_changes([](const Tensor& w, int call) { *w.mutable_data<float>() = float(call) + 9; },
                  false);
  }
}

TEST_CASE("an address given away earlier may be written at any time", "[compiled]") {
  for (const Product& p : products()) {
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    Tensor w = p.make_weight();
    auto* address = w.mutable_data<float>();
    for (int call = 0; call < 10; call++) {
      address[call] += 3;
      CHECK(difference(p.body(p.operand, w), f(p.operand, w)) <= kSum);
    }
  }
}

TEST_CASE("memory of another library has no panels", "[compiled]") {
  for (const Product& p : products()) {
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    Tensor theirs = p.make_weight();
    auto* address = theirs.mutable_data<float>();
    // A struct whose deleter is not ours, so that the tensor does not come home.
    DLManagedTensorVersioned* out = to_dlpack(theirs);
    struct Outer {
      DLManagedTensorVersioned managed, *inner;
    };
    auto* outer = new Outer{*out, out};
    outer->managed.manager_ctx = outer;
    outer->managed.deleter = [](DLManagedTensorVersioned* m) {
      auto* o = static_cast<Outer*>(m->manager_ctx);
      o->inner->deleter(o->inner);
      delete o;
    };
    Tensor w = from_dlpack(&outer->managed);
    for (int call = 0; call < 10; call++) {
      address[call] -= 2;
      CHECK(difference(p.body(p.operand, w), f(p.operand, w)) <= kSum);
    }
  }
}

TEST_CASE("a weight freed and made anew at the same address is another", "[compiled]") {
  for (const Product& p : products()) {
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    for (int weight = 0; weight < 4; weight++) {
      Tensor w = p.make_weight() * (1.0 + weight);
      for (int call = 0; call < 6; call++)
        CHECK(difference(p.body(p.operand, w), f(p.operand, w)) <= kSum);
    }
  }
}

TEST_CASE("a call that writes what it multiplies by sees it before and after", "[compiled]") {
  auto body = [](const Tensor& x, const Tensor& w, const Tensor& alias) {
    Tensor before = matmul(x, w);
    alias.add_(0.5);
    return before + matmul(x, w);
  };
  for (bool whole : {true, false}) {
    auto f = compile(
        [&](const Tensor& x, const Tensor& w, const Tensor& a) { return body(x, w, a); }, kAlways);
    Tensor x = ramp({kRows, kSteps}, 0.5), eager = weights(), compiled = weights();
    for (int call = 0; call < 8; call++) {
      Tensor want = body(x, eager, whole ? eager : eager[1]);
      CHECK(difference(want, f(x, compiled, whole ? compiled : compiled[1])) <= kSum);
    }
  }
}

TEST_CASE("products read the same weights at several places", "[compiled]") {
  auto body = [](const Tensor& x, const Tensor& w) {
    return matmul(x, slice(w, 0, 0, kSteps)) + matmul(x, slice(w, 0, kSteps, 2 * kSteps));
  };
  auto f = compile([&](const Tensor& x, const Tensor& w) { return body(x, w); }, kAlways);
  Tensor x = ramp({kRows, kSteps}, 0.5), w = ramp({2 * kSteps, kColumns});
  for (int call = 0; call < 8; call++)
    CHECK(difference(body(x, w), f(x, w)) <= kSum);
  CHECK(packed() >= static_cast<size_t>(w.numel()) * sizeof(float));
}

TEST_CASE("threads share panels", "[compiled]") {
  for (const Product& p : products()) {
    auto f = compile([&](const Tensor& a, const Tensor& w) { return p.body(a, w); }, kAlways);
    Tensor w = p.make_weight();
    f(p.operand, w);
    for (int round = 0; round < 3; round++) {
      w.add_(0.125);
      const Tensor want = p.body(p.operand, w);
      std::array<double, 4> worst{};
      std::vector<std::thread> threads;
      for (double& mine : worst)
        threads.emplace_back([&] {
          for (int call = 0; call < 8; call++)
            mine = std::max(mine, difference(want, f(p.operand, w)));
        });
      for (std::thread& t : threads)
        t.join();
      for (double d : worst)
        CHECK(d <= kSum);
    }
  }
}

TEST_CASE("panels give way to tensors", "[compiled]") {
  auto f = compile([](const Tensor& x, const Tensor& w) { return matmul(x, w); }, kAlways);
  Tensor x = ramp({kRows, kSteps}, 0.5), w = weights();
  const Tensor want = matmul(x, w);
  auto call = [&](int times) {
    for (int k = 0; k < times; k++)
      CHECK(difference(want, f(x, w)) <= kSum);
  };
  call(8);
  CHECK(packed() > 0);
  memory::trim();
  CHECK(packed() == 0);
  call(8);
  CHECK(packed() > 0);
  const memory::Stats s = memory::stats();
  memory::set_cap(s.live + s.cached); // none is left for a block that is not cached
  Tensor large;
  CHECK_NOTHROW(large = empty({static_cast<int64_t>(s.cached / sizeof(float)) / 2}));
  memory::set_cap(0);
  call(8);
}

TEST_CASE("a pure function keeps panels too", "[compiled]") {
  CompileOptions options = kAlways;
  options.pure = true;
  auto f = compile([](const Tensor& x, const Tensor& w) { return matmul(x, w); }, options);
  memory::trim();
  Tensor x = ramp({kRows, kSteps}, 0.5), w = weights();
  for (int call = 0; call < 20; call++) {
    if (call % 7 == 6) w.mul_(-1.5);
    CHECK(difference(matmul(x, w), f(x, w)) <= kSum);
  }
  CHECK(packed() > 0);
}
