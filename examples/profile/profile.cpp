// The program of docs/profiling.md: a few training steps under a profiler.
#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

int main() {
  manual_seed(1);
  nn::Linear up(64, 256), down(256, 10);
  std::vector<Tensor> weights = up.parameters();
  for (const Tensor& w : down.parameters())
    weights.push_back(w);
  optim::AdamW opt(weights, {.lr = 1e-3});
  auto step = compile(
      [&](const Tensor& x, const Tensor& y) {
        opt.zero_grad();
        Tensor loss = cross_entropy(down(gelu(up(x))), y);
        loss.backward();
        opt.step();
        return loss;
      },
      {.name = "train step"});

  Tensor x = randn({128, 64}), y = zeros({128}, i64);
  Profiler profiler({.file = "trace.json"});
  for (int k = 0; k < 20; k++)
    step(x, y);
  profiler.stop(); // writes trace.json: open it in ui.perfetto.dev
  fmt::print("{}", profiler.table(ProfilerOrder::total, 12));
}
