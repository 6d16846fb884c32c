// The program of docs/from_pytorch.md: the same lines as there, in C++.
#include <weft/weft.h>

#include <fmt/format.h>

using namespace weft;

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(8, 32)), down = child("down", nn::Linear(32, 3));
  nn::Dropout drop = child("drop", nn::Dropout(0.1));
  Tensor forward(const Tensor& x) override { return down(drop(gelu(up(x)))); }
};

void tensors() {
  Tensor x = randn({4, 8}).requires_grad_();
  Tensor y = (x.matmul(x.t()) + 1).relu().mean({1}, /*keepdim=*/true);
  y.sum().backward();
  Tensor last = x[{ellipsis, -1}]; // a view, as in Python
  auto [values, indices] = topk(last.detach(), 2);
  fmt::print("{} {} {}\n", y.shape().str(), x.grad().shape().str(), values.shape().str());
}

void train() {
  manual_seed(1);
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 1e-2, .weight_decay = 0.1});
  optim::CosineAnnealingLR schedule(opt, 100);
  auto step = compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    nn::clip_grad_norm_(net.parameters(), 1.0);
    opt.step();
    return loss;
  });
  Tensor x = randn({64, 8}), y = argmax(x, 1) % 3;
  float loss = 0;
  for (int k = 0; k < 100; k++) {
    loss = step(x, y).item<float>();
    schedule.step();
  }
  net.eval();
  NoGrad no_grad;
  Tensor right = argmax(net(x), 1) == y;
  fmt::print("learned: {}\n",
             loss < 0.3f && mean(right.to(f32)).item<float>() > 0.9f ? "yes" : "no");
}

int main() {
  tensors();
  train();
}
