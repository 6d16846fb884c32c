// Sizes that change: nothing, one, many; long and short traces; many paths; threads.

#include "soundness.h"

#include <thread>

using namespace weft;
using soundness::ramp;

SOUND("sizes of nothing and of one") {
  auto f = w.compile([](const Tensor& x) { return exp(x) + sum(x, 0); });
  for (int64_t n : {3, 5, 1, 0, 4, 1, 0, 2})
    w.see(f(ramp({n, 3})));
}

SOUND("0-d all the way") {
  auto f = w.compile([](const Tensor& x) { return sum(x) * max(x) - x; });
  for (float v : {1.f, 2.f, -3.f, 0.f})
    w.see(f(tensor(v)));
}

SOUND("reductions of nothing") {
  auto f = w.compile([](const Tensor& x) { return sum(x) + prod(x + 1); });
  for (int64_t n : {4, 0, 0, 3, 0})
    w.see(f(ramp({n})));
  auto g = w.compile([](const Tensor& x) { return max(x) * 2; });
  for (int64_t n : {4, 4, 0, 3, 0})
    w.attempt([&] { w.see(g(ramp({n}))); });
}

SOUND("statistics of nothing, read through an index") {
  auto f = w.compile([](const Tensor& x) { return weft::std(cummax(x, -1).values); });
  for (const Shape& shape : {Shape{0, 1}, Shape{0, 1}, Shape{0, 3}, Shape{2, 3}, Shape{0, 1}})
    w.see(f(ramp(shape)));
}

SOUND("a concatenated piece whose indices wrap behind its start") {
  auto f = w.compile([](const Tensor& x) {
    Tensor wide = x.reshape({1, 4}).expand({14, 4}).reshape({1, 2, 14, 2});
    Tensor v = pixel_unshuffle(wide, 2).reshape({-1});
    return concatenate({ones({1}), slice(v, 0, 0, 55) * 2}, 0);
  });
  for (int k = 0; k < 3; k++)
    w.see(f(ramp({4}, k)));
}

SOUND("a computed size that is 1 for some sizes only") {
  auto f = w.compile([](const Tensor& x, const Tensor& y, const Tensor& weight) {
    return x + conv2d(y, weight) * 2;
  });
  for (int64_t n : {2, 2, 3, 4, 2, 3})
    w.see(f(ramp({n}), ramp({3, n, 3, 2}), ramp({n, n, 3, 2})));
  for (int64_t n : {2, 3})
    w.see(f(ramp({n}), ramp({3, n, 3, n + 1}), ramp({n, n, 3, 2})));
}

SOUND("concatenated pieces of changing sizes") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) {
    return concatenate({x * 2, y, x}, 0) + 1;
  });
  for (int64_t n : {2, 2, 3, 0, 1, 5, 2})
    w.see(f(ramp({n, 2}), ramp({7 - n, 2})));
}

SOUND("products of changing sizes") {
  auto f = w.compile([](const Tensor& a, const Tensor& b) { return relu(matmul(a, b) + 1); });
  for (int64_t n : {2, 3, 17, 1, 64, 0, 33, 5})
    w.see(f(ramp({n, 5}), ramp({5, 2 * n + 1})));
}

SOUND("a batch whose last part is smaller") {
  nn::Linear layer(6, 3);
  auto f = w.compile([&](const Tensor& x) { return softmax(layer(x), 1); });
  for (int epoch = 0; epoch < 3; epoch++)
    for (int64_t n : {8, 8, 8, 5})
      w.see(f(ramp({n, 6}, epoch)));
}

SOUND("a cache that grows by a token") {
  auto attend = w.compile([](const Tensor& q, const Tensor& keys, const Tensor& values) {
    return matmul(softmax(matmul(q, keys.transpose(0, 1)) * 0.5, 1), values);
  });
  Tensor keys = zeros({0, 4}), values = zeros({0, 4});
  for (int t = 0; t < 24; t++) {
    keys = concatenate({keys, ramp({1, 4}, 0.1 * t)}, 0);
    values = concatenate({values, ramp({1, 4}, 0.2 * t)}, 0);
    w.see(attend(ramp({1, 4}, 0.3 * t), keys, values));
  }
}

SOUND("a cache written in place at a moving position") {
  Tensor cache = zeros({16, 4});
  auto step = w.compile([&](const Tensor& x, int64_t at) {
    cache[at] = tanh(x);
    return sum(slice(cache, 0, 0, at + 1), 0);
  });
  for (int64_t at = 0; at < 16; at++)
    w.see(step(ramp({4}, 0.1 * static_cast<double>(at)), at));
  w.see(cache);
}

SOUND("shapes computed from shapes") {
  auto f = w.compile([](const Tensor& x) {
    int64_t n = x.size(0), m = x.numel() / n;
    return reshape(x * 2, {m, n}) + arange(n).to(f32);
  });
  for (int64_t n : {2, 3, 6, 1, 4, 2})
    w.see(f(ramp({n, 12 / n})));
}

SOUND("ranks that change") {
  auto f = w.compile([](const Tensor& x) { return sum(x * x, -1) + 1; });
  for (const Shape& shape : {Shape{3}, Shape{2, 3}, Shape{2, 2, 3}, Shape{3}, Shape{1, 3}})
    w.see(f(ramp(shape)));
}

SOUND("broadcasting that comes and goes") {
  auto f = w.compile([](const Tensor& x, const Tensor& y) { return x * y - y; });
  const Shape shapes[] = {{3, 4}, {1, 4}, {3, 1}, {4}, {1}, {}};
  for (int turn = 0; turn < 2; turn++)
    for (const Shape& a : shapes)
      for (const Shape& b : shapes)
        w.see(f(ramp(a), ramp(b, 0.5)));
}

SOUND("a thousand shapes") {
  auto f = w.compile([](const Tensor& x) { return x * 2 + sum(x, 0, true); });
  for (int64_t k = 0; k < 1000; k++)
    w.see(sum(f(ramp({k % 37 + 1, k % 29 + 1}))));
}

SOUND("masks of changing counts") {
  auto f = w.compile([](const Tensor& x, double above) {
    Tensor some = masked_select(x, x > above);
    return sum(some * 2) + static_cast<double>(some.numel());
  });
  for (double above : {0.0, 1.0, 0.0, 5.0, -3.0, 1.9, 0.5})
    w.see(f(ramp({9}), above));
}

SOUND("traces of 1, 2, 100 and 5,000 ops") {
  for (int n : {1, 2, 100, 5000}) {
    auto f = w.compile([n](Tensor x) {
      for (int k = 0; k < n; k++)
        x = k % 2 ? x * 0.5 : x + 1;
      return x;
    });
    for (int call = 0; call < 3; call++)
      w.see(f(ramp({4}, call)));
  }
}

SOUND("a thousand paths") {
  CompileOptions options;
  options.max_segments = 32;
  auto f = w.compile(
      [](Tensor x, int path) {
        for (int bit = 0; bit < 10; bit++)
          x = path >> bit & 1 ? x * 1.25 : x - 0.5;
        return x;
      },
      options);
  for (int path = 0; path < 1000; path++)
    w.see(f(ramp({3}), path * 7 % 1024));
  if (w.is_compiled()) {
    CHECK(f.stats().segments <= 64);
    CHECK(f.stats().programs <= 64);
  }
}

SOUND("a new path, late") {
  auto f = w.compile([](const Tensor& x, bool is_rare) {
    Tensor y = exp(x);
    return is_rare ? log(y) * 2 : y * 2;
  });
  for (int k = 0; k < 60; k++)
    w.see(f(ramp({4}, 0.01 * k), k == 50));
}

SOUND("a path that is given up") {
  auto f = w.compile([](const Tensor& x, int n) {
    Tensor y = x;
    for (int k = 0; k < n; k++)
      y = sin(y);
    return y;
  });
  for (int n = 0; n < 30; n++)
    w.see(f(ramp({4}), n));
  for (int n = 30; n-- > 0;)
    w.see(f(ramp({4}), n));
}

SOUND("segments that are cut") {
  CompileOptions options;
  options.max_segment_ops = 7;
  auto f = w.compile(
      [](Tensor x) {
        Tensor total = zeros_like(x);
        for (int k = 0; k < 20; k++) {
          x = cos(x) * 1.1;
          total = total + x;
        }
        return total;
      },
      options);
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({5}, k)));
}

SOUND("two threads in one compiled function") {
  auto f = w.compile([](const Tensor& x) { return sum(exp(x) * x, 1); });
  std::vector<std::vector<Tensor>> results(2);
  auto run = [&](size_t t) {
    for (int k = 0; k < 50; k++)
      results[t].push_back(f(ramp({4, k % 3 + 2}, 0.1 * k + static_cast<double>(t))));
  };
  std::thread a(run, 0), b(run, 1);
  a.join();
  b.join();
  for (const auto& list : results)
    w.see(list);
}

SOUND("threads that record different paths") {
  auto f = w.compile([](Tensor x, int how) {
    for (int k = 0; k < 6; k++)
      x = (how >> k & 1) ? x * x : x - 0.5;
    return x;
  });
  std::vector<std::vector<Tensor>> results(4);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < results.size(); t++)
    threads.emplace_back([&, t] {
      for (int k = 0; k < 64; k++)
        results[t].push_back(f(ramp({3}, 0.1), (k * 5 + static_cast<int>(t) * 17) % 64));
    });
  for (std::thread& thread : threads)
    thread.join();
  for (const auto& list : results)
    w.see(list);
}

SOUND("each thread its own function") {
  std::vector<Tensor> results(3);
  std::vector<RegionStats> stats(3);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < results.size(); t++)
    threads.emplace_back([&, t] {
      auto body = [t](const Tensor& x) { return x * static_cast<double>(t) + sin(x); };
      auto compiled = weft::compile(body);
      Tensor x = ramp({5});
      for (int k = 0; k < 20; k++)
        x = w.is_compiled() ? compiled(x) : body(x);
      results[t] = x;
      stats[t] = compiled.stats();
    });
  for (std::thread& thread : threads)
    thread.join();
  for (const RegionStats& s : stats)
    w.add(s);
  w.see(results);
}

SOUND("training in two threads on parameters of their own") {
  std::vector<Tensor> losses(2);
  std::vector<nn::Linear> layers = {nn::Linear(4, 2), nn::Linear(4, 2)};
  auto f = w.compile([&](const Tensor& x, size_t which) {
    Tensor loss = mean(square(layers[which](x)));
    loss.backward();
    return loss;
  });
  auto run = [&](size_t t) {
    for (int k = 0; k < 10; k++)
      losses[t] = f(ramp({3, 4}, 0.1 * k), t);
  };
  std::thread a(run, 0), b(run, 1);
  a.join();
  b.join();
  w.see(losses);
  for (const nn::Linear& layer : layers)
    w.see(layer.weight.grad());
}
