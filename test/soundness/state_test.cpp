// Tensors that outlive a call: members, globals, containers, results that are views, memory that is
// freed or written while ops wait.

#include "soundness.h"

#include <array>
#include <deque>
#include <map>
#include <memory>

using namespace weft;
using soundness::ramp;

namespace {

Tensor last_seen; // a global

struct Average {
  Tensor mean = zeros({4});
  int64_t count = 0;
  Tensor operator()(const Tensor& x) {
    count++;
    mean = mean + (x - mean) / static_cast<double>(count);
    return mean;
  }
};

} // namespace

SOUND("a member that is replaced at each call") {
  Average average;
  auto f = w.compile([&](const Tensor& x) { return average(x); });
  for (int k = 0; k < 6; k++) {
    w.see(f(ramp({4}, k * 0.3)));
    w.see(average.mean);
  }
}

SOUND("a function object with state of its own") {
  auto f = w.compile(Average());
  for (int k = 0; k < 6; k++)
    w.see(f(ramp({4}, k * 0.3)));
}

SOUND("a global that keeps an intermediate result") {
  auto f = w.compile([](const Tensor& x) {
    last_seen = exp(x);
    return last_seen + 1;
  });
  for (int k = 0; k < 4; k++) {
    w.see(f(ramp({3}, k)));
    w.see(last_seen);
  }
  last_seen = Tensor();
}

SOUND_EVEN_EAGER("a container that grows") {
  std::vector<Tensor> all;
  auto f = w.compile([&](const Tensor& x) {
    all.push_back(x * x);
    Tensor total = all[0];
    for (size_t k = 1; k < all.size(); k++)
      total = total + all[k];
    return total;
  });
  for (int k = 0; k < 7; k++)
    w.see(f(ramp({3}, k * 0.5)));
  w.see(all);
}

SOUND("a window of the last three") {
  std::deque<Tensor> window;
  auto f = w.compile([&](const Tensor& x) {
    window.push_back(tanh(x));
    if (window.size() > 3) window.pop_front();
    Tensor total = zeros_like(x);
    for (const Tensor& t : window)
      total = total + t;
    return total;
  });
  for (int k = 0; k < 8; k++)
    w.see(f(ramp({3}, k * 0.5)));
}

SOUND("a cache by key, filled inside") {
  std::map<int, Tensor> cache;
  auto f = w.compile([&](const Tensor& x, int key) {
    auto [it, is_new] = cache.try_emplace(key);
    if (is_new) it->second = exp(ramp({3}) * key);
    return it->second * x;
  });
  for (int key : {1, 1, 2, 1, 2, 3, 3, 1})
    w.see(f(ramp({3}, 0.5), key));
}

SOUND("a result that is an input") {
  auto f = w.compile([](const Tensor& x, bool itself) { return itself ? x : x * 1; });
  Tensor x = ramp({3});
  for (bool itself : {true, false, true, true, false, false}) {
    Tensor y = f(x, itself);
    w.see(y.shares_storage(x));
    w.see(y);
  }
}

SOUND("views of inputs are returned, and are written through") {
  auto f = w.compile([](const Tensor& x) { return std::pair(x.transpose(0, 1), x[1]); });
  for (int k = 0; k < 4; k++) {
    Tensor x = ramp({2, 3}, k);
    auto [t, row] = f(x);
    row.mul_(10);
    w.see(t);
    w.see(x);
    w.see(t.shares_storage(x));
  }
}

SOUND("a view of a result is kept, the result is not") {
  auto f = w.compile([](const Tensor& x) { return (x * 2)[1]; });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3, 2}, k)));
}

SOUND("two views of one result") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = x + 1;
    return std::pair(slice(y, 0, 0, 2), slice(y, 0, 1, 3));
  });
  for (int k = 0; k < 4; k++) {
    auto [a, b] = f(ramp({3, 2}, k));
    a.fill_(7);
    w.see(b);
    w.see(a.shares_storage(b));
  }
}

SOUND("a tensor freed while its ops wait") {
  auto f = w.compile([](Tensor x) {
    Tensor y;
    {
      Tensor a = exp(x), b = a * 2;
      y = b + 1;
    }
    x = Tensor();
    return y * y;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({4}, k)));
}

SOUND("an input that dies before the kernels run") {
  auto f = w.compile([](std::unique_ptr<Tensor> x) {
    Tensor y = *x * 2;
    x.reset();
    return y + 1;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(std::make_unique<Tensor>(ramp({4}, k))));
}

SOUND("written, then read") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = x * 2;
    y.add_(1);
    Tensor z = y + 0;
    y.mul_(3);
    return std::pair(z, y);
  });
  for (int k = 0; k < 4; k++) {
    auto [z, y] = f(ramp({4}, k));
    w.see(z);
    w.see(y);
  }
}

SOUND("an input written, then read by the host") {
  auto f = w.compile([&](const Tensor& x) {
    x.add_(1);
    float first = x[0].item<float>();
    x.mul_(2);
    return x * first;
  });
  Tensor x = ramp({4});
  for (int k = 0; k < 5; k++) {
    w.see(f(x));
    w.see(x);
  }
}

SOUND("a state written at each call and never returned") {
  Tensor state = zeros({3}), other = ones({3});
  auto f = w.compile([&](const Tensor& x) {
    state.mul_(0.9).add_(x);
    other.copy_(state * 2);
  });
  for (int k = 0; k < 6; k++)
    f(ramp({3}, k * 0.2));
  w.see(state);
  w.see(other);
}

SOUND("a handle that is reassigned between calls") {
  Tensor weight = ramp({3});
  auto f = w.compile([&](const Tensor& x) { return x * weight; });
  for (int k = 0; k < 6; k++) {
    w.see(f(ramp({3}, k)));
    if (k % 2) weight = weight + 1;
  }
}

SOUND("a handle whose tensor gets another shape") {
  Tensor weight = ramp({3});
  auto f = w.compile([&](const Tensor& x) { return x * weight; });
  for (int64_t n : {3, 3, 1, 3, 4, 4}) {
    weight = ramp({n});
    w.attempt([&] { w.see(f(ramp({2, 3}))); });
  }
}

SOUND("a tensor that becomes undefined") {
  Tensor bias = ramp({3});
  auto f = w.compile([&](const Tensor& x) { return bias.defined() ? x + bias : x * 2; });
  for (int k = 0; k < 6; k++) {
    bias = k % 2 ? Tensor() : ramp({3});
    w.see(f(ramp({2, 3}, k)));
  }
}

SOUND("swapped buffers") {
  std::array<Tensor, 2> buffers = {ramp({4}), zeros({4})};
  auto f = w.compile([&] {
    buffers[1].copy_(buffers[0] * 0.5 + 1);
    std::swap(buffers[0], buffers[1]);
  });
  for (int k = 0; k < 7; k++) {
    f();
    w.see(buffers[0]);
    w.see(buffers[1]);
  }
}

SOUND("versions count writes as eagerly") {
  Tensor x = ramp({3});
  auto f = w.compile([&](const Tensor& y) {
    x.add_(y);
    x.mul_(2);
    w.see(x.version());
    return x + y;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3})));
  w.see(x.version());
}

SOUND("a result of one call is an input of the next") {
  auto f = w.compile([](const Tensor& x) { return sin(x) + x * 0.5; });
  Tensor x = ramp({5});
  for (int k = 0; k < 10; k++)
    x = f(x);
  w.see(x);
}

SOUND("results are kept from many calls") {
  auto f = w.compile([](const Tensor& x) { return x * x; });
  std::vector<Tensor> all;
  for (int k = 0; k < 20; k++)
    all.push_back(f(ramp({5}, k * 0.1)));
  w.see(all);
}

SOUND("the host writes an input between calls") {
  auto f = w.compile([](const Tensor& x) { return sum(x * 2); });
  Tensor x = ramp({4});
  for (int k = 0; k < 5; k++) {
    w.see(f(x));
    x.mutable_data<float>()[k % 4] = static_cast<float>(k);
  }
}

SOUND("the host writes a tensor inside, where nothing waits for it") {
  auto f = w.compile([](const Tensor& x) {
    Tensor y = zeros({3});
    float* p = y.mutable_data<float>();
    for (int k = 0; k < 3; k++)
      p[k] = static_cast<float>(k);
    return x + y;
  });
  for (int k = 0; k < 4; k++)
    w.see(f(ramp({3}, k)));
}

SOUND("copies from the host inside") {
  auto f = w.compile([](const Tensor& x, float v) { return x * tensor({v, v + 1, v + 2}); });
  for (int k = 0; k < 5; k++)
    w.see(f(ramp({3}), 0.5f * static_cast<float>(k)));
}

SOUND("a compiled object that is copied and moved") {
  auto body = [](const Tensor& x) { return exp(x) - 1; };
  auto f = w.compile(body);
  w.see(f(ramp({3})));
  if (w.is_compiled()) {
    auto a = weft::compile(body);
    auto b = a;
    auto c = std::move(a);
    for (int k = 0; k < 3; k++) {
      w.see(b(ramp({3}, k)));
      w.see(c(ramp({3}, k)));
    }
  } else {
    for (int k = 0; k < 3; k++) {
      w.see(body(ramp({3}, k)));
      w.see(body(ramp({3}, k)));
    }
  }
  w.see(f(ramp({3})));
  w.see(f(ramp({3})));
}
