#include "cases.h"

#include "weft/autograd.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;

namespace gradient_check {

namespace {

using Tensors = std::vector<Tensor>;
using Scalars = std::function<double(const Tensors&)>;

constexpr double kStep = 1e-5;

Tensors moved(const Tensors& inputs, const Tensors& direction, double by) {
  Tensors at;
  for (size_t k = 0; k < inputs.size(); k++)
    at.push_back((inputs[k].detach() + direction[k] * by).requires_grad_());
  return at;
}

// The derivative of f along the direction, by central differences.
double difference(const Scalars& f, const Tensors& inputs, const Tensors& direction) {
  return (f(moved(inputs, direction, kStep)) - f(moved(inputs, direction, -kStep))) / (2 * kStep);
}

double dot(const Tensors& a, const Tensors& b) {
  double total = 0;
  for (size_t k = 0; k < a.size(); k++)
    if (a[k].defined()) total += sum(a[k] * b[k]).item<double>();
  return total;
}

Tensors random_like(const Tensors& inputs, Samples& samples) {
  Tensors r;
  for (const Tensor& t : inputs)
    r.push_back(samples.plain(t.shape(), -1, 1));
  return r;
}

void compare(const std::string& what, double got, double expected) {
  INFO(what << ": " << got << " against " << expected);
  CHECK(got == Approx(expected).epsilon(2e-7).margin(2e-8));
}

} // namespace

Tensor Samples::plain(const Shape& shape, double low, double high) {
  std::uniform_real_distribution<double> draw(low, high);
  int64_t n = 1;
  for (int64_t size : shape)
    n *= size;
  std::vector<double> values(static_cast<size_t>(n));
  for (double& v : values)
    v = draw(random_);
  return tensor(values, shape);
}

Tensor Samples::leaf(const Shape& shape, double low, double high) {
  return plain(shape, low, high).requires_grad_();
}

void check(const std::string& what, const Function& f, const Tensors& inputs, bool second_order) {
  Samples samples(7);
  const Tensor weights = samples.plain(f(inputs).shape(), 0.5, 1.5);
  const Tensors direction = random_like(inputs, samples), other = random_like(inputs, samples);
  auto weighted = [&](const Tensors& x) { return sum(f(x) * weights); };

  Tensors gradient = grad({weighted(inputs)}, inputs, {}, {.allow_unused = true});
  for (size_t k = 0; k < inputs.size(); k++) {
    if (!gradient[k].defined()) continue;
    CHECK(gradient[k].shape() == inputs[k].shape());
    CHECK(gradient[k].dtype() == inputs[k].dtype());
  }
  Scalars value = [&](const Tensors& x) { return weighted(x).item<double>(); };
  compare(what, dot(gradient, direction), difference(value, inputs, direction));
  if (!second_order) return;

  auto slope = [&](const Tensors& x) { // the derivative along `other`, as a tensor
    Tensors g = grad({weighted(x)}, x, {}, {.create_graph = true, .allow_unused = true});
    Tensor total = full({}, 0.0, f64);
    for (size_t k = 0; k < g.size(); k++)
      if (g[k].defined()) total = total + sum(g[k] * other[k]);
    return total;
  };
  Tensor s = slope(inputs);
  Tensors second(inputs.size());
  if (s.requires_grad()) second = grad({s}, inputs, {}, {.allow_unused = true});
  Scalars slope_value = [&](const Tensors& x) { return slope(x).item<double>(); };
  compare(what + ", second order", dot(second, direction),
          difference(slope_value, inputs, direction));
}

void check_all(std::span<const Case> cases, uint32_t seed) {
  Samples samples(seed);
  for (const Case& c : cases) {
    std::string name = c.name;
    Inputs inputs;
    for (const weft::Shape& shape : c.shapes) {
      inputs.push_back(samples.leaf(shape, c.low, c.high));
      name += " " + shape.str();
    }
    check(name, c.f, inputs, c.second_order);
  }
}

} // namespace gradient_check
