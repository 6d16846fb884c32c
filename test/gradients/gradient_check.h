// Compares gradients with central differences in float64, along one random direction.
#pragma once

#include "weft/tensor.h"

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace gradient_check {

using Function = std::function<weft::Tensor(const std::vector<weft::Tensor>&)>;

/// Fixed random numbers in low .. high.
class Samples {
public:
  explicit Samples(uint32_t seed) : random_(seed) {}
  /// A leaf that requires a gradient.
  weft::Tensor leaf(const weft::Shape& shape, double low, double high);
  weft::Tensor plain(const weft::Shape& shape, double low, double high);

private:
  std::mt19937 random_;
};

/// Checks first and second derivatives of sum(f(inputs) * weights) for fixed random weights. Every
/// input must be a float64 leaf that requires a gradient. `second_order` is off where f's gradient
/// has no derivative of its own worth checking.
void check(const std::string& what, const Function& f, const std::vector<weft::Tensor>& inputs,
           bool second_order = true);

} // namespace gradient_check
