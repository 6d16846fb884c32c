// Ops in place on views while a gradient is recorded: the base and its other views share the past.

#include "weft/autograd.h"
#include "weft/memory.h"
#include "weft/ops.h"

#include "test/unit/autograd_util.h"

#include <limits>
#include <thread>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

Tensor ramp(const Shape& shape, double start = 0.3, double step = 0.17) {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  Values v;
  for (int64_t k = 0; k < n; k++)
    v.push_back(start + std::fmod(step * static_cast<double>(k), 1.9));
  return tensor(v, shape);
}

using Scalarwise = std::function<Tensor(const Tensor&)>; // to a 0-d tensor

Tensor gradient(const Scalarwise& f, const Tensor& x, bool create_graph = false) {
  return grad({f(x)}, {x}, {}, {.create_graph = create_graph})[0];
}

/// Compares the gradient with central differences along a direction.
void check_gradient(const Scalarwise& f, const Tensor& at) {
  Tensor x = at.clone().requires_grad_(), direction = ramp(at.shape(), -0.7, 0.41);
  const double got = sum(gradient(f, x) * direction).item<double>(), h = 1e-5;
  const double want = (f((at + direction * h).requires_grad_()).item<double>() -
                       f((at - direction * h).requires_grad_()).item<double>()) /
                      (2 * h);
  CHECK(got == Approx(want).epsilon(1e-6).margin(1e-8));
}

void check_both(const Scalarwise& f, const Tensor& at) {
  check_gradient(f, at);
  check_gradient(
      [&](const Tensor& x) { return sum(gradient(f, x, true) * ramp(x.shape(), 1.1, 0.23)); }, at);
}

} // namespace

TEST_CASE("an op in place on a view is part of its base's history", "[autograd]") {
  Tensor a = ramp({4}).requires_grad_();
  Tensor x = a * 1.0;
  x.slice(0, 0, 2).mul_(2.0);
  CHECK(print_graph(x).find("mul_") != std::string::npos);
  sum(x).backward();
  CHECK(values(a.grad()) == Values{2, 2, 1, 1});
}

TEST_CASE("views of one base follow each other's changes", "[autograd]") {
  Tensor a = ramp({4}).requires_grad_();
  Tensor x = a * 1.0;
  Tensor square = x.view({2, 2}), head = x.slice(0, 0, 3), tail = x.slice(0, 2);
  head.mul_(3.0);                  // 3 3 3 1
  tail.mul_(5.0);                  // 3 3 15 5
  x.mul_(2.0);                     // 6 6 30 10
  square.slice(1, 0, 1).mul_(7.0); // 42 6 210 10
  Tensor all[] = {x, square, head, tail};
  const Values want[] = {{42, 6, 210, 10}, {42, 6, 210, 10}, {42, 6, 210, 0}, {0, 0, 210, 10}};
  for (int k = 0; k < 4; k++) {
    CHECK(all[k].requires_grad());
    a.set_grad({});
    sum(all[k]).backward({}, true);
    CHECK(values(a.grad()) == want[k]);
  }
}

TEST_CASE("a composite of a view knows that its base has a history by now", "[autograd]") {
  for (const Shape& shape : {Shape{2, 4}, Shape{300, 700}}) { // ops, or parts of them
    Tensor a = ones({1}).requires_grad_(), base = ramp(shape), view = reshape(base, {-1});
    base.mul_(a);
    const int64_t n = view.numel();
    CHECK(softmax(view.detach(), 0).requires_grad() == false);
    CHECK(layer_norm(view, {n}).requires_grad());
    view = reshape(base, shape);
    base.mul_(a);
    CHECK(softmax(view, 1).requires_grad());
    CHECK(var(view, 1).requires_grad());
  }
}

TEST_CASE("a buffer takes the history of what is written into a part of it", "[autograd]") {
  Tensor w = ramp({2, 2}).requires_grad_();
  Tensor buffer = zeros({3, 4}, f64), row = buffer.slice(0, 1, 2);
  CHECK_FALSE(row.requires_grad());
  buffer.slice(0, 1).slice(1, 1, 3).copy_(w * 2.0);
  CHECK(buffer.requires_grad());
  CHECK(row.requires_grad());
  sum(buffer * ramp({3, 4}, 1, 1)).backward({}, true);
  CHECK(sum(row * 1.0).requires_grad());
  buffer.slice(0, 2).copy_(zeros({4}, f64)); // overwritten: nothing flows from the last row
  w.set_grad({});
  sum(buffer).backward();
  CHECK(values(w.grad()) == Values{2, 2, 0, 0});
}

TEST_CASE("gradients and their gradients through ops in place on views", "[autograd]") {
  const Tensor at = ramp({3, 4});
  check_both(
      [](const Tensor& a) {
        Tensor x = a * a;
        x.slice(1, 1, 3).add_(a.slice(1, 0, 2)).mul_(1.5);
        return sum(x * x * ramp({3, 4}));
      },
      at);
  check_both(
      [](const Tensor& a) {
        Tensor x = exp(a) * 1.5;
        Tensor v = x.view({2, 2, 3}).transpose(0, 2).slice(0, 1, 3).slice(1, 0, 1);
        v.add_(a.slice(0, 0, 1).slice(1, 0, 2).view({2, 1, 1}));
        v.tanh_();
        return sum(x * x * ramp({3, 4})) + sum(v * v * v);
      },
      at);
  check_both(
      [](const Tensor& a) { // every second column, and a base that no handle holds
        Tensor v = (a * a).slice(1, 0, 4, 2), other = v.slice(0, 1, 3);
        v.add_(other.slice(0, 0, 1));
        return sum(v * other.slice(0, 1, 2)) + sum(exp(other));
      },
      at);
  check_both(
      [](const Tensor& a) { // rows 0 and 2 of three: the step leads past the end
        Tensor x = a * a, before = x.transpose(0, 1);
        x.slice(0, 0, 3, 2).exp_();
        return sum(before * ramp({4, 3}) * before);
      },
      at);
  check_both(
      [](const Tensor& a) {
        Tensor x = a * 2.0;
        x.unsqueeze(0).expand({1, 3, 4}).squeeze(0).slice(0, 1, 2).add_(x.slice(0, 0, 1)).mul_(2.0);
        x.slice(0, 1).add_(x.slice(0, 0, 2)); // reads what it writes
        return sum(x * x);
      },
      at);
}

TEST_CASE("what was overwritten gets no gradient, however large that would be", "[autograd]") {
  Tensor a = tensor({0.0, 1.0, 4.0}).requires_grad_();
  Tensor x = a * 1.0;
  x.slice(0, 0, 1).zero_();
  Tensor y = tensor({std::numeric_limits<double>::infinity(), 1.0, 1.0});
  sum(x * y).backward();
  CHECK(values(a.grad()) == Values{0, 1, 1});
  Tensor z = a * 1.0;
  a.set_grad({});
  z.slice(0, 0, 3, 2).zero_();
  sum(z * y).backward();
  CHECK(values(a.grad()) == Values{0, 1, 0});
}

TEST_CASE("a view made in a NoGrad scope has no part in its base's past", "[autograd]") {
  Tensor a = ramp({4}).requires_grad_(), w = ramp({2}).requires_grad_();
  Tensor x = a * 1.0, v;
  {
    NoGrad no_grad;
    v = x.slice(0, 0, 2);
  }
  Tensor d = x.detach(), of_detached = d.slice(0, 0, 2);
  x.mul_(2.0);
  CHECK_FALSE(v.requires_grad());
  CHECK_FALSE(of_detached.requires_grad());
  sum(v * w + of_detached * w).backward();
  const Values now = values(x.slice(0, 0, 2));
  CHECK(values(w.grad()) == Values{2 * now[0], 2 * now[1]});
  CHECK_FALSE(a.grad().defined());
  CHECK_THAT(message([&] { v.mul_(w); }),
             Contains("mul_: operand 1, f64[2], must not be a view made in a NoGrad scope"));
}

TEST_CASE("ops in place on views that cannot join a history are errors", "[autograd]") {
  Tensor leaf = ramp({4}).requires_grad_(), w = ramp({1}).requires_grad_();
  CHECK_THAT(message([&] { leaf.slice(0, 0, 1).mul_(2.0); }),
             Contains("must not be a view of a leaf that requires a gradient"));
  Tensor one = zeros({1}, f64);
  CHECK_THAT(message([&] { one.expand({4}).slice(0, 0, 1).add_(w); }),
             Contains("must not be a part of a tensor that repeats elements"));
  Tensor deep = zeros({4}, f64), early;
  for (int k = 0; k < 12; k++) {
    deep = deep.slice(0, 0);
    if (k == 0) early = deep;
  }
  CHECK_THAT(message([&] { deep.slice(0, 0, 1).add_(w); }),
             Contains("must not be a view of views"));
  early.slice(0, 0, 1).add_(w);
  CHECK_THAT(message([&] { deep* w; }), Contains("made before its base was changed in place"));
  CHECK(values(one) == Values{0});
}

TEST_CASE("histories of views leave no memory behind", "[autograd]") {
  auto work = [] {
    Tensor a = ramp({6}).requires_grad_();
    Tensor x = a * 1.0, other = x.slice(0, 2);
    Tensor v = x.slice(0, 0, 3);
    v.mul_(2.0);
    x = {};
    v.tanh_(); // the node holds the view's own value
    sum(other * other).backward({}, false, true);
    Tensor dropped = (a * 2.0).slice(0, 1, 5, 2);
    dropped.sigmoid_();
  };
  work();
  const size_t before = memory::stats().live;
  for (int k = 0; k < 3; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("threads may use one outdated view at the same time", "[autograd]") {
  for (int round = 0; round < 20; round++) {
    Tensor a = ramp({4}).requires_grad_();
    Tensor x = a * 1.0, v = x.slice(0, 1, 3);
    x.mul_(3.0);
    std::vector<std::thread> threads;
    for (int k = 0; k < 4; k++)
      threads.emplace_back([&] { sum(v * 2.0).backward({}, true); });
    for (std::thread& t : threads)
      t.join();
    CHECK(values(a.grad()) == Values{0, 24, 24, 0});
  }
}

TEST_CASE("a view of one element, without dims, is part of its base's history", "[autograd]") {
  Tensor x = tensor(std::vector<double>{1, 2}, {2}).requires_grad_();
  Tensor h = x * 2.0;
  h[0].mul_(3.0);
  sum(h * h).backward(); // (6 x0)^2 + (2 x1)^2
  CHECK(values(x.grad()) == Values{72, 16});
  CHECK_THAT(message([&] { x[0].mul_(2.0); }),
             Catch::Matchers::Contains("must not be a view of a leaf that requires a gradient"));
}
