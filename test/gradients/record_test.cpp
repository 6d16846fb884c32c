// Every differentiable pointwise op and reduction of the record table: a new record is tested
// without a line here.

#include "gradient_check.h"

#include "runtime/core/call.h"
#include "test/unit/op_test_row.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

using namespace weft;
using gradient_check::Samples;

namespace {

const OpTestRow kRows[] = {
#include "weft/gen/test_table.inc"
};

std::vector<Scalar> attributes(const OpTestRow& row) {
  if (row.op == Op::checked_range) return {row.low - 1.0, row.high + 1.0}; // what it cuts off fails
  if (row.op == Op::next_after) // the format of the samples
    return {52.0, -1022.0, std::numeric_limits<double>::max()};
  std::vector<Scalar> values; // spread over the samples: limits cut some of them off
  for (int k = 0; k < row.scalars; k++)
    values.push_back(row.low + (row.high - row.low) * (k + 1.0) / (row.scalars + 1.0));
  return values;
}

// Calls x.op_() on what was x: operand 0 is overwritten, though its gradient may read it.
Tensor call_in_place(const OpTestRow& row, const std::vector<Tensor>& x) {
  const Tensor target = x[0] * 1.0;
  std::vector<std::unique_ptr<Arg>> args;
  for (size_t k = 1; k < x.size(); k++)
    args.push_back(std::make_unique<Arg>(x[k]));
  const std::vector<Scalar> values = attributes(row);
  const auto call = [&](std::initializer_list<const Arg*> others, Numbers numbers) {
    return pointwise_inplace(row.op, target, others, numbers, Loc::current());
  };
  switch (args.size() * 10 + values.size()) {
  case 0:
    return call({}, {});
  case 1:
    return call({}, {values[0]});
  case 2:
    return call({}, {values[0], values[1]});
  case 10:
    return call({args[0].get()}, {});
  case 20:
    return call({args[0].get(), args[1].get()}, {});
  case 21:
    return call({args[0].get(), args[1].get()}, {values[0]});
  default:
    FAIL("a record with this many operands and attributes needs a case here");
    return {};
  }
}

// Calls the op as its public function does. A mask operand is the sign of its sample.
Tensor call(const OpTestRow& row, const std::vector<Tensor>& x, int number = -1) {
  if (row.op == Op::assign) return (x[0] * 1.0).copy_(x[1]);
  if (!std::strcmp(row.result, "given")) {
    int64_t structure[] = {static_cast<int64_t>(f64)};
    Arg arg(x[0]);
    return primitive(row.op, {&arg}, {}, structure, {}, Loc::current());
  }
  std::vector<std::unique_ptr<Arg>> args;
  for (size_t k = 0; k < x.size(); k++) {
    if (static_cast<int>(k) == number)
      args.push_back(std::make_unique<Arg>(row.low + 0.7 * (row.high - row.low)));
    else if (row.operands[k] == 'B')
      args.push_back(std::make_unique<Arg>(x[k] > 0.5 * (row.low + row.high)));
    else
      args.push_back(std::make_unique<Arg>(x[k]));
  }
  std::vector<Scalar> values = attributes(row);
  switch (args.size() * 10 + values.size()) {
  case 10:
    return pointwise(row.op, {args[0].get()});
  case 11:
    return pointwise(row.op, {args[0].get()}, {values[0]});
  case 12:
    return pointwise(row.op, {args[0].get()}, {values[0], values[1]});
  case 13:
    return pointwise(row.op, {args[0].get()}, {values[0], values[1], values[2]});
  case 20:
    return pointwise(row.op, {args[0].get(), args[1].get()});
  case 21:
    return pointwise(row.op, {args[0].get(), args[1].get()}, {values[0]});
  case 23:
    return pointwise(row.op, {args[0].get(), args[1].get()}, {values[0], values[1], values[2]});
  case 30:
    return pointwise(row.op, {args[0].get(), args[1].get(), args[2].get()});
  case 31:
    return pointwise(row.op, {args[0].get(), args[1].get(), args[2].get()}, {values[0]});
  default:
    FAIL("a record with this many operands and attributes needs a case here");
    return {};
  }
}

// Not at a pole such as log(0); functions of probabilities have one at either end.
std::pair<double, double> interval(const OpTestRow& row) {
  const double away = row.low == 0 && row.high == 1 ? 0.05 : 0;
  return {row.low + std::max(away, 0.01), row.high - away};
}

void check_pointwise(const OpTestRow& row) {
  const size_t n = std::strlen(row.operands);
  const auto [low, high] = interval(row);
  Samples samples(3);
  auto leaves = [&](std::vector<Shape> shapes) {
    std::vector<Tensor> list;
    for (size_t k = 0; k < n; k++)
      list.push_back(samples.leaf(shapes[k % shapes.size()], low, high));
    return list;
  };
  auto op = [&](const std::vector<Tensor>& x) { return call(row, x); };
  std::string name = row.name;
  gradient_check::check(name, op, leaves({{3, 5}}));
  gradient_check::check(name + " of 0-d tensors", op, leaves({{}}));
  gradient_check::check(name + " of empty tensors", op, leaves({{0, 2}}));
  auto flipped = [&](const std::vector<Tensor>& x) {
    std::vector<Tensor> t;
    for (const Tensor& v : x)
      t.push_back(transpose(v, 0, 1));
    return call(row, t);
  };
  gradient_check::check(name + " of strided tensors", flipped, leaves({{5, 3}}));
  if (n < 2) return;
  // For assign the first operand decides the shape.
  gradient_check::check(name + " with broadcasting", op, leaves({{3, 5}, {5}, {3, 1}}));
  if (row.op == Op::assign) return;
  gradient_check::check(name + " with broadcasting both ways", op, leaves({{3, 1}, {2, 1, 5}, {}}));
  for (size_t k = 0; k < n; k++) {
    if (row.operands[k] == 'B') continue;
    auto with_number = [&](const std::vector<Tensor>& x) {
      return call(row, x, static_cast<int>(k));
    };
    gradient_check::check(name + " with a number as operand " + std::to_string(k), with_number,
                          leaves({{3, 5}}));
  }
}

void check_in_place(const OpTestRow& row) {
  Samples samples(3);
  const auto [low, high] = interval(row);
  std::vector<Tensor> leaves;
  for (size_t k = 0; row.operands[k]; k++)
    leaves.push_back(samples.leaf({3, 5}, low, high));
  gradient_check::check(
      row.name + std::string("_"),
      [&](const std::vector<Tensor>& x) { return call_in_place(row, x); }, leaves);
}

void check_reduction(const OpTestRow& row) {
  Samples samples(5);
  for (bool keepdim : {false, true})
    for (const Dims& dims : {Dims{}, Dims{0}, Dims{2}, Dims{0, 2}, Dims{-2}}) {
      auto op = [&](const std::vector<Tensor>& x) {
        Arg arg(x[0]);
        return reduction(row.op, arg, dims, keepdim);
      };
      std::string name = std::string(row.name) + " over " + dims.str();
      gradient_check::check(name, op, {samples.leaf({2, 3, 4}, row.low, row.high)});
      auto flipped = [&](const std::vector<Tensor>& x) { return op({transpose(x[0], 0, 2)}); };
      gradient_check::check(name + ", strided", flipped,
                            {samples.leaf({4, 3, 2}, row.low, row.high)});
    }
}

} // namespace

TEST_CASE("gradients of the record table agree with differences", "[gradients]") {
  for (const OpTestRow& row : kRows) {
    if (!row.differentiable) continue;
    CAPTURE(row.name);
    if (info(row.op).kind == OpKind::pointwise) {
      check_pointwise(row);
      if (row.in_place && !std::strcmp(row.result, "same")) check_in_place(row);
    } else {
      check_reduction(row);
    }
  }
}

TEST_CASE("ties share the gradient of max and min evenly", "[gradients]") {
  Tensor x = tensor(std::vector<double>{3, 1, 3, 3, 0, 0}, {2, 3}).requires_grad_();
  sum(max(x, 1)).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0.5, 0, 0.5, 1, 0, 0});
  x.set_grad({});
  sum(min(x, 1)).backward();
  CHECK(x.grad().to_vector<double>() == std::vector<double>{0, 1, 0, 0, 0.5, 0.5});
}

TEST_CASE("gradients keep the operands' dtypes", "[gradients]") {
  Tensor half = tensor({1.0f, 2.0f}).to(bf16).requires_grad_();
  Tensor single = tensor({3.0f, 4.0f}).requires_grad_();
  Tensor wide = tensor({5.0, 6.0}).requires_grad_();
  sum(half * single * wide).backward();
  CHECK(half.grad().dtype() == bf16);
  CHECK(single.grad().dtype() == f32);
  CHECK(wide.grad().dtype() == f64);
  CHECK(half.grad().to_vector<double>() == std::vector<double>{15, 24});
  CHECK(wide.grad().to_vector<double>() == std::vector<double>{3, 8});
}

TEST_CASE("gradients in bf16 round once", "[gradients]") {
  std::vector<float> points; // around the zeros of the derivatives, where terms cancel
  for (int k = -64; k <= 64; k++)
    points.push_back(static_cast<float>(k) / 16.0f);
  Tensor wide = tensor(points, {129}).to(f64).requires_grad_();
  Tensor narrow = wide.detach().to(bf16).requires_grad_(); // these points are exact in bf16
  using Activation = Tensor (*)(const Arg&);
  for (Activation f : {static_cast<Activation>(silu), static_cast<Activation>(gelu),
                       static_cast<Activation>(gelu_tanh)}) {
    wide.set_grad({});
    narrow.set_grad({});
    sum(f(wide)).backward();
    f(narrow).backward(ones({129}, bf16));
    std::vector<double> expected = wide.grad().to_vector<double>();
    std::vector<double> got = narrow.grad().to_vector<double>();
    for (size_t k = 0; k < expected.size(); k++) {
      INFO("at " << points[k]);
      CHECK(got[k] == Approx(expected[k]).epsilon(0x1p-8).margin(1e-6));
    }
  }
}
