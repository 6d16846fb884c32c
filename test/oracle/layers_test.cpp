// Every layer against PyTorch: outputs, gradients, buffers after the call, and state_dict names,
// from data/layers.safetensors. layers.py says what the file holds.

#include "test/oracle/layers.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

using namespace weft;
using namespace weft::test;

namespace {

const TensorMap& expected() {
  static const TensorMap all = load_safetensors(WEFT_TEST_LAYERS).tensors;
  return all;
}

/// The tensors of a case under PREFIX/.
TensorMap part(const std::string& name, const std::string& prefix) {
  TensorMap r;
  const std::string start = name + "/" + prefix + "/";
  for (auto it = expected().lower_bound(start);
       it != expected().end() && it->first.starts_with(start); ++it)
    r[it->first.substr(start.size())] = it->second;
  return r;
}

std::vector<Tensor> list(const TensorMap& numbered) {
  std::vector<Tensor> r(numbered.size());
  for (const auto& [k, t] : numbered)
    r.at(std::stoul(k)) = t;
  return r;
}

void check_close(const std::string& what, const Tensor& got, const Tensor& want) {
  INFO(what);
  REQUIRE(got.defined());
  REQUIRE(got.shape() == want.shape());
  std::vector<double> a = got.to_vector<double>(), b = want.to_vector<double>();
  double scale = 1;
  for (double v : b)
    scale = std::max(scale, std::abs(v));
  double worst = 0;
  for (size_t k = 0; k < a.size(); k++)
    worst = std::isnan(a[k]) ? INFINITY : std::max(worst, std::abs(a[k] - b[k]));
  CHECK(worst <= 1e-5 * scale);
}

void check_layer(const std::string& name, const Layer& layer) {
  TensorMap state = part(name, "state");
  layer.module->load_state_dict(state); // names and shapes must be the same
  layer.module->train(!name.ends_with(" eval"));

  std::vector<Tensor> inputs = list(part(name, "in"));
  TensorMap input_gradients = part(name, "grad_in");
  for (const auto& [k, t] : input_gradients)
    inputs.at(std::stoul(k)) = inputs[std::stoul(k)].clone().requires_grad_();
  std::vector<Tensor> outputs = layer.call(inputs);

  std::vector<Tensor> wanted = list(part(name, "out")), weights = list(part(name, "dy"));
  REQUIRE(outputs.size() == wanted.size());
  Tensor total = zeros({});
  for (size_t k = 0; k < outputs.size(); k++) {
    check_close("output " + std::to_string(k), outputs[k], wanted[k]);
    total = total + sum(outputs[k] * weights[k]);
  }
  total.backward();
  for (const auto& [k, t] : input_gradients)
    check_close("gradient of input " + k, inputs[std::stoul(k)].grad(), t);
  TensorMap gradients = part(name, "grad");
  CHECK(gradients.size() == layer.module->named_parameters().size());
  for (const auto& [parameter, t] : layer.module->named_parameters())
    check_close("gradient of " + parameter, t.grad(), gradients.at(parameter));
  TensorMap after = layer.module->state_dict();
  for (const auto& [buffer, t] : part(name, "after"))
    check_close(buffer + " after the call", after.at(buffer), t);
}

} // namespace

TEST_CASE("layers give what PyTorch's give, with its state") {
  for (const auto& [name, make] : layer_cases())
    DYNAMIC_SECTION(name) { check_layer(name, make()); }
}

TEST_CASE("every case of PyTorch's has a layer") {
  std::set<std::string> theirs, ours;
  for (const auto& [name, t] : expected())
    theirs.insert(name.substr(0, name.find('/')));
  for (const auto& [name, make] : layer_cases())
    ours.insert(name);
  CHECK(ours == theirs);
}
