// Forward passes that are compiled while backward passes run outside of them: saved values that the
// program leaves out are made again of what is there, whatever happens in between.

#include "soundness.h"

#include <thread>

using namespace weft;
using soundness::ramp;

namespace {

constexpr int kCalls = 4; // the first records, the second compiles

Tensor leaf(const Shape& shape, double start = -1.0) { return ramp(shape, start).requires_grad_(); }

// Saves most of what it makes; the results of elementwise ops are cheap to make again.
Tensor activations(const Tensor& x, const Tensor& w) {
  Tensor h = x * w + 0.5;
  Tensor s = sigmoid(h);
  Tensor t = tanh(h * s);
  return exp(t) * s;
}

// Saves its results alone, which are cheap to make again of operands that nobody saved.
Tensor bounded(const Tensor& x, const Tensor& y) { return tanh(exp(x + y) * 0.1); }

// Shows the gradients and drops them.
void see_gradients(soundness::Witness& w, std::initializer_list<Tensor> leaves) {
  for (const Tensor& t : leaves) {
    w.see(t.grad());
    t.set_grad({});
  }
}

void write(const Tensor& t, double factor) {
  NoGrad no_grad;
  t.mul_(factor);
}

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(4, 8));
  nn::LayerNorm norm = child("norm", nn::LayerNorm({8}));
  nn::Linear down = child("down", nn::Linear(8, 4));
  Tensor forward(const Tensor& x) override { return down(gelu(norm(up(x)))) + x; }
};

} // namespace

SOUND("activations are made again") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    w.see(r);
    r.backward(ramp({6, 5}, 0.1 * k));
    see_gradients(w, {x, y});
  }
}

SOUND("operands that change in place before the backward pass") {
  Tensor x = leaf({6, 5}), b = ramp({6, 5}, 0.3);
  auto f = w.compile(bounded);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, b);
    write(b, 0.5); // nobody saved it
    write(x, 0.9);
    r.backward(ramp({6, 5}));
    see_gradients(w, {x});
    w.see(b);
  }
}

SOUND("operands that change in another compiled function") {
  Tensor x = leaf({6, 5}), b = ramp({6, 5}, 0.3);
  auto f = w.compile(bounded);
  auto change = w.compile([](const Tensor& v) {
    NoGrad no_grad;
    v.mul_(0.5);
    v.add_(0.1);
  });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, b);
    change(b);
    r.backward(ramp({6, 5}));
    see_gradients(w, {x});
    w.see(b);
  }
}

SOUND("saved operands that change in place are refused as ever") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    if (k % 2) write(x, 1.5);
    w.attempt([&] { r.backward(ramp({6, 5})); });
    see_gradients(w, {x, y});
  }
}

SOUND("a view of an operand changes in place") {
  Tensor base = ramp({12, 5}), x = leaf({6, 5});
  auto f = w.compile([](const Tensor& v, const Tensor& u) { return sigmoid(exp(v + u) * 0.1); });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, slice(base, 0, 0, 12, 2));
    write(slice(base, 0, 2, 8), 0.5);
    r.backward(ramp({6, 5}));
    see_gradients(w, {x});
    w.see(base);
  }
}

SOUND("an operand is written by its address") {
  Tensor x = leaf({6, 5}), b = ramp({6, 5}, 0.3);
  auto f = w.compile(bounded);
  for (int k = 0; k < 2 * kCalls; k++) {
    Tensor r = f(x, b);
    if (k >= kCalls) b.mutable_data<float>()[3] = 0.25F * static_cast<float>(k);
    r.backward(ramp({6, 5}));
    see_gradients(w, {x});
  }
}

SOUND("a parameter gets other memory") {
  nn::Linear layer(5, 5);
  layer.weight.requires_grad_(false); // the tape saves it nevertheless, but not the bias
  Tensor x = leaf({6, 5});
  auto f = w.compile([&](const Tensor& v) { return tanh(exp(v + layer.bias) * 0.1); });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x);
    layer.to(k % 2 ? f32 : f64);
    w.attempt([&] { r.backward(ramp({6, 5})); });
    layer.to(f32);
    see_gradients(w, {x});
  }
}

SOUND("an operand that goes before the backward pass") {
  Tensor x = leaf({6, 5});
  auto f = w.compile(bounded);
  for (int k = 0; k < kCalls; k++) {
    Tensor b = ramp({6, 5}, 0.1 * k);
    Tensor r = f(x, b), q = f(x, ramp({6, 5}, 0.2 * k));
    b = {};
    (r + q).backward(ramp({6, 5}));
    see_gradients(w, {x});
  }
}

SOUND("a retained graph, and one that is not") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    for (int pass = 0; pass < 4; pass++)
      r.backward(ramp({6, 5}, 0.1 * pass), true);
    r.backward(ramp({6, 5}));
    w.attempt([&] { r.backward(ramp({6, 5})); });
    see_gradients(w, {x, y});
  }
}

SOUND("gradients of gradients") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    const std::vector<Tensor> first =
        grad({r}, {x, y}, {ramp({6, 5}, 0.1 * k)}, {.create_graph = true});
    w.see(first);
    const Tensor second =
        grad({first[0] * first[1]}, {x}, {ramp({6, 5})}, {.create_graph = true})[0];
    w.see(second);
    second.backward(ramp({6, 5}));
    see_gradients(w, {x, y});
  }
}

SOUND("gradients of some inputs") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    w.see(grad({r}, {y}, {ramp({6, 5})}, {.retain_graph = true}));
    w.see(grad({r}, {x}, {ramp({6, 5})}));
  }
}

SOUND("frozen parameters") {
  Net net;
  net.up.weight.requires_grad_(false);
  net.norm.weight.requires_grad_(false);
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  for (int k = 0; k < kCalls; k++) {
    f(ramp({3, 4}, 0.1 * k)).backward(ramp({3, 4}));
    see_gradients(w, {net.up.bias, net.norm.bias, net.down.weight});
    w.see(net.up.weight.grad());
  }
}

SOUND("dropout draws the same numbers again and moves no generator") {
  Tensor x = leaf({16, 8});
  auto f = w.compile(
      [](const Tensor& v) { return dropout(tanh(dropout(exp(v), 0.3, true)), 0.5, true) * 2.0; });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x);
    w.see(r);
    w.see(uniform({3}));
    r.backward(ramp({16, 8}));
    w.see(uniform({3}));
    see_gradients(w, {x});
  }
}

SOUND("values that the caller holds as well") {
  Tensor x = leaf({6, 5});
  Tensor inner;
  auto f = w.compile([&](const Tensor& v) {
    inner = exp(v * 0.5);
    return tanh(inner + 1.0) * 3.0;
  });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x);
    if (k % 2) write(inner, 2.0);
    w.attempt([&] { r.backward(ramp({6, 5})); });
    w.see(inner);
    see_gradients(w, {x});
  }
}

SOUND("a detached view and a kept view of a saved value") {
  Tensor x = leaf({6, 5});
  Tensor part, apart;
  auto f = w.compile([&](const Tensor& v) {
    Tensor h = exp(v * 0.5);
    part = slice(h, 0, 1, 4);
    apart = h.detach();
    return tanh(h) * h;
  });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x);
    if (k % 2) write(apart, 2.0);
    w.attempt([&] { r.backward(ramp({6, 5})); });
    w.see(part);
    w.see(apart);
    see_gradients(w, {x});
  }
}

SOUND("views as saved values") {
  Tensor x = leaf({6, 8}), y = leaf({8, 6}, 0.2);
  auto f = w.compile([](const Tensor& a, const Tensor& b) {
    Tensor h = sigmoid(a * 0.3);
    Tensor turned = transpose(h, 0, 1) * b;
    Tensor flat = reshape(exp(turned), {48});
    return slice(flat, 0, 3, 40) * slice(reshape(h, {48}), 0, 5, 42);
  });
  for (int k = 0; k < kCalls; k++) {
    f(x, y).backward(ramp({37}, 0.1 * k));
    see_gradients(w, {x, y});
  }
}

SOUND("saved values that are written in place") {
  Tensor x = leaf({6, 5});
  auto f = w.compile([](const Tensor& v) {
    Tensor h = v * 0.5;
    h.sigmoid_();
    Tensor t = tanh(h * 2.0);
    Tensor u = t * 3.0;
    u.add_(h);
    return exp(u) * t;
  });
  for (int k = 0; k < kCalls; k++) {
    f(x).backward(ramp({6, 5}));
    see_gradients(w, {x});
  }
}

SOUND("running statistics are updated once") {
  nn::BatchNorm1d norm(5);
  Tensor x = leaf({6, 5});
  auto f = w.compile([&](const Tensor& v) { return tanh(norm(exp(v * 0.5))) * 2.0; });
  for (int k = 0; k < kCalls; k++) {
    f(x).backward(ramp({6, 5}, 0.1 * k));
    see_gradients(w, {x, norm.weight, norm.bias});
    for (auto& [name, t] : norm.named_buffers())
      w.see(t);
  }
}

SOUND("hooks look at and replace gradients") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  Tensor h;
  auto f = w.compile([&](const Tensor& a, const Tensor& b) {
    h = tanh(a * b);
    return exp(sigmoid(h) * b);
  });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    h.retain_grad();
    const HookHandle inner = h.register_hook([&](const Tensor& g) { return g * 2.0; });
    HookHandle outer = y.register_hook([&](const Tensor& g) {
      w.see(g);
      write(x, 1.0);
    });
    w.attempt([&] { r.backward(ramp({6, 5})); });
    w.see(h.grad());
    outer.remove();
    see_gradients(w, {x, y});
  }
}

SOUND("a hook that throws, and the pass after it") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  Tensor h;
  auto f = w.compile([&](const Tensor& a, const Tensor& b) {
    h = tanh(a * b);
    return exp(sigmoid(h) * b);
  });
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    HookHandle hook =
        h.register_hook([](const Tensor&) { throw Error(ErrorKind::value, "the hook is cross"); });
    w.attempt([&] { r.backward(ramp({6, 5}), true); });
    hook.remove();
    r.backward(ramp({6, 5}));
    see_gradients(w, {x, y});
  }
}

SOUND("several forward passes before their backward passes, in another order") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    std::vector<Tensor> results;
    for (int i = 0; i < 3; i++)
      results.push_back(f(x * (1.0 + i), y));
    results[1].backward(ramp({6, 5}));
    results[2].backward(ramp({6, 5}, 0.1));
    (f(x, y) + results[0]).backward(ramp({6, 5}, 0.2));
    see_gradients(w, {x, y});
  }
}

SOUND("a loop over one compiled function") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile([](const Tensor& a, const Tensor& b) { return tanh(activations(a, b)); });
  for (int k = 0; k < kCalls; k++) {
    Tensor h = x;
    for (int i = 0; i < 5; i++)
      h = f(h, y);
    h.backward(ramp({6, 5}));
    see_gradients(w, {x, y});
  }
}

SOUND("graphs that no pass ever walks") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  std::vector<Tensor> kept;
  for (int k = 0; k < 3 * kCalls; k++) {
    f(x, y);
    kept.push_back(f(x, y));
    write(x, 0.99);
    if (k % 3 == 0) kept.erase(kept.begin());
  }
  w.see(kept);
  kept = {f(x, y)};
  kept[0].backward(ramp({6, 5}));
  see_gradients(w, {x, y});
}

SOUND("calls that record no gradient among others") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < 2 * kCalls; k++) {
    {
      NoGrad no_grad;
      w.see(f(x, y));
    }
    f(x, y).backward(ramp({6, 5}));
    see_gradients(w, {x, y});
  }
}

SOUND("sizes that change") {
  auto f = w.compile(activations);
  for (int k = 0; k < 3 * kCalls; k++) {
    const Shape shape{4 + k % 3, 5 + k % 2};
    Tensor x = leaf(shape), y = leaf(shape, 0.3);
    f(x, y).backward(ramp(shape));
    see_gradients(w, {x, y});
  }
}

SOUND("a backward pass on another thread, and two at once") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  for (int k = 0; k < kCalls; k++) {
    Tensor r = f(x, y);
    std::thread([&] { r.backward(ramp({6, 5}), true); }).join();
    Tensor results[2];
    auto pass = [&](int i) {
      results[i] = grad({r}, {x}, {ramp({6, 5}, 0.1)}, {.retain_graph = true})[0];
    };
    std::thread other(pass, 0);
    pass(1);
    other.join();
    w.see(results[0]);
    w.see(results[1]);
    r.backward(ramp({6, 5}, 0.2));
    see_gradients(w, {x, y});
  }
}

SOUND("backward passes in a region, eager ones, and in anomaly mode") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile(activations);
  auto back = w.compile([](const Tensor& r) { r.backward(ramp({6, 5})); });
  for (int k = 0; k < 2 * kCalls; k++) {
    Tensor r = f(x, y);
    if (k % 2) {
      back(r);
    } else {
      AnomalyMode anomaly;
      r.backward(ramp({6, 5}));
    }
    see_gradients(w, {x, y});
  }
}

SOUND("checkpoints inside and around a compiled function") {
  Tensor x = leaf({6, 5}), y = leaf({6, 5}, 0.3);
  auto f = w.compile([&](const Tensor& a, const Tensor& b) {
    Tensor h = checkpoint([&](const Tensor& v) { return activations(v, b); }, sigmoid(a));
    return tanh(h) * h;
  });
  for (int k = 0; k < kCalls; k++) {
    f(x, y).backward(ramp({6, 5}));
    see_gradients(w, {x, y});
    checkpoint([&](const Tensor& v) { return f(v, y); }, x * 1.5).backward(ramp({6, 5}));
    see_gradients(w, {x, y});
  }
}

SOUND("what an op may refuse is kept") {
  Tensor table = leaf({7, 5}), x = leaf({3, 5});
  const Tensor rows = tensor({5, 0, 5});
  auto f = w.compile([&](const Tensor& v) {
    Tensor picked = embedding(rows, exp(table));
    return tanh(picked * v) * picked;
  });
  for (int k = 0; k < kCalls; k++) {
    f(x).backward(ramp({3, 5}));
    see_gradients(w, {table, x});
  }
}

SOUND("a network whose parameters an optimizer changes") {
  Net net;
  optim::AdamW opt(net.parameters(), {.lr = 0.01});
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  Tensor old; // a graph that outlives the step
  for (int k = 0; k < 2 * kCalls; k++) {
    opt.zero_grad();
    Tensor loss = mean(square(f(ramp({3, 4}, 0.1 * k)) - ramp({3, 4}, 0.5)));
    Tensor other = mean(f(ramp({3, 4}, 0.2 * k)));
    loss.backward();
    opt.step();
    w.see(loss);
    w.attempt([&] { other.backward(); }); // weights have changed
  }
  w.see(net.parameters());
}

SOUND("attention between compiled parts") {
  Tensor q = leaf({2, 2, 6, 4}), k = leaf({2, 2, 6, 4}, 0.2), v = leaf({2, 2, 6, 4}, 0.4);
  auto f = w.compile([&](const Tensor& a) {
    return scaled_dot_product_attention(a * 0.5, tanh(k), v, {}, 0.1, true);
  });
  for (int call = 0; call < kCalls; call++) {
    (tanh(f(q)) * f(q)).backward(ramp({2, 2, 6, 4}));
    see_gradients(w, {q, k, v});
  }
}
