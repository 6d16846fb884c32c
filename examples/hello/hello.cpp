#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

struct Net : nn::Module { // a module is a shared handle; children register by name
  nn::Linear up = child("up", nn::Linear(64, 128)), down = child("down", nn::Linear(128, 10));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

int main() {
  manual_seed(1);
  Tensor images = randn({1024, 64}), labels = argmax(matmul(images, randn({64, 10})), 1);
  data::DataLoader train({images, labels}, {.batch_size = 64, .shuffle = true});
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 1e-3});
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  float loss = 10;
  for (int epoch = 1; epoch <= 50 && loss > 0.1f; epoch++) // host control flow is just C++
    for (auto [x, y] : train)
      loss = step(x, y).item<float>();
  net.compile(); // every existing call of net(x) now runs compiled kernels
  Tensor right = mean((argmax(net(images), 1) == labels).to(f32));
  fmt::print("loss {:.2f}, {:.0f} % right\n{}", loss, 100 * right.item<float>(), step.explain());
}
