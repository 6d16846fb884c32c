// The example of docs/design.md as an out-of-tree program: trains for a few steps, compiled, and
// fails unless the loss falls and the compiled model agrees with the eager one.
#include <weft/weft.h>

#include <cmath>
#include <cstdio>

using namespace weft;

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(64, 128)), down = child("down", nn::Linear(128, 10));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

int main() {
  manual_seed(1);
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 1e-3});
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  Tensor x = randn({10, 64}), y = arange(0, 10); // one sample of each class
  float first = step(x, y).item<float>(), last = first;
  for (int i = 0; i < 30; ++i)
    last = step(x, y).item<float>();
  Tensor eager = net(x);
  net.compile();
  net(x);
  float gap = (net(x) - eager).abs().max().item<float>();
  std::printf("loss %.4f to %.4f, eager and compiled differ by %g\n", first, last, gap);
  return last < 0.7f * first && std::isfinite(last) && gap < 1e-4f ? 0 : 1;
}
