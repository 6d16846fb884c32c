// Parameters and inputs that change between calls: replaced, resized, frozen, shared, of another
// dtype, on another device, with and without gradients.

#include "soundness.h"

using namespace weft;
using soundness::ramp;

namespace {

struct Net : nn::Module {
  nn::Linear up = child("up", nn::Linear(4, 8));
  nn::Linear down = child("down", nn::Linear(8, 3));
  Tensor forward(const Tensor& x) override { return down(gelu(up(x))); }
};

struct Tied : nn::Module {
  Tensor weight = parameter("weight", ramp({6, 4}));
  Tensor forward(const Tensor& x) override {
    return matmul(tanh(matmul(x, weight)), weight.transpose(0, 1));
  }
};

// Shows gradients and drops them.
void see_gradients(soundness::Witness& w, nn::Module& net) {
  for (const Tensor& p : net.parameters())
    w.see(p.grad());
  net.zero_grad();
}

} // namespace

SOUND("a network, its gradients from outside") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { return mean(net(x)); });
  for (int k = 0; k < 5; k++) {
    Tensor loss = f(ramp({2, 4}, k * 0.3));
    loss.backward();
    w.see(loss);
    see_gradients(w, net);
  }
}

SOUND_EVEN_EAGER("a module whose calls are compiled") {
  Net net;
  w.compile(net);
  for (int k = 0; k < 5; k++) {
    Tensor loss = mean(net(ramp({2, 4}, k * 0.3)));
    loss.backward();
    w.see(loss);
    see_gradients(w, net);
  }
}

SOUND("frozen and thawed parameters") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { return sum(net(x)); });
  for (int k = 0; k < 8; k++) {
    net.up.weight.requires_grad_(k % 3 != 1);
    net.down.bias.requires_grad_(k % 4 != 2);
    f(ramp({2, 4}, k * 0.3)).backward();
    see_gradients(w, net);
  }
}

SOUND("an input that needs a gradient, or does not") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return sum(x * y + exp(x)); });
  for (int k = 0; k < 8; k++) {
    Tensor x = ramp({3}, k * 0.2).requires_grad_(k % 2 == 0);
    Tensor y = ramp({3}, 1).requires_grad_(k % 3 == 0);
    Tensor z = f(x, y);
    w.see(z.requires_grad());
    if (z.requires_grad()) z.backward();
    w.see(x.grad());
    w.see(y.grad());
  }
}

SOUND("with and without recording of gradients") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  for (int k = 0; k < 8; k++) {
    if (k % 2) {
      NoGrad no_grad;
      w.see(f(ramp({2, 4}, k)));
    } else {
      Tensor y = f(ramp({2, 4}, k));
      w.see(y);
      sum(y).backward();
      see_gradients(w, net);
    }
  }
}

SOUND("gradients switched off inside") {
  Net net;
  auto f = w.compile([&](const Tensor& x) {
    Tensor features;
    {
      NoGrad no_grad;
      features = net.up(x);
    }
    return sum(net.down(relu(features)));
  });
  for (int k = 0; k < 4; k++) {
    f(ramp({2, 4}, k)).backward();
    see_gradients(w, net);
  }
}

SOUND("tied weights") {
  Tied net;
  auto f = w.compile([&](const Tensor& x) { return sum(square(net(x))); });
  for (int k = 0; k < 5; k++) {
    f(ramp({2, 6}, k * 0.3)).backward();
    see_gradients(w, net);
  }
}

SOUND("one layer used three times") {
  nn::Linear layer(4, 4);
  auto f = w.compile([&](const Tensor& x) { return sum(layer(tanh(layer(tanh(layer(x)))))); });
  for (int k = 0; k < 4; k++) {
    f(ramp({2, 4}, k * 0.3)).backward();
    see_gradients(w, layer);
  }
}

SOUND("weights tied after the fact, and untied") {
  nn::Linear a(4, 4), b(4, 4);
  Tensor own = b.weight;
  auto f = w.compile([&](const Tensor& x) {
    return sum(linear(tanh(linear(x, a.weight, a.bias)), b.weight, b.bias));
  });
  for (int k = 0; k < 8; k++) {
    b.weight = k % 4 < 2 ? own : a.weight;
    f(ramp({2, 4}, k * 0.3)).backward();
    for (const Tensor& p : {a.weight, own, a.bias, b.bias}) {
      w.see(p.grad());
      p.set_grad({});
    }
  }
}

SOUND("a parameter that is replaced by another") {
  nn::Linear layer(4, 3);
  auto f = w.compile([&](const Tensor& x) { return sum(linear(x, layer.weight, layer.bias)); });
  for (int k = 0; k < 6; k++) {
    if (k % 2) layer.weight = ramp({3, 4}, k).requires_grad_();
    f(ramp({2, 4})).backward();
    w.see(layer.weight.grad());
  }
}

SOUND("a parameter of another size") {
  Tensor weight = ramp({3, 4}).requires_grad_();
  auto f = w.compile([&](const Tensor& x) { return sum(exp(linear(x, weight))); });
  for (int64_t n : {3, 3, 5, 1, 5, 3, 2}) {
    weight = ramp({n, 4}).requires_grad_();
    Tensor y = f(ramp({2, 4}));
    y.backward();
    w.see(y);
    w.see(weight.grad());
  }
}

SOUND("a state that is loaded between calls") {
  Net net, other;
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  for (int k = 0; k < 5; k++) {
    w.see(f(ramp({2, 4}, k)));
    if (k == 2) net.load_state_dict(other.state_dict());
  }
}

SOUND("a network of another dtype") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { return mean(net(x)); });
  for (DType dtype : {f32, f32, f64, f64, bf16, f32, f32}) {
    net.to(dtype);
    NoGrad no_grad;
    w.see(f(ramp({2, 4}).to(dtype)));
  }
}

SOUND("inputs of other dtypes") {
  auto f = w.compile([](const Tensor& x) { return x * 2 + 1; });
  for (DType dtype : {f32, f64, i64, f32, boolean, i32, f16, f64, u8, bf16, i8, i16})
    w.see(f(ramp({5}, 1).to(dtype)));
}

SOUND("a mix of dtypes that promotes") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return x / (y + 3) - y; });
  DType all[] = {f32, i64, f64, bf16, i32};
  for (DType a : all)
    for (DType b : all)
      w.see(f(ramp({3}).to(a), ramp({3}, 1).to(b)));
}

SOUND("a number where a tensor was, and back") {
  auto f = w.compile([](const Tensor& x, double by) { return x * by + by; });
  for (double by : {0.0, 1.0, 2.0, -0.0, 0.5, 1e30, 1.0})
    w.see(f(ramp({4}), by));
}

SOUND("0-d tensors and tensors of one element") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return x * y + sum(y); });
  for (int k = 0; k < 8; k++)
    w.see(f(ramp({3}), k % 3 == 0 ? tensor(2.5f) : k % 3 == 1 ? tensor({2.5f}) : ramp({3}, 0.5)));
}

SOUND("gradients that accumulate over calls") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { mean(square(net(x))).backward(); });
  for (int k = 0; k < 6; k++) {
    f(ramp({2, 4}, k * 0.3));
    if (k % 3 == 2) see_gradients(w, net);
  }
}

SOUND("a gradient that is set by the user") {
  Tensor p = ramp({3}).requires_grad_();
  auto f = w.compile([&](const Tensor& x) { sum(p * x).backward(); });
  for (int k = 0; k < 6; k++) {
    p.set_grad(k % 3 == 0 ? Tensor() : k % 3 == 1 ? ones({3}) : p.grad());
    f(ramp({3}, k));
    w.see(p.grad());
  }
}

SOUND("a leaf made inside") {
  auto f = w.compile([](const Tensor& x) {
    Tensor v = (x * 2).detach().requires_grad_();
    sum(v * v * x).backward();
    return v.grad();
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3}, k)));
}

SOUND("gradients of gradients, all inside") {
  auto f = w.compile([](const Tensor& x) {
    Tensor v = x.detach().requires_grad_();
    Tensor g = grad({sum(exp(v) * v)}, {v}, {}, {.create_graph = true})[0];
    return grad({sum(g * g)}, {v})[0];
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3}, k * 0.3)));
}

SOUND("a saved tensor that is written before backward is an error") {
  auto f = w.compile([](const Tensor& x, bool writes) {
    Tensor v = x.detach().requires_grad_();
    Tensor y = exp(v), z = sum(y * y);
    if (writes) y.mul_(2);
    z.backward();
    return v.grad();
  });
  for (bool writes : {false, false, true, false, true})
    w.attempt([&] { w.see(f(ramp({3}), writes)); });
}

SOUND("a graph that is used twice") {
  auto f = w.compile([](const Tensor& x, bool keeps) {
    Tensor v = x.detach().requires_grad_();
    Tensor y = sum(exp(v));
    y.backward({}, keeps);
    y.backward();
    return v.grad();
  });
  for (bool keeps : {true, true, false, true, false})
    w.attempt([&] { w.see(f(ramp({3}), keeps)); });
}

SOUND("hooks inside") {
  auto f = w.compile([&](const Tensor& x) {
    Tensor v = x.detach().requires_grad_();
    Tensor y = v * 2;
    y.register_hook([&](const Tensor& g) {
      w.note("hook " + g.shape().str());
      return g * 10;
    });
    sum(y * y).backward();
    return v.grad();
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3}, k)));
}

SOUND("moved to a device and back, where there is one") {
  Net net;
  auto f = w.compile([&](const Tensor& x) { return net(x); });
  bool has_device = is_available(Device::opencl());
  for (int k = 0; k < 6; k++) {
    Device device = has_device && k % 4 >= 2 ? Device::opencl() : Device::cpu();
    net.to(device);
    NoGrad no_grad;
    w.see(f(ramp({2, 4}, k).to(device)).to(Device::cpu()));
  }
}
