// The tape: order, saved values, accumulation, ops in place, errors, depth, text of the graph.

#include "runtime/core/tensor_impl.h"
#include "weft/autograd.h"
#include "weft/memory.h"
#include "weft/ops.h"

#include "test/unit/autograd_util.h"

#include <thread>

using namespace weft;
using namespace weft::test;
using Catch::Matchers::Contains;

namespace {

Tensor leaf(std::initializer_list<double> values) {
  return tensor(std::vector<double>(values), {static_cast<int64_t>(values.size())})
      .requires_grad_();
}

} // namespace

TEST_CASE("gradients flow back through shared values and number operands", "[autograd]") {
  Tensor x = leaf({1, 2, 3}), w = leaf({4, 5, 6});
  Tensor y = x * w + x * 2.0; // x is used twice
  CHECK(y.requires_grad());
  CHECK_FALSE(y.is_leaf());
  sum(y).backward();
  CHECK(values(x.grad()) == Values{6, 7, 8});
  CHECK(values(w.grad()) == Values{1, 2, 3});
  CHECK_FALSE(y.grad().defined());
}

TEST_CASE("broadcast gradients are summed to the operand's shape", "[autograd]") {
  Tensor row = leaf({1, 2, 3});
  Tensor column = tensor(std::vector<double>{1, 2}, {2, 1}).requires_grad_();
  Tensor number = tensor(std::vector<double>{5}, {}).requires_grad_();
  sum(row * column + number).backward();
  CHECK(values(row.grad()) == Values{3, 3, 3});
  CHECK(column.grad().shape() == Shape{2, 1});
  CHECK(values(column.grad()) == Values{6, 6});
  CHECK(number.grad().rank() == 0);
  CHECK(values(number.grad()) == Values{6});
}

TEST_CASE("a second backward adds to the stored gradient in place", "[autograd]") {
  Tensor x = leaf({1, 2});
  sum(x * 3.0).backward();
  Tensor first = x.grad();
  sum(x * x).backward();
  CHECK(x.grad().is_same(first));
  CHECK(values(first) == Values{5, 7});
  x.set_grad({});
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("stored gradients share no memory with each other or with the seed", "[autograd]") {
  Tensor a = leaf({1, 2}), b = leaf({3, 4});
  Tensor seed = tensor(std::vector<double>{1, 1}, {2});
  (a + b).backward(seed);
  CHECK_FALSE(a.grad().shares_storage(b.grad()));
  CHECK_FALSE(a.grad().shares_storage(seed));
  sum(a).backward(); // the gradient of a sum is an expanded number
  sum(a).backward();
  CHECK(values(a.grad()) == Values{3, 3});
  CHECK(values(b.grad()) == Values{1, 1});
  CHECK(values(seed) == Values{1, 1});
}

TEST_CASE("backward needs a seed of the right shape for more than one element", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = x * 2.0;
  CHECK_THAT(message([&] { y.backward(); }), Contains("backward: a tensor of more than one element "
                                                      "needs a seed, got f64[2] without"));
  CHECK_THAT(message([&] {
               y.backward(tensor({1.0f, 2.0f}));
             }),
             Contains("the seed must have the tensor's dtype and shape, f64[2], got f32[2]"));
  y.backward(tensor({10.0, 20.0}));
  CHECK(values(x.grad()) == Values{20, 40});
  CHECK_THAT(message([&] { Tensor().backward(); }), Contains("the tensor must be defined"));
  Tensor plain = tensor({1.0});
  CHECK_THAT(message([&] { plain.backward(); }), Contains("f64[1] must require a gradient"));
}

TEST_CASE("NoGrad records nothing, EnableGrad inside it does", "[autograd]") {
  Tensor x = leaf({1, 2});
  {
    NoGrad no_grad;
    CHECK_FALSE(grad_enabled());
    CHECK_FALSE((x * 2.0).requires_grad());
    EnableGrad enable;
    CHECK((x * 2.0).requires_grad());
  }
  CHECK(grad_enabled());
  Tensor d = x.detach();
  CHECK_FALSE(d.requires_grad());
  CHECK(d.shares_storage(x));
  CHECK_FALSE((d * d).requires_grad());
}

TEST_CASE("requires_grad_ takes floating leaves only", "[autograd]") {
  Tensor ints = tensor(std::vector<int64_t>{1, 2}, {2});
  CHECK_THAT(message([&] { ints.requires_grad_(); }),
             Contains("the dtype must be floating, got i64[2]"));
  Tensor x = leaf({1});
  Tensor y = x * 2.0;
  CHECK_THAT(message([&] { y.requires_grad_(false); }), Contains("must be a leaf"));
  CHECK_FALSE((x < 2.0).requires_grad());
  CHECK_FALSE(x.to(i64).requires_grad());
}

TEST_CASE("a second pass over a freed graph is an error, with retain_graph it is not",
          "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = sum(x * x);
  y.backward({}, true);
  y.backward();
  CHECK(values(x.grad()) == Values{4, 8});
  std::string text = message([&] { y.backward(); });
  CHECK_THAT(text, Contains("backward: the graph must be kept by retain_graph for a second pass; "
                            "what mul saved is gone"));
  CHECK_THAT(text, Contains("autograd_test.cpp:"));
}

TEST_CASE("a failed pass leaves the graph as it was", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor a = exp(x);
  Tensor y = sum(a * 2.0) + sum(x * x);
  a.add_(1.0); // the gradient of exp reads its result
  CHECK_THAT(message([&] { y.backward({}, true); }),
             Contains("exp: its result, f64[2], must not be "
                      "changed in place before backward"));
  Tensor z = sum(x * x);
  x.set_grad({});
  z.backward();
  CHECK(values(x.grad()) == Values{2, 4});
}

TEST_CASE("a saved operand that was changed in place is reported with op, line and versions",
          "[autograd]") {
  Tensor x = leaf({1, 2}), w = leaf({3, 4});
  Tensor h = x * 2.0;
  Tensor y = h * w;
  const unsigned line = __LINE__ - 1;
  h.mul_(3.0);
  std::string text = message([&] { sum(y).backward(); });
  CHECK_THAT(text, Contains("mul: operand 1, f64[2], must not be changed in place before backward, "
                            "which reads it; it was saved at version 0 and is at version 1"));
  CHECK_THAT(text, Contains("autograd_test.cpp:" + std::to_string(line)));
}

TEST_CASE("ops in place on results join the graph", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = x * 2.0;
  y.add_(1.0);
  y.mul_(3.0);
  y += x;
  sum(y).backward();
  CHECK(values(x.grad()) == Values{7, 7});
  Tensor plain = tensor({0.0, 0.0});
  plain.copy_(x * 5.0); // no gradient before, one after
  CHECK(plain.requires_grad());
  x.set_grad({});
  sum(plain).backward();
  CHECK(values(x.grad()) == Values{5, 5});
  Tensor z = x * 1.0;
  z.zero_(); // overwritten: nothing flows
  x.set_grad({});
  sum(z + x).backward();
  CHECK(values(x.grad()) == Values{1, 1});
}

TEST_CASE("an op in place keeps what its gradient reads and it destroys", "[autograd]") {
  Tensor x = leaf({1, 2}), w = leaf({2, 5});
  Tensor y = x * 1.0;
  y.mul_(w).sin_().mul_(y);
  const std::vector<Tensor> got = grad({sum(y)}, {x, w});
  const Tensor s = sin(x * w);
  const std::vector<Tensor> want = grad({sum(s * s)}, {x, w});
  CHECK(values(got[0]) == values(want[0]));
  CHECK(values(got[1]) == values(want[1]));
  Tensor matrix = expand(x * 1.0, {2, 2}).clone();
  matrix[0].mul_(matrix[1]); // views of one base
  sum(matrix).backward();
  CHECK(values(x.grad()) == Values{3, 5});
  Tensor z = x * 3.0;
  const auto before = memory::stats().live;
  z.mul_(2.0).exp_().add_(x); // gradients that read numbers and results alone keep no copy
  CHECK(memory::stats().live == before);
}

TEST_CASE("a form in place of a composite keeps what its gradient reads", "[autograd]") {
  Tensor x = leaf({-1, 2});
  Tensor y = x * 1.0;
  y.celu_(2.0).mul_(y.detach().clone());
  sum(celu(x, 2.0) * celu(x.detach(), 2.0)).backward();
  const Values want = values(x.grad());
  x.set_grad({});
  sum(y).backward();
  CHECK(values(x.grad()) == want);
}

TEST_CASE("grad of grad through an op in place", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = x * 1.0;
  y.mul_(x).mul_(x);
  Tensor g = grad({sum(y)}, {x}, {}, {.create_graph = true})[0];
  CHECK(values(grad({sum(g)}, {x})[0]) == Values{6, 12});
}

TEST_CASE("ops in place on leaves that record are errors", "[autograd]") {
  Tensor x = leaf({1, 2, 3, 4});
  CHECK_THAT(message([&] { x.add_(1.0); }),
             Contains("add_: operand 1, f64[4], must not be a leaf that requires a gradient"));
  {
    NoGrad no_grad;
    x.add_(1.0);
  }
  CHECK(values(x) == Values{2, 3, 4, 5});
}

TEST_CASE("a view made before its base changed in place has the base's history", "[autograd]") {
  Tensor x = leaf({1, 2, 3, 4});
  Tensor y = x * 2.0;
  Tensor before = y.view({2, 2});
  y.mul_(3.0);
  Tensor after = y.view({2, 2});
  sum(before * 2.0).backward({}, true);
  CHECK(values(x.grad()) == Values{12, 12, 12, 12});
  x.set_grad({});
  sum(after).backward();
  CHECK(values(x.grad()) == Values{6, 6, 6, 6});
}

TEST_CASE("gradients of gradients", "[autograd]") {
  Tensor x = leaf({0.5, -1.5});
  Tensor y = sum(x * x * x);
  std::vector<Tensor> first = grad(y, {x}, {.create_graph = true});
  CHECK(values(first[0]) == Values{0.75, 6.75});
  CHECK_FALSE(x.grad().defined());
  std::vector<Tensor> second = grad({sum(first[0])}, {x}, {}, {.create_graph = true});
  CHECK(values(second[0]) == Values{3, -9});
  std::vector<Tensor> third = grad({sum(second[0])}, {x});
  CHECK(values(third[0]) == Values{6, 6});
}

TEST_CASE("gradients of gradients read saved results", "[autograd]") {
  Tensor x = leaf({0.25, -0.5});
  Tensor loss = sum(exp(tanh(x))); // both save their result, which has no handle any more
  Tensor g = grad(loss, {x}, {.create_graph = true})[0];
  Tensor gg = grad({sum(g)}, {x})[0];
  for (int k = 0; k < 2; k++) {
    double v = values(x)[k], t = std::tanh(v), d = 1 - t * t;
    CHECK(values(g)[k] == Approx(std::exp(t) * d));
    CHECK(values(gg)[k] == Approx(std::exp(t) * (d * d - 2 * t * d)));
  }
}

TEST_CASE("grad() of results, several outputs, unused inputs", "[autograd]") {
  Tensor x = leaf({1, 2}), unused = leaf({1});
  Tensor h = x * 3.0;
  Tensor y = h * h, z = h * 2.0;
  std::vector<Tensor> g =
      grad({y, z}, {h, x}, {tensor({1.0, 1.0}), tensor({10.0, 10.0})}, {.retain_graph = true});
  CHECK(values(g[0]) == Values{26, 32});
  CHECK(values(g[1]) == Values{78, 96});
  CHECK_THAT(message([&] { grad({sum(y)}, {unused}); }),
             Contains("grad: input 0, f64[1], must be used"));
  CHECK_FALSE(
      grad({sum(y)}, {unused}, {}, {.retain_graph = true, .allow_unused = true})[0].defined());
  CHECK(values(grad({x}, {x}, {tensor({2.0, 3.0})})[0]) == Values{2, 3});
}

TEST_CASE("grad() runs only the gradients on the way to its inputs", "[autograd]") {
  Tensor x = leaf({1, 2}), w = leaf({3, 4});
  Tensor side = exp(w * 1.0);
  Tensor y = sum(x * 2.0 + side);
  side.add_(1.0); // would be an error on the way to w
  CHECK(values(grad({y}, {x}, {}, {.retain_graph = true})[0]) == Values{2, 2});
  CHECK_THAT(message([&] { grad({y}, {w}); }), Contains("exp: its result"));
}

TEST_CASE("deep graphs overflow no stack, in backward and when they are dropped", "[autograd]") {
  constexpr int kDepth = 100000;
  Tensor x = leaf({1});
  {
    Tensor y = x;
    for (int k = 0; k < kDepth; k++)
      y = y + 1.0;
    y.backward();
    CHECK(values(x.grad()) == Values{1});
    Tensor z = x; // each op saves its operand: tensors and nodes end in turns
    for (int k = 0; k < kDepth; k++)
      z = z * x;
  }
  Tensor z = x;
  for (int k = 0; k < kDepth; k++)
    z = tanh(z) * 1.0;
  z.backward();
}

TEST_CASE("what the tape saved is freed as backward goes", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor h = exp(x), y = sum(h * h);
  CHECK(h.impl()->tape_refs() == 3); // by exp as its result, twice by mul
  y.backward({}, true);
  CHECK(h.impl()->tape_refs() == 3);
  y.backward();
  CHECK(h.impl()->tape_refs() == 0);
  CHECK(values(x.grad())[0] == Approx(4 * std::exp(2.0)));
}

TEST_CASE("only what a wanted gradient reads is saved", "[autograd]") {
  Tensor x = leaf({1, 2}), constant = tensor({3.0, 4.0});
  Tensor h = x * 1.0;
  Tensor y = h * constant; // the gradient of h reads the constant alone
  CHECK(h.impl()->tape_refs() == 0);
  CHECK(constant.impl()->tape_refs() == 1);
}

TEST_CASE("graphs leave no memory behind", "[autograd]") {
  auto work = [] {
    Tensor x = leaf({1, 2, 3});
    Tensor kept = exp(tanh(x)); // nodes that hold their own results
    Tensor in_place = x * 1.0;
    in_place.mul_(2.0);
    in_place.tanh_();
    Tensor dropped = sigmoid(x * in_place);
    dropped = {};
    sum(kept * in_place).backward({}, false, true); // x.grad() leads back to x
    CHECK(x.grad().requires_grad());
    sum(sqrt(exp(x))).backward();
  };
  work();
  size_t before = memory::stats().live;
  for (int k = 0; k < 3; k++)
    work();
  CHECK(memory::stats().live == before);
}

TEST_CASE("two threads go through one kept graph at the same time", "[autograd]") {
  Tensor x = leaf({1, 2});
  Tensor y = x;
  for (int k = 0; k < 200; k++)
    y = y * 1.0 + y * 0.0;
  Tensor loss = sum(y);
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; k++)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; i++)
        loss.backward({}, true);
    });
  for (std::thread& t : threads)
    t.join();
  CHECK(values(x.grad()) == Values{20, 20});
}

TEST_CASE("the recorded graph prints ops, shapes and lines", "[autograd]") {
  Tensor x = leaf({1, 2, 3});
  Tensor c = tensor({1.0, 1.0, 1.0});
  Tensor y = sum(x * c, 0, true);
  std::string file_line = "autograd_test.cpp:" + std::to_string(__LINE__ - 1);
  CHECK(print_graph(y) == "leaf0 : f64[3]\n"
                          "%0 = mul(leaf0, f64[3]) : f64[3]  # " +
                              file_line +
                              "\n"
                              "%1 = sum(%0, keepdim=1, dims=[0]) : f64[1]  # " +
                              file_line + "\n");
  std::string dot = dot_graph(y);
  CHECK_THAT(dot, Contains("digraph tape {") && Contains("leaf0 -> op0;") &&
                      Contains("op0 -> op1;") && Contains("sum\\nf64[1]\\n" + file_line));
  CHECK(print_graph(x) == "");
  CHECK(print_graph(Tensor()) == "");
}
