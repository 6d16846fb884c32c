// Control flow on values, side effects of the host, errors, recursion.

#include "soundness.h"

#include <functional>
#include <random>
#include <stdexcept>

using namespace weft;
using soundness::ramp;

SOUND("a branch on a value") {
  auto f = w.compile([](const Tensor& x) {
    if (sum(x).item<float>() > 0) return x * 2;
    return x - 1;
  });
  for (int k = 0; k < 8; k++)
    w.see(f(ramp({5}, k % 3 - 1.0) - (k % 2 ? 2 : 0)));
}

SOUND("branches that nest") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = exp(x);
    if (max(y).item<float>() > 2) {
      y = y / 2;
      if (min(y).item<float>() < 0.3) y = y + 1;
    } else if (mean(y).item<float>() > 1) {
      y = sqrt(y);
    }
    return y - x;
  });
  for (int k = 0; k < 12; k++)
    w.see(f(ramp({4, 3}, 0.3 * k - 2)));
}

SOUND("a loop until a value is small") {
  auto halve = w.compile([&](Tensor x) {
    int turns = 0;
    while (norm(x).item<double>() > 0.1) {
      x = x * 0.5 + 0.01 * x * x;
      turns++;
    }
    w.note("turns " + std::to_string(turns));
    return x;
  });
  for (int k = 0; k < 6; k++)
    w.see(halve(ramp({6}, k * 0.4 - 1)));
}

SOUND("Newton's method") {
  auto root = w.compile([](const Tensor& a) {
    Tensor x = a;
    for (int k = 0; k < 50; k++) {
      Tensor next = (x + a / x) * 0.5;
      bool done = max(abs(next - x)).item<float>() < 1e-6f;
      x = next;
      if (done) break;
    }
    return x;
  });
  for (float v : {2.f, 9.f, 1e4f, 0.25f, 2.f})
    w.see(root(tensor({v, v + 1})));
}

SOUND("an early return on a value") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = x + 1;
    if (y[0].item<float>() < 0) return y;
    Tensor z = y * y;
    if (z[0].item<float>() > 4) return z;
    return z + x;
  });
  for (int k = 0; k < 9; k++)
    w.see(f(ramp({3}, -1.9 + 0.6 * k) * (k % 2 ? 1 : -2)));
}

SOUND("a loop whose count is an argument") {
  auto power = w.compile([](const Tensor& x, int n) {
    Tensor y = ones_like(x);
    for (int k = 0; k < n; k++)
      y = y * x;
    return y;
  });
  for (int n : {0, 1, 5, 2, 5, 0, 17, 3})
    w.see(power(ramp({4}), n));
}

SOUND("a switch over an argument") {
  auto f = w.compile([](const Tensor& x, int how) {
    switch (how) {
    case 0:
      return relu(x);
    case 1:
      return tanh(x);
    case 2:
      return sum(x, 0);
    default:
      return x.to(f64);
    }
  });
  for (int k : {0, 1, 2, 3, 2, 1, 0, 3, 3, 0})
    w.see(f(ramp({3, 4}), k));
}

SOUND("a counter of the host") {
  int calls = 0;
  auto f = w.compile([&](const Tensor& x) { return x * ++calls; });
  for (int k = 0; k < 6; k++)
    w.see(f(ramp({4})));
  w.see(calls);
}

SOUND("a counter that changes the path") {
  int calls = 0;
  auto f = w.compile([&](const Tensor& x) { return ++calls % 3 == 0 ? exp(x) : x + calls; });
  for (int k = 0; k < 10; k++)
    w.see(f(ramp({4})));
}

SOUND("random numbers of the host") {
  std::mt19937 random(5);
  auto f = w.compile([&](const Tensor& x) {
    double by = std::uniform_real_distribution<double>(0, 1)(random);
    return by < 0.5 ? x * by : x - by;
  });
  for (int k = 0; k < 12; k++)
    w.see(f(ramp({5})));
}

SOUND("random order of ops") {
  std::mt19937 random(6);
  auto f = w.compile([&](Tensor x) {
    for (int k = 0; k < 4; k++)
      x = random() % 2 ? sin(x) : x * 1.5;
    return x;
  });
  for (int k = 0; k < 25; k++)
    w.see(f(ramp({5})));
}

SOUND("logging a value each step") {
  auto f = w.compile([&](const Tensor& x) {
    Tensor y = x * 3, total = sum(y);
    w.note("total " + std::to_string(total.item<float>() > 1));
    Tensor z = y - total;
    w.note(z.shape().str());
    return z;
  });
  for (int k = 0; k < 5; k++)
    w.see(f(ramp({4}, k)));
}

SOUND("printing a tensor inside") {
  auto f = w.compile([&](const Tensor& x) {
    Tensor y = floor(x * 4);
    w.note(y.str());
    return y + 1;
  });
  for (int k = 0; k < 5; k++)
    w.see(f(ramp({2, 3}, k)));
}

SOUND("item() each step, and ops after it") {
  auto f = w.compile([](const Tensor& x) {
    float a = mean(x).item<float>();
    float b = max(x * a).item<float>();
    return x * a + b;
  });
  for (int k = 0; k < 6; k++)
    w.see(f(ramp({7}, 0.2 * k)));
}

SOUND("an exception of the host") {
  auto f = w.compile([](const Tensor& x, bool fails) {
    Tensor y = x + 1;
    if (fails) throw std::runtime_error("enough");
    return y * 2;
  });
  for (bool fails : {false, true, false, false, true, false})
    w.attempt([&] { w.see(f(ramp({3}), fails)); });
}

SOUND("an exception after writes: they stay") {
  Tensor state = zeros({3});
  auto f = w.compile([&](const Tensor& x, bool fails) {
    state.add_(x);
    if (fails) throw std::runtime_error("enough");
    state.mul_(2);
    return state.clone();
  });
  for (bool fails : {false, false, true, false, true, true, false}) {
    w.attempt([&] { w.see(f(ramp({3}), fails)); });
    w.see(state);
  }
}

SOUND("an op's error inside, with the line of the op") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return matmul(x + 1, y); });
  Tensor x = ramp({2, 3});
  for (int64_t rows : {3, 3, 4, 3, 2})
    w.attempt([&] { w.see(f(x, ramp({rows, 2}))); });
}

SOUND("an error that the function itself catches") {
  auto f = w.compile([&](const Tensor& x, int64_t n) {
    Tensor y = x * 2;
    try {
      y = reshape(y, {n, 2});
    } catch (const Error& e) {
      w.note(e.what());
      y = y + 100;
    }
    return sum(y, 0);
  });
  for (int64_t n : {3, 3, 4, 3, 5, 3})
    w.see(f(ramp({6}), n));
}

SOUND("an index out of range, found late") {
  auto f = w.compile([](const Tensor& table, const Tensor& rows) {
    return exp(index_select(table, 0, rows) * 2);
  });
  Tensor table = ramp({4, 2});
  for (int64_t last : {1, 3, 2, 4, 0, 9, 3})
    w.attempt([&] { w.see(f(table, tensor({int64_t{0}, last}))); });
}

SOUND("recursion") {
  std::function<Tensor(const Tensor&, int)> tree = [&](const Tensor& x, int depth) -> Tensor {
    return depth == 0 ? x * x : tree(x + depth, depth - 1) - tree(x - depth, depth - 1);
  };
  auto f = w.compile([&](const Tensor& x, int depth) { return tree(x, depth); });
  for (int depth : {2, 2, 3, 0, 2, 4, 3})
    w.see(f(ramp({3}), depth));
}

SOUND("a compiled function that calls itself") {
  std::function<Tensor(const Tensor&)> call;
  auto f = w.compile([&](const Tensor& x) -> Tensor {
    if (x.numel() == 1) return x * x;
    int64_t half = x.size(0) / 2;
    return call(slice(x, 0, 0, half)) + call(slice(x, 0, half, 2 * half));
  });
  call = [&](const Tensor& x) { return f(x); };
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({8}, k)));
}

SOUND("compiled functions that call each other") {
  auto inner = w.compile([](const Tensor& x) { return tanh(x) * 2; });
  auto outer = w.compile([&](const Tensor& x) { return inner(x + 1) + inner(x - 1); });
  for (int k = 0; k < 4; k++) {
    w.see(outer(ramp({5}, k)));
    w.see(inner(ramp({5}, k)));
  }
}

SOUND("a region made inside of a region") {
  auto outer = w.compile([&](const Tensor& x) {
    auto inner = w.compile([](const Tensor& y) { return exp(-y); });
    return inner(x) + inner(x * 2);
  });
  for (int k = 0; k < 4; k++)
    w.see(outer(ramp({5}, k)));
}

SOUND("an inner error that the outer function catches") {
  auto inner = w.compile([](const Tensor& x, bool fails) {
    Tensor y = x + 1;
    if (fails) throw std::runtime_error("inner");
    return y;
  });
  auto outer = w.compile([&](const Tensor& x, bool fails) {
    Tensor y = x * 2;
    try {
      y = inner(y, fails);
    } catch (const std::runtime_error&) {
      y = y - 1;
    }
    return y * y;
  });
  for (bool fails : {false, true, false, true, true, false})
    w.see(outer(ramp({3}), fails));
}

SOUND("results of different kinds") {
  auto f = w.compile([](const Tensor& x) { return std::pair(sum(x, 0), argmax(x, 1)); });
  for (int k = 0; k < 4; k++) {
    auto [a, b] = f(ramp({3, 5}, k));
    w.see(a);
    w.see(b);
  }
}

SOUND("a function of nothing, and one that returns nothing") {
  Tensor state = ramp({4});
  auto bump = w.compile([&] { state.mul_(1.5).sub_(0.25); });
  auto make = w.compile([] { return exp(arange(5).to(f32) * 0.1); });
  for (int k = 0; k < 4; k++) {
    bump();
    w.see(state);
    w.see(make());
  }
}

SOUND_EVEN_EAGER("a function without tensors") {
  auto f = w.compile([](int x) { return x + 1; });
  for (int k = 0; k < 3; k++)
    w.see(f(k));
}

SOUND("the host's choice by shape") {
  auto f = w.compile([](const Tensor& x) {
    if (x.size(0) > 3) return sum(x, 0);
    return x.rank() == 2 ? x.transpose(0, 1) : x;
  });
  for (int64_t n : {2, 5, 3, 4, 2, 7, 1})
    w.see(f(ramp({n, 2})));
  w.see(f(ramp({2})));
}
