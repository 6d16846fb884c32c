// The layers of layers.py, by the names of its cases.
#pragma once

#include <weft/weft.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weft::test {

struct Layer {
  std::shared_ptr<nn::Module> module;
  std::function<std::vector<Tensor>(const std::vector<Tensor>&)> call;
};
using LayerCases = std::map<std::string, std::function<Layer()>>;

const LayerCases& layer_cases();

/// A layer that is called with as many inputs as the case has.
template <class M> Layer layer(M module) {
  auto shared = std::make_shared<M>(module);
  return {shared, [shared](const std::vector<Tensor>& in) {
            std::vector<Tensor> out;
            auto run = [&](const auto&... inputs) {
              if constexpr (requires { shared->forward(inputs...); })
                nn::detail::collect_results(out, (*shared)(inputs...));
            };
            in.size() == 1   ? run(in[0])
            : in.size() == 2 ? run(in[0], in[1])
            : in.size() == 3 ? run(in[0], in[1], in[2])
                             : run(in[0], in[1], in[2], in[3]);
            return out;
          }};
}

/// A layer that is called by a function of the module and the inputs.
template <class M, class F> Layer layer(M module, F call) {
  auto shared = std::make_shared<M>(module);
  return {shared, [shared, call](const std::vector<Tensor>& in) {
            std::vector<Tensor> out;
            nn::detail::collect_results(out, call(*shared, in));
            return out;
          }};
}

} // namespace weft::test
