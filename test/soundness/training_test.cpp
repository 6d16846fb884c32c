// Training steps: random numbers, running statistics, optimizers, schedules, clipping, scaling.

#include "soundness.h"

#include <cmath>

using namespace weft;
using soundness::ramp;

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(4, 8));
  nn::LayerNorm norm = child("norm", nn::LayerNorm({8}));
  nn::Linear down = child("down", nn::Linear(8, 3));
  Tensor forward(const Tensor& x) override { return down(norm(gelu(up(x)))); }
};

Tensor labels(int k) { return tensor({k % 3, (k + 1) % 3, 2, 0}); }
Tensor batch(int k) { return ramp({4, 4}, 0.3 * k); }

// The usual step, in the run's way.
auto step_of(soundness::Witness& w, nn::Module& net, optim::Optimizer& opt) {
  return w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
}

// Trains five steps and shows losses and parameters.
template <class Step> void train(soundness::Witness& w, nn::Module& net, Step& step) {
  for (int k = 0; k < 5; k++)
    w.see(step(batch(k), labels(k)));
  w.see(net.parameters());
}

} // namespace

SOUND("a whole step with AdamW") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  auto step = step_of(w, net, opt);
  train(w, net, step);
}

SOUND("a whole step with SGD, momentum and Nesterov") {
  Net net;
  optim::SGD opt(net.parameters(),
                 {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true});
  auto step = step_of(w, net, opt);
  train(w, net, step);
}

SOUND("only the forward pass compiled, the rest outside") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  auto forward = w.compile([&](const Tensor& x) { return net(x); });
  auto step = [&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(forward(x), y);
    loss.backward();
    opt.step();
    return loss;
  };
  train(w, net, step);
}

SOUND("zero_grad that keeps the gradients as zeros") {
  Net net;
  optim::SGD opt(net.parameters(), {.lr = 0.05});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad(false);
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  train(w, net, step);
  w.see(net.up.weight.grad());
}

SOUND("zero_grad after the step") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    opt.zero_grad();
    return loss;
  });
  train(w, net, step);
}

SOUND("a learning rate along half a cosine") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  int calls = 0;
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.options.lr = 0.005 * (1 + std::cos(0.3 * calls++));
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    return loss;
  });
  train(w, net, step);
}

SOUND("accumulation over micro batches") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  int calls = 0;
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    Tensor loss = cross_entropy(net(x), y) / 2;
    loss.backward();
    if (++calls % 2 == 0) {
      opt.step();
      opt.zero_grad();
    }
    return loss;
  });
  train(w, net, step);
}

SOUND("clipping by the norm of all gradients, on the device") {
  Net net;
  optim::SGD opt(net.parameters(), {.lr = 0.05});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    NoGrad no_grad;
    Tensor total = zeros({});
    for (const Tensor& p : net.parameters())
      total = total + sum(square(p.grad()));
    Tensor scale = minimum(0.1 / (sqrt(total) + 1e-6), 1.0);
    for (const Tensor& p : net.parameters())
      p.grad().mul_(scale);
    opt.step();
    return sqrt(total);
  });
  train(w, net, step);
}

SOUND("clipping that the host decides") {
  Net net;
  optim::SGD opt(net.parameters(), {.lr = 0.05});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    NoGrad no_grad;
    double total = 0;
    for (const Tensor& p : net.parameters())
      total += sum(square(p.grad())).item<double>();
    if (std::sqrt(total) > 1.0)
      for (const Tensor& p : net.parameters())
        p.grad().mul_(1.0 / std::sqrt(total));
    opt.step();
    return loss;
  });
  train(w, net, step);
}

SOUND("a loss that is scaled, steps that are skipped") {
  Net net;
  optim::SGD opt(net.parameters(), {.lr = 0.05});
  double scale = 1024;
  int calls = 0;
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x * (calls++ == 2 ? INFINITY : 1)), y);
    (loss * scale).backward();
    NoGrad no_grad;
    bool finite = true;
    for (const Tensor& p : net.parameters()) {
      p.grad().div_(scale);
      finite = finite && all(isfinite(p.grad())).item<bool>();
    }
    if (finite)
      opt.step();
    else
      scale /= 2;
    return loss;
  });
  train(w, net, step);
  w.see(scale);
}

SOUND("an exponential average of the parameters") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  std::vector<Tensor> average;
  for (const Tensor& p : net.parameters())
    average.push_back(p.detach().clone());
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    opt.step();
    NoGrad no_grad;
    auto parameters = net.parameters();
    for (size_t k = 0; k < average.size(); k++)
      average[k].lerp_(parameters[k], 0.1);
    return loss;
  });
  train(w, net, step);
  w.see(average);
}

SOUND("clipping, a schedule and an average, as the library has them") {
  Net net;
  optim::Adam opt(net.parameters(), {.lr = 0.02});
  optim::Schedule schedule(opt.options.lr, optim::with_warmup(2, optim::cosine_decay(6)));
  optim::ExponentialAverage average(net.parameters(), 0.9);
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    Tensor norm = nn::clip_grad_norm_(net.parameters(), 0.5);
    opt.step();
    schedule.step();
    average.update();
    return loss + norm;
  });
  train(w, net, step);
  w.see(average.averages());
  w.see(opt.options.lr);
}

SOUND("RMSprop with momentum") {
  Net net;
  optim::RMSprop opt(net.parameters(), {.lr = 0.01, .momentum = 0.5});
  auto step = step_of(w, net, opt);
  train(w, net, step);
}

SOUND("two optimizers") {
  Net net;
  optim::SGD slow({net.up.weight, net.up.bias}, {.lr = 0.01});
  optim::AdamW fast({net.down.weight, net.down.bias}, {.lr = 0.05});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    net.zero_grad();
    Tensor loss = cross_entropy(net(x), y);
    loss.backward();
    slow.step();
    fast.step();
    return loss;
  });
  train(w, net, step);
}

SOUND("a parameter without a gradient in some steps") {
  Net net;
  nn::Linear side(4, 3);
  std::vector<Tensor> all = net.parameters();
  for (const Tensor& p : side.parameters())
    all.push_back(p);
  optim::AdamW opt(all, {.lr = 0.01});
  int calls = 0;
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor z = net(x);
    if (calls++ % 2) z = z + side(x);
    Tensor loss = cross_entropy(z, y);
    loss.backward();
    opt.step();
    return loss;
  });
  train(w, net, step);
  w.see(side.parameters());
}

SOUND("dropout: the same numbers, new at each call") {
  Net net;
  auto f = w.compile([&](const Tensor& x) {
    Tensor loss = sum(square(dropout(net(x), 0.4, true)));
    loss.backward();
    return loss;
  });
  for (int k = 0; k < 5; k++)
    w.see(f(batch(k)));
  w.see(net.up.weight.grad());
}

SOUND("attention and dropout, some layers deep, trained") {
  struct Block : nn::Module {
    nn::LayerNorm norm = child("norm", nn::LayerNorm({8}));
    nn::Linear qkv =
        child("qkv", nn::Linear(8, 24, false)); // a bias of keys has no gradient but noise
    nn::Linear up = child("up", nn::Linear(8, 16));
    nn::Linear down = child("down", nn::Linear(16, 8));
    Tensor forward(const Tensor& x) override {
      Tensor all = qkv(norm(x));
      auto part = [&](int64_t k) { return slice(all, -1, 8 * k, 8 * k + 8); };
      Tensor h = x + scaled_dot_product_attention(part(0), part(1), part(2), {}, 0.2, true);
      return h + dropout(down(gelu(up(h))), 0.3, true);
    }
  };
  std::vector<Block> blocks(3);
  std::vector<Tensor> parameters;
  for (Block& block : blocks)
    for (const Tensor& p : block.parameters())
      parameters.push_back(p);
  // Adam divides a gradient by its own size: with this eps one that is all but 0, of which a large
  // part is rounding, moves its parameter by little.
  optim::AdamW opt(parameters, {.lr = 0.01, .eps = 1e-3});
  auto step = w.compile([&](const Tensor& x) {
    opt.zero_grad();
    Tensor h = x;
    for (Block& block : blocks)
      h = block(h);
    Tensor loss = mean(square(h));
    loss.backward();
    nn::clip_grad_norm_(parameters, 0.5);
    opt.step();
    return loss;
  });
  for (int k = 0; k < 4; k++)
    w.see(step(ramp({2, 6, 8}, k)));
  w.see(parameters);
}

SOUND("dropout that is switched by the mode") {
  nn::Sequential net(nn::Linear(4, 8), nn::Dropout(0.3), nn::Linear(8, 2));
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  for (int k = 0; k < 8; k++) {
    net.train(k % 3 != 0);
    w.see(f(batch(k)));
  }
}

SOUND("random numbers inside, seeded in between") {
  auto f = w.compile([](const Tensor& x) { return x + normal({4}) * uniform({4}); });
  for (int k = 0; k < 6; k++) {
    if (k == 3) manual_seed(77);
    w.see(f(ramp({4})));
  }
}

SOUND("random numbers that nobody reads count") {
  auto f = w.compile([](const Tensor& x, bool wastes) {
    Tensor noise = normal({5});
    return wastes ? x * 2 : x + noise;
  });
  for (bool wastes : {false, true, true, false, true, false})
    w.see(f(ramp({5}), wastes));
}

SOUND("a generator of one's own") {
  Generator generator(5);
  auto f = w.compile([&](const Tensor& x) { return x * uniform(generator, {4}); });
  for (int k = 0; k < 5; k++)
    w.see(f(ramp({4})));
  w.see(uniform(generator, {3}));
}

SOUND("running statistics of batch_norm") {
  nn::BatchNorm1d norm(4);
  nn::Linear out(4, 2);
  auto f = w.compile([&](const Tensor& x) {
    Tensor loss = sum(square(out(norm(x))));
    loss.backward();
    return loss;
  });
  for (int k = 0; k < 6; k++) {
    norm.train(k % 4 != 3);
    w.see(f(ramp({5 + k % 2, 4}, k)));
  }
  for (auto& [name, t] : norm.named_buffers())
    w.see(t);
  w.see(norm.weight.grad());
}

SOUND("a small convolutional network in training") {
  nn::Conv2d conv(1, 4, 3, {.padding = 1});
  nn::BatchNorm2d norm(4);
  nn::Linear out(16, 3);
  std::vector<Tensor> all = conv.parameters();
  for (nn::Module* m : {static_cast<nn::Module*>(&norm), static_cast<nn::Module*>(&out)})
    for (const Tensor& p : m->parameters())
      all.push_back(p);
  optim::SGD opt(all, {.lr = 0.05, .momentum = 0.9});
  auto step = w.compile([&](const Tensor& x, const Tensor& y) {
    opt.zero_grad();
    Tensor h = max_pool2d(relu(norm(conv(x))), 2);
    Tensor loss = cross_entropy(out(h.flatten(1)), y);
    loss.backward();
    opt.step();
    return loss;
  });
  for (int k = 0; k < 4; k++)
    w.see(step(ramp({4, 1, 4, 4}, 0.2 * k), labels(k)));
  for (auto& [name, t] : norm.named_buffers())
    w.see(t);
}

SOUND("embeddings, some rows of which are read") {
  nn::Embedding table(10, 4);
  optim::SGD opt(table.parameters(), {.lr = 0.1});
  auto step = w.compile([&](const Tensor& tokens) {
    opt.zero_grad();
    Tensor loss = mean(square(table(tokens) - 1));
    loss.backward();
    opt.step();
    return loss;
  });
  for (int k = 0; k < 5; k++)
    w.see(step(tensor({{k, 1, 9}, {2, 2, k + 3}})));
  w.see(table.parameters());
}

SOUND("a recurrent cell over a sequence of changing length") {
  nn::Linear in(3, 6), again(6, 6);
  auto f = w.compile([&](const Tensor& x) {
    Tensor h = zeros({1, 6});
    for (int64_t t = 0; t < x.size(0); t++)
      h = tanh(in(slice(x, 0, t, t + 1)) + again(h));
    Tensor loss = sum(h * h);
    loss.backward();
    return loss;
  });
  for (int64_t n : {3, 3, 5, 1, 5, 3, 7})
    w.see(f(ramp({n, 3})));
  w.see(in.weight.grad());
  w.see(again.weight.grad());
}

SOUND("a checkpointed part") {
  Net net;
  auto f = w.compile([&](const Tensor& x) {
    Tensor h = checkpoint([&](const Tensor& t) { return net(t); }, x * 1);
    Tensor loss = sum(h * h);
    loss.backward();
    return loss;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({4, 4}, k).requires_grad_()));
  for (const Tensor& p : net.parameters())
    w.see(p.grad());
}

SOUND("a loss that two functions share") {
  Net net;
  auto features = w.compile([&](const Tensor& x) { return gelu(net.up(x)); });
  auto head = w.compile([&](const Tensor& h) { return mean(net.down(h)); });
  for (int k = 0; k < 4; k++) {
    Tensor loss = head(features(batch(k)));
    loss.backward();
    w.see(loss);
  }
  w.see(net.up.weight.grad());
  w.see(net.down.weight.grad());
}

SOUND("evaluation in between") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  auto step = step_of(w, net, opt);
  auto predict = w.compile([&](const Tensor& x) {
    NoGrad no_grad;
    return argmax(net(x), 1);
  });
  for (int k = 0; k < 6; k++) {
    w.see(step(batch(k), labels(k)));
    if (k % 2) w.see(predict(batch(k)));
  }
}
