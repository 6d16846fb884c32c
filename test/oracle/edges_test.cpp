// What PyTorch answers, gives as gradients or refuses at the edges of functions' domains: the table
// data/edges.txt, eagerly and compiled.

#include "test/oracle/dtype_named.h"
#include "tools/common/call.h"
#include "tools/common/python_json.h"
#include "weft/autograd.h"
#include "weft/compile.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <fstream>

using namespace weft;
using tools::Json;

namespace {

std::vector<double> numbers(const Json& t) {
  std::vector<double> all;
  for (const Json& v : t.at("values"))
    all.push_back(v.is_boolean() ? v.get<bool>() : tools::to_number(v));
  return all;
}

Tensor read(const Json& t) {
  Shape shape;
  for (const Json& n : t.at("shape"))
    shape.push_back(n.get<int64_t>());
  return tensor(numbers(t), shape).to(test::dtype_named(t.at("dtype").get<std::string>()));
}

void check_close(const Tensor& got, const Json& wanted) {
  REQUIRE(got.defined());
  const Tensor want = read(wanted);
  CHECK(name_of(got.dtype()) == wanted.at("dtype").get<std::string>());
  REQUIRE(got.shape() == want.shape());
  const double rtol = got.dtype() == bf16 ? 8e-3 : got.dtype() == f16 ? 1e-3 : 2e-6;
  const std::vector<double> a = got.to(f64).to_vector<double>(),
                            b = want.to(f64).to_vector<double>();
  for (size_t k = 0; k < a.size(); k++) {
    INFO("element " << k << ": " << a[k] << ", which must be " << b[k]);
    CHECK(((std::isnan(a[k]) && std::isnan(b[k])) || a[k] == b[k] ||
           std::abs(a[k] - b[k]) <= rtol * std::abs(b[k]) + 1e-7));
  }
}

struct Answer {
  std::vector<Tensor> outputs, grads;
};

Answer answer(const Json& line, const std::vector<Tensor>& inputs) {
  Answer a;
  a.outputs = tools::call_op(line.at("call"), line.at("args"), line.at("kwargs"), inputs);
  if (!line.contains("grads")) return a;
  Tensor total;
  for (const Tensor& y : a.outputs)
    if (y.requires_grad()) total = total.defined() ? total + sum(y) : sum(y);
  std::vector<Tensor> wanted;
  for (const Tensor& x : inputs)
    if (x.requires_grad()) wanted.push_back(x);
  a.grads = grad({total}, wanted, {}, {.allow_unused = true});
  return a;
}

void check(const Json& line, const Answer& a) {
  const Json& outputs = line.at("outputs");
  REQUIRE(a.outputs.size() == outputs.size());
  for (size_t k = 0; k < outputs.size(); k++)
    check_close(a.outputs[k], outputs[k]);
  size_t next = 0;
  for (const Json& wanted : line.value("grads", Json::array()))
    if (!wanted.is_null()) {
      INFO("gradient " << next);
      check_close(a.grads.at(next++), wanted);
    }
}

std::vector<Json> table() {
  std::ifstream file(WEFT_TEST_EDGES);
  std::vector<Json> lines;
  for (std::string text; std::getline(file, text);)
    if (text[0] != '#') lines.push_back(tools::parse_python_json(text));
  return lines;
}

std::vector<Tensor> inputs_of(const Json& line) {
  std::vector<Tensor> inputs;
  for (const Json& t : line.at("inputs"))
    inputs.push_back(read(t));
  const Json grads = line.value("grads", Json::array());
  for (size_t k = 0; k < grads.size(); k++)
    if (!grads[k].is_null()) inputs[k].requires_grad_();
  return inputs;
}

} // namespace

TEST_CASE("edges of domains are PyTorch's, eagerly and compiled", "[edges]") {
  const std::vector<Json> lines = table();
  CHECK(lines.size() >= 60);
  for (const Json& line : lines) {
    INFO(line.dump());
    const std::vector<Tensor> inputs = inputs_of(line);
    auto compiled = compile([&] {
      Answer a = answer(line, inputs);
      return std::pair(a.outputs, a.grads);
    });
    if (line.contains("refused")) {
      CHECK_THROWS_AS(answer(line, inputs), Error);
      CHECK_THROWS_AS(compiled(), Error);
      continue;
    }
    check(line, answer(line, inputs));
    for (int k = 0; k < 2; k++) { // the second call runs kernels
      auto [outputs, grads] = compiled();
      check(line, {outputs, grads});
    }
  }
}
