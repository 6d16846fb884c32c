// Derived gradients against finite differences.
#include "ir/expr/expr.h"
#include "ir/expr/scalar_algebra.h"

#include <catch2/catch.hpp>

using namespace weft::expr;

namespace {

struct NoCallables {
  Nodes nodes(int) const { return {}; }
  int root(int) const { return -1; }
};

double value(const Builder& b, int root, const std::vector<double>& at) {
  NoCallables none;
  ScalarAlgebra<double, NoCallables> algebra{none};
  std::vector<ScalarValue<double>> inputs;
  for (double v : at)
    inputs.push_back({v, 0});
  return evaluate(algebra, b.nodes(), root, inputs.data()).x;
}

// Compares d(text)/d(input) at a point over x and z with central differences, for g = 1.5.
void check(const char* text, double x, double z) {
  INFO(text);
  Builder b(Domain::floating);
  b.input("x", Type::number);
  b.input("z", Type::number);
  int g = b.input("g", Type::number);
  int root = b.parse_body(text);
  std::vector<int> gradients = b.differentiate(root, root, g);
  for (size_t k = 0; k < 2; k++) {
    std::vector<double> at = {x, z, 1.5}, low = at, high = at;
    const double h = 1e-6;
    low[k] -= h;
    high[k] += h;
    double want = 1.5 * (value(b, root, high) - value(b, root, low)) / (2 * h);
    double got = gradients[k] < 0 ? 0 : value(b, gradients[k], at);
    CHECK(got == Approx(want).margin(1e-8));
  }
}

} // namespace

TEST_CASE("each rule agrees with finite differences") {
  for (auto [x, z] : {std::pair(0.7, 1.3), {-0.7, 1.3}, {2.3, -0.4}}) {
    check("x + z", x, z);
    check("x - z", x, z);
    check("x * z", x, z);
    check("x / z", x, z);
    check("-x", x, z);
    check("where(x > z, x * z, x)", x, z);
    check("rarely(x > z, x * z, x)", x, z);
    check("abs(x)", x, z);
    check("sqrt(x * x + z * z)", x, z);
    check("fma(x, z, x)", x, z);
    check("require(x == x, x * z)", x, z);
    check("floor(x) * x + rint(z)", x, z);
  }
}

TEST_CASE("a node used twice sums what comes back") {
  check("s = x * z; s * s + s", 0.7, 1.3);
  check("s = x / z; t = s + x; t * s - t", 0.7, 1.3);
}

TEST_CASE("an input that the root does not depend on has no gradient") {
  Builder b(Domain::floating);
  b.input("x", Type::number);
  b.input("z", Type::number);
  int g = b.input("g", Type::number);
  CHECK(b.differentiate(b.parse("x * 2"), 0, g)[1] == -1);
}

TEST_CASE("the result's own value is read instead of computed again") {
  Builder b(Domain::floating);
  b.input("x", Type::number);
  int y = b.input("y", Type::number), g = b.input("g", Type::number);
  int gradient = b.differentiate(b.parse("sqrt(x)"), y, g)[0];
  CHECK(value(b, gradient, {4, 2, 1}) == 0.25);
  CHECK(value(b, gradient, {4, 4, 1}) == 0.125); // y, not sqrt(x)
}

TEST_CASE("a primitive without a rule says so") {
  Builder b(Domain::floating);
  b.input("x", Type::number);
  int g = b.input("g", Type::number), root = b.parse("mantissa(x)");
  CHECK_THROWS_WITH(b.differentiate(root, root, g), "'mantissa' has no derivative rule");
}
