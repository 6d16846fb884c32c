// The networks that the example trains, as a user would write them. Both take images as rows of 64
// pixels and return a score for each of the ten digits.
#pragma once

#include <weft/weft.h>

#include <memory>
#include <string>

namespace digits {

struct Mlp : weft::nn::Module {
  weft::nn::Linear in = child("in", weft::nn::Linear(64, 128));
  weft::nn::Linear hidden = child("hidden", weft::nn::Linear(128, 128));
  weft::nn::LayerNorm norm = child("norm", weft::nn::LayerNorm({128}));
  weft::nn::Linear out = child("out", weft::nn::Linear(128, 10));
  weft::Tensor forward(const weft::Tensor& x) override {
    weft::Tensor h = gelu(in(x));
    return out(norm(h + gelu(hidden(h))));
  }
};

struct Cnn : weft::nn::Module {
  weft::nn::Conv2d in = child("in", weft::nn::Conv2d(1, 16, 3, {.padding = 1}));
  weft::nn::BatchNorm2d norm = child("norm", weft::nn::BatchNorm2d(16));
  weft::nn::Conv2d hidden = child("hidden", weft::nn::Conv2d(16, 32, 3, {.padding = 1}));
  weft::nn::Linear out = child("out", weft::nn::Linear(32 * 2 * 2, 10));
  weft::Tensor forward(const weft::Tensor& x) override {
    weft::Tensor h = max_pool2d(relu(norm(in(x.reshape({-1, 1, 8, 8})))), 2);
    h = max_pool2d(relu(hidden(h)), 2);
    return out(h.flatten(1));
  }
};

/// Returns a new network: "mlp" or "cnn". Throws Error (value).
inline std::unique_ptr<weft::nn::Module> make_net(const std::string& name) {
  if (name == "mlp") return std::make_unique<Mlp>();
  if (name == "cnn") return std::make_unique<Cnn>();
  throw weft::Error(weft::ErrorKind::value, "digits: --net must be mlp or cnn, got " + name);
}

} // namespace digits
