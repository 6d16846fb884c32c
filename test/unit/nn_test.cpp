// Modules: registration, shared handles, conversion, state, calls.

#include "weft/autograd.h"
#include "weft/nn.h"
#include "weft/ops.h"
#include "weft/optim.h"

#include <catch2/catch.hpp>

using namespace weft;
using Catch::Matchers::Contains;

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(4, 8)), down = child("down", nn::Linear(8, 3));
  Tensor scale = parameter("scale", ones({3}));
  Tensor seen = buffer("seen", zeros({}));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))) * scale; }
};

struct Attention : nn::ModuleOf<Attention> {
  nn::Linear q = child("q", nn::Linear(4, 4));
  Tensor forward(const Tensor& a, const Tensor& b) { return q(a) + b; }
  Tensor forward(const Tensor& a) { return q(a); }
};

std::vector<std::string> names(const nn::Module& m) {
  std::vector<std::string> list;
  for (auto& [name, t] : m.named_parameters())
    list.push_back(name);
  return list;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.to_vector<double>() == b.to_vector<double>();
}

} // namespace

TEST_CASE("parameters and children have names, in order of registration", "[nn]") {
  Net net;
  CHECK(names(net) ==
        std::vector<std::string>{"scale", "up.weight", "up.bias", "down.weight", "down.bias"});
  CHECK(net.parameters().size() == 5);
  CHECK(net.named_buffers()[0].first == "seen");
  CHECK(net.children()[1].first == "down");
  CHECK(net.up.weight.shape() == Shape{8, 4});
  for (const Tensor& p : net.parameters())
    CHECK((p.requires_grad() && p.is_leaf()));
  CHECK_FALSE(net.seen.requires_grad());
}

TEST_CASE("a linear layer starts within PyTorch's bounds", "[nn]") {
  manual_seed(1);
  nn::Linear layer(256, 64);
  std::vector<float> w = layer.weight.to_vector<float>();
  auto [least, most] = std::minmax_element(w.begin(), w.end());
  CHECK(*least >= -1.0f / 16);
  CHECK(*most <= 1.0f / 16);
  CHECK(*most - *least > 1.9f / 16);
  CHECK_THROWS_WITH(nn::Linear(-1, 2),
                    Contains("Linear: sizes must not be negative, got -1 and 2"));
}

TEST_CASE("copies and moved-to modules share parameters, children and mode", "[nn]") {
  Net net;
  Net copy = net;
  Net moved = std::move(copy);
  CHECK(copy.parameters().size() == 5); // a moved-from module is still a handle
  CHECK(moved.up.weight.is_same(net.up.weight));
  {
    NoGrad no_grad;
    moved.scale.fill_(0);
  }
  Tensor x = ones({2, 4});
  CHECK(same(net(x), zeros({2, 3})));
  moved.eval();
  CHECK_FALSE(net.up.is_training());
  net.train();
  CHECK(moved.is_training());
  Net other;
  other = net;
  CHECK(other.parameters()[1].is_same(net.parameters()[1]));
  Net fresh;
  CHECK_FALSE(fresh.up.weight.is_same(net.up.weight));
}

TEST_CASE("a registered child is called through the module's handle", "[nn]") {
  Net net;
  Tensor x = ones({2, 4});
  std::shared_ptr<nn::Module> up = net.children()[0].second;
  CHECK(same((*up)(x), net.up(x)));
}

TEST_CASE("names must be new and without dots", "[nn]") {
  struct Twice : nn::Module {
    Tensor a = parameter("a", ones({1})), b = parameter("a", ones({1}));
  };
  CHECK_THROWS_WITH(Twice(),
                    Contains("parameter: the name must be new and without dots, got \"a\""));
  struct Dotted : nn::Module {
    nn::ReLU r = child("a.b", nn::ReLU());
  };
  CHECK_THROWS_WITH(Dotted(),
                    Contains("child: the name must be new and without dots, got \"a.b\""));
  struct Result : nn::Module {
    Tensor w = parameter("w", ones({1}).requires_grad_() * 2.0);
  };
  CHECK_THROWS_WITH(Result(), Contains("parameter: \"w\" must be a leaf"));
}

TEST_CASE("conversion reaches every handle and keeps parameters trainable", "[nn]") {
  Net net;
  Tensor weight = net.up.weight;
  optim::SGD opt(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  sum(net(ones({1, 4}))).backward();
  net.to(f64);
  CHECK(weight.dtype() == f64);
  CHECK(weight.grad().dtype() == f64);
  CHECK(weight.requires_grad());
  CHECK(net.seen.dtype() == f64);
  std::vector<double> before = weight.to_vector<double>();
  opt.step();
  CHECK(before != weight.to_vector<double>());
  net.zero_grad();
  sum(net(ones({1, 4}, f64))).backward();
  opt.step();
  CHECK_THROWS_WITH(net.to(i64), Contains("to: a module's dtype must be floating, got i64"));
  net.to(Device::cpu());
}

TEST_CASE("state goes from one module to another by name", "[nn]") {
  Net a, b;
  nn::StateDict state = a.state_dict();
  CHECK(state.size() == 6);
  CHECK_FALSE(state.at("up.weight").requires_grad());
  b.load_state_dict(state);
  Tensor x = ones({2, 4});
  CHECK(same(a(x), b(x)));
  CHECK(b.up.weight.requires_grad());
  nn::StateDict wrong = state;
  wrong["up.weight"] = ones({1});
  CHECK_THROWS_WITH(b.load_state_dict(wrong),
                    Contains("load_state_dict: the state must have the module's names and shapes, "
                             "got \"up.weight\" of shape [1], not [8, 4]"));
  wrong = state;
  wrong["extra"] = ones({1});
  CHECK_THROWS_WITH(b.load_state_dict(wrong), Contains("got unexpected \"extra\""));
  CHECK(b.load_state_dict(wrong, false).unexpected == std::vector<std::string>{"extra"});
  wrong = state;
  wrong.erase("seen");
  CHECK_THROWS_WITH(b.load_state_dict(wrong), Contains("got missing \"seen\""));
}

TEST_CASE("a tied parameter is listed once and saved under both names", "[nn]") {
  struct Tied : nn::Module {
    nn::Linear a = child("a", nn::Linear(2, 2)), b = child("b", a);
  } net;
  CHECK(net.parameters().size() == 2);
  CHECK(net.state_dict().size() == 4);
  net.load_state_dict(net.state_dict());
}

TEST_CASE("sequences and activations", "[nn]") {
  nn::Sequential net(nn::Linear(4, 8), nn::ReLU(), nn::LayerNorm({8}), nn::Linear(8, 2),
                     nn::Softmax());
  CHECK(names(net) ==
        std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"});
  Tensor y = net(ones({3, 4}));
  CHECK(y.shape() == Shape{3, 2});
  for (float row : sum(y, 1).to_vector<float>())
    CHECK(row == Approx(1));
  nn::Sequential shared = net;
  CHECK(same(shared(ones({3, 4})), y));
  Tensor x = tensor({-1.0, 0.5});
  CHECK(same(nn::GELU()(x), gelu(x)));
  CHECK(same(nn::GELU("tanh")(x), gelu_tanh(x)));
  CHECK(same(nn::SiLU()(x), silu(x)));
  CHECK(same(nn::Tanh()(x), tanh(x)));
  CHECK(same(nn::Sigmoid()(x), sigmoid(x)));
}

TEST_CASE("modules with other signatures", "[nn]") {
  Attention attention;
  Tensor a = ones({2, 4}), b = ones({2, 4});
  CHECK(same(attention(a, b), attention(a) + b));
  CHECK(attention.parameters().size() == 2);
  int calls = 0;
  attention.set_runner([&](const std::function<void()>& body) {
    calls++;
    body();
  });
  Attention handle = attention;
  CHECK(same(handle(a, b), attention.q(a) + b));
  CHECK(calls == 1);
}

TEST_CASE("a runner stands between the call and forward, for every handle", "[nn]") {
  Net net;
  Net handle = net;
  Tensor x = ones({2, 4});
  Tensor plain = net(x);
  int calls = 0;
  net.set_runner([&](const std::function<void()>& body) {
    calls++;
    body();
  });
  CHECK(same(handle(x), plain));
  CHECK(calls == 1);
  net.set_runner({});
  handle(x);
  CHECK(calls == 1);
}

TEST_CASE("errors inside a module name the caller's line", "[nn]") {
  Net net;
  std::string text;
  unsigned line = 0;
  try {
    line = __LINE__ + 1;
    net(ones({2, 5}));
  } catch (const Error& e) {
    text = e.what();
  }
  CHECK_THAT(text, Contains("nn_test.cpp:" + std::to_string(line)));
  struct Empty : nn::Module {
  } empty;
  CHECK_THROWS_WITH(empty(ones({1})), Contains("forward: the module must override it"));
}
