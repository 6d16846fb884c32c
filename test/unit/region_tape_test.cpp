// Histories of followed ops: which of them outlive the call, and that what they keep is right.

#include "region_util.h"

#include <weft/memory.h>

#include <thread>

using namespace region_test;

namespace {

/// A chain that saves operands, results and leaves, with a view, an op in place and numbers.
Tensor chain(const Tensor& x, const Tensor& w, const Tensor& bias) {
  Tensor y = exp(x * w) + bias;
  Tensor z = tanh(y * w) * y;
  z.add_(bias * 0.5);
  Tensor v = z.view({2, 3}) + w;
  return (v.transpose(0, 1) * 2.0).sum();
}

struct Case {
  Tensor w = ramp({2, 3}, 0.1, 0.11).requires_grad_();
  Tensor bias = ramp({3}, 0.3).requires_grad_();
  Tensor x(int k) const { return ramp({2, 3}, 0.1 * k); }
  std::vector<Tensor> gradients(const Tensor& loss, bool retain = false) const {
    return grad({loss}, {w, bias}, {}, {.retain_graph = retain});
  }
};

void require_same(const std::vector<Tensor>& got, const std::vector<Tensor>& want) {
  REQUIRE(got.size() == want.size());
  for (size_t k = 0; k < got.size(); k++)
    require_equal(got[k], want[k], 1e-5);
}

} // namespace

TEST_CASE("histories that outlive their call are those of eager", "[region]") {
  Case c;
  auto f = compile([&](const Tensor& x) { return chain(x, c.w, c.bias); });
  std::vector<Tensor> kept, want;
  for (int k = 0; k < 9; k++) {
    kept.push_back(f(c.x(k)));
    want.push_back(chain(c.x(k), c.w, c.bias));
    require_equal(kept.back(), want.back(), 1e-5);
    if (k % 3 == 0) kept.back().backward({}, true); // goes through the graph, which stays
  }
  for (size_t k = kept.size(); k-- > 0;)
    require_same(c.gradients(kept[k], true), c.gradients(want[k], true));
  kept.clear();
  for (int k = 0; k < 3; k++) // all of the region's nodes have come home
    require_same(c.gradients(f(c.x(k))), c.gradients(chain(c.x(k), c.w, c.bias)));
}

TEST_CASE("a history that branches off a followed path is whole", "[region]") {
  Case c;
  auto body = [&](const Tensor& x, int k) {
    Tensor y = exp(x * c.w) * c.w;
    Tensor z = k % 3 == 2 ? sigmoid(y) * y : y + c.bias;
    if (k % 4 == 3) (void)z.sum().item<float>();
    return (z * y).sum();
  };
  auto f = compile(body);
  std::vector<Tensor> kept;
  for (int k = 0; k < 12; k++) {
    kept.push_back(f(c.x(k), k));
    require_same({grad({kept.back()}, {c.w}, {}, {.retain_graph = true})[0]},
                 {grad({body(c.x(k), k)}, {c.w})[0]});
  }
  for (int k = 0; k < 12; k++)
    require_same({grad({kept[static_cast<size_t>(k)]}, {c.w})[0]},
                 {grad({body(c.x(k), k)}, {c.w})[0]});
}

TEST_CASE("a history made before an exception is whole", "[region]") {
  Case c;
  Tensor stash;
  auto f = compile([&](const Tensor& x, bool fail) {
    Tensor y = exp(x * c.w);
    stash = (y * y + c.bias).sum();
    if (fail) throw std::logic_error("on purpose");
    return stash * 2.0;
  });
  for (int k = 0; k < 6; k++) {
    if (k % 2)
      CHECK_THROWS_AS(f(c.x(k), true), std::logic_error);
    else
      f(c.x(k), false);
    Tensor y = exp(c.x(k) * c.w);
    require_same(c.gradients(stash), c.gradients((y * y + c.bias).sum()));
  }
}

TEST_CASE("what came from outside with a history keeps it", "[region]") {
  Case c;
  auto f = compile([&](const Tensor& h) { return (h * h + c.bias).sum(); });
  for (int k = 0; k < 5; k++) {
    Tensor loss = f(exp(c.x(k) * c.w)); // the argument ends before backward
    Tensor h = exp(c.x(k) * c.w);
    require_same(c.gradients(loss), c.gradients((h * h + c.bias).sum()));
  }
}

TEST_CASE("only what a backward pass may still read outlives the call", "[region]") {
  Case c;
  auto loss_of = [&](const Tensor& x) { return chain(x, c.w, c.bias); };
  auto train = compile([&](const Tensor& x) {
    Tensor loss = loss_of(x);
    loss.backward();
    c.w.set_grad({});
    c.bias.set_grad({});
    return loss.detach();
  });
  auto forward = compile(loss_of);
  Tensor x = c.x(1);
  auto work = [&] {
    train(x);
    Tensor kept = forward(x);
    forward(x);
    kept.backward();
    c.w.set_grad({});
    c.bias.set_grad({});
  };
  for (int k = 0; k < 3; k++)
    work();
  const size_t before = memory::stats().live;
  for (int k = 0; k < 4; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("backward does not enter what is pending in another thread's region", "[region]") {
  Case c;
  std::string text;
  auto f = compile([&](const Tensor& x) {
    Tensor loss = chain(x, c.w, c.bias);
    std::thread([&] {
      try {
        loss.backward();
      } catch (const Error& e) {
        text = e.what();
      }
    }).join();
    return loss;
  });
  for (int k = 0; k < 3; k++) {
    text.clear();
    require_same(c.gradients(f(c.x(k))), c.gradients(chain(c.x(k), c.w, c.bias)));
    CHECK_THAT(text, Catch::StartsWith("backward: the tensor must not be pending in another "
                                       "thread's compiled region"));
  }
}
