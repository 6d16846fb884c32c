// Lists and dictionaries of modules and parameters: names, access, shared handles.

#include "weft/nn_containers.h"
#include "weft/ops.h"

#include <catch2/catch.hpp>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> names(const nn::Module& m) {
  std::vector<std::string> list;
  for (auto& [name, t] : m.named_parameters())
    list.push_back(name);
  return list;
}

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a list of modules names them by number", "[nn]") {
  struct Net : nn::Module {
    nn::ModuleList<nn::Linear> layers = child("layers", nn::ModuleList<nn::Linear>());
    Net() {
      for (int k = 0; k < 3; k++)
        layers.append(nn::Linear(2, 2, false));
    }
    Tensor forward(const Tensor& x) override {
      Tensor y = x;
      for (nn::Linear& layer : layers)
        y = layer(y);
      return y;
    }
  } net;
  CHECK(names(net) == Names{"layers.0.weight", "layers.1.weight", "layers.2.weight"});
  Net handle = net;
  handle.layers.append(nn::Linear(2, 2, false)); // of both handles
  CHECK(net.layers.size() == 4);
  CHECK(net.parameters().size() == 4);
  CHECK(net.layers[-1].weight.is_same(handle.layers[3].weight));
  for (nn::Linear& layer : net.layers) {
    NoGrad no_grad;
    layer.weight.copy_(tensor({{2.f, 0.f}, {0.f, 2.f}}));
  }
  CHECK(net(ones({1, 2})).to_vector<float>() == std::vector<float>{16, 16});
  net.eval();
  CHECK_FALSE(handle.layers[0].is_training());
  CHECK_THROWS_WITH(net.layers[4], Contains("ModuleList: there must be a number 4, got 4"));
  CHECK_THROWS_WITH(net.layers[-5], Contains("ModuleList: there must be a number -5, got 4"));
}

TEST_CASE("a list of different modules calls them all by one tensor", "[nn]") {
  nn::ModuleList<> parts;
  parts.append(nn::Linear(2, 3)).append(nn::ReLU());
  CHECK(names(parts) == Names{"0.weight", "0.bias"});
  CHECK(parts[1](tensor({-1.f, 2.f})).to_vector<float>() == std::vector<float>{0, 2});
}

TEST_CASE("a dictionary of modules names them by key, in order", "[nn]") {
  nn::ModuleDict<nn::Linear> heads;
  heads.insert("b", nn::Linear(2, 1)).insert("a", nn::Linear(2, 3));
  CHECK(names(heads) == Names{"b.weight", "b.bias", "a.weight", "a.bias"});
  CHECK(heads.keys() == Names{"b", "a"});
  CHECK((heads.contains("a") && !heads.contains("c") && heads.size() == 2));
  CHECK(heads["a"](ones({1, 2})).shape() == Shape{1, 3});
  CHECK_THROWS_WITH(heads.at("c"), Contains("ModuleDict: the key must be one that was added, got "
                                            "\"c\""));
  CHECK_THROWS_WITH(heads.insert("a", nn::Linear(1, 1)), Contains("the name must be new"));
  CHECK(heads.size() == 2);
}

TEST_CASE("parameters in lists and dictionaries are trained", "[nn]") {
  nn::ParameterList list({ones({2}), zeros({3})});
  nn::ParameterList handle = list;
  handle.append(ones({1}));
  CHECK(names(list) == Names{"0", "1", "2"});
  CHECK((list.size() == 3 && list[-1].requires_grad()));
  int64_t elements = 0;
  for (const Tensor& t : list)
    elements += t.numel();
  CHECK(elements == 6);
  CHECK_THROWS_WITH(list[3], Contains("ParameterList: there must be a number 3, got 3"));

  nn::ParameterDict dict;
  dict.insert("scale", ones({2})).insert("shift", zeros({2}));
  CHECK(names(dict) == Names{"scale", "shift"});
  CHECK((dict.size() == 2 && dict.contains("shift") && dict["scale"].requires_grad()));
  CHECK_THROWS_WITH(dict.at("x"), Contains("ParameterDict: the key must be one that was added"));
}

TEST_CASE("a key that is not there is an error of the user's line", "[nn]") {
  const nn::ModuleDict<nn::Linear> modules;
  const nn::ParameterDict parameters;
  const std::string here = std::string("got \"c\" (at ") + __FILE__ + ":";
  CHECK_THROWS_WITH(modules["c"], Contains(here));
  CHECK_THROWS_WITH(parameters[std::string("c")], Contains(here));
}
