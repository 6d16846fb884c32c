// Random programs on the public API, eager and compiled: views, writes in place, aliasing inputs,
// reads by the host, branches, changing sizes, gradients. Every result, input, gradient and error
// must agree to the bit. So that sums have one value, they are taken of small integers only.
#include "weft/weft.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <random>

using namespace weft;

namespace {

/// A tensor of the program; `exact`: its elements are small integers.
struct Value {
  Tensor t;
  bool exact = true;
};

/// What differs from call to call.
struct Call {
  int64_t n = 3, m = 4; // sizes of the inputs
  unsigned flags = 0;   // decide branches
  int aliasing = 0;     // how the inputs overlap
  enum { none, inside, outside } backward = none;
};

/// One random program: the same seed runs the same ops wherever shapes and flags are the same.
class Program {
public:
  explicit Program(unsigned seed) : seed_(seed) {}

  std::vector<Tensor> inputs(const Call& c) const {
    auto fill = [](const Shape& shape, DType dtype, int64_t offset) {
      int64_t count = 1;
      for (int64_t s : shape)
        count *= s;
      std::vector<float> v(static_cast<size_t>(count));
      for (size_t k = 0; k < v.size(); k++)
        v[k] = static_cast<float>((static_cast<int64_t>(k) * 7 + offset) % 11 - 5);
      return tensor(v, shape).to(dtype);
    };
    Tensor base = fill({c.n + 2, c.m}, f32, 1);
    std::vector<Tensor> all = {slice(base, 0, 0, c.n),   fill({c.n, c.m}, f32, 3),
                               fill({c.m}, f32, 5),      fill({c.n, 1}, f64, 2),
                               fill({c.n, c.m}, i64, 4), fill({}, f32, 9),
                               fill({c.n, c.m}, bf16, 6)};
    if (c.aliasing == 1) all[1] = all[0];
    if (c.aliasing == 2) all[1] = slice(base, 0, 2, c.n + 2);
    if (c.aliasing == 3) all[2] = select(base, 0, 1);
    if (c.aliasing == 4) all[1] = slice(all[1], 1, 0, c.m);
    return all;
  }

  /// Returns everything that is still held at the end.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs, const Call& c) {
    random_.seed(seed_);
    values_.clear();
    for (const Tensor& t : inputs)
      values_.push_back({t, true});
    weight = loss = {};
    if (c.backward) {
      weight = slice(inputs[1], 0, 0, 1).detach().clone().requires_grad_();
      values_.push_back({weight, true});
    }
    const int64_t steps = 4 + pick(14);
    for (int64_t k = 0; k < steps; k++) {
      const unsigned branch = static_cast<unsigned>(pick(5)); // a flag decides one step in five
      const uint32_t inner = static_cast<uint32_t>(random_());
      if (branch == 0 && (c.flags >> k % 8 & 1)) continue;
      std::mt19937 outer = random_;
      random_.seed(inner); // however many numbers the step takes
      step();
      random_ = outer;
    }
    std::vector<Tensor> results;
    for (const Value& v : values_)
      if (v.t.defined()) results.push_back(v.t);
    if (c.backward) {
      const Value& last = values_.back();
      loss = weight.sum();
      if (last.t.defined() && last.exact && is_floating(last.t.dtype()))
        loss = sum(last.t * loss.to(last.t.dtype()));
      if (c.backward == Call::inside) loss.backward();
    }
    values_.clear();
    return results;
  }

  Tensor weight, loss; // of the last run, where there is a backward pass

private:
  int64_t pick(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  Value& any() {
    for (;;)
      if (Value& v = values_[static_cast<size_t>(pick(static_cast<int64_t>(values_.size())))];
          v.t.defined())
        return v;
  }
  Value number(bool exact) {
    for (int tries = 0; tries < 20; tries++)
      if (Value& v = any(); v.t.dtype() != boolean && (v.exact || !exact)) return v;
    return values_[0].exact || !exact ? values_[0] : Value{full({2}, 1.0), true};
  }
  static bool broadcast(const Shape& a, const Shape& b) {
    for (int k = 1; k <= std::min(a.size(), b.size()); k++)
      if (a[a.size() - k] != b[b.size() - k] && a[a.size() - k] != 1 && b[b.size() - k] != 1)
        return false;
    return true;
  }
  void push(Tensor t, bool exact) {
    if (t.numel() > 4000) return;
    values_.push_back({std::move(t), exact});
  }

  void step() {
    switch (pick(11)) {
    case 0:
    case 1:
    case 2:
      return binary();
    case 3:
      return unary();
    case 4:
      return reduction();
    case 5:
    case 6:
      return view();
    case 7:
    case 8:
      return in_place();
    case 9:
      return other();
    default:
      return host();
    }
  }

  void binary() {
    const Value a = number(false), b = number(false);
    if (!broadcast(a.t.shape(), b.t.shape())) return;
    const bool exact = a.exact && b.exact;
    switch (pick(7)) {
    case 0:
      return push(clamp(a.t + b.t, -9, 9), exact);
    case 1:
      return push(clamp(a.t - b.t, -9, 9), exact);
    case 2:
      return push(clamp(a.t * b.t, -9, 9), exact);
    case 3:
      return push(maximum(a.t, b.t), exact);
    case 4:
      return push(where(a.t < b.t, a.t, b.t), exact);
    case 5:
      return push(a.t >= b.t, true);
    default:
      return push(a.t / b.t, false);
    }
  }
  void unary() {
    const Value a = number(false);
    switch (pick(6)) {
    case 0:
      return push(-a.t, a.exact);
    case 1:
      return push(relu(a.t), a.exact && is_floating(a.t.dtype()));
    case 2:
      return push(tanh(a.t), false);
    case 3:
      return push(gelu(a.t) + 0.5, false);
    case 4:
      return push(a.t * 2 - 1, false);
    default:
      return push(exp(a.t * 0.125), false);
    }
  }
  void reduction() {
    const Value a = number(true);
    const bool keep = pick(2);
    const Dims dims = a.t.rank() && pick(3) ? Dims(pick(a.t.rank())) : Dims();
    const int64_t which = pick(4);
    if (which > 1 && a.t.numel() == 0) return;
    Tensor y = which == 0   ? sum(a.t, dims, keep)
               : which == 1 ? sum(a.t * a.t, dims, keep)
               : which == 2 ? max(a.t, dims, keep)
                            : argmax(a.t, dims, keep);
    push(clamp(std::move(y), -9, 9), true);
  }
  // A view of a value; the identity where none is drawn.
  Tensor look(const Tensor& t) {
    if (t.rank() == 0) return pick(2) ? t : t.reshape({1});
    const int64_t d = pick(t.rank()), size = t.size(d);
    switch (pick(7)) {
    case 0:
      return t.transpose(0, -1);
    case 1:
      return slice(t, d, pick(size + 1), size, 1 + pick(2));
    case 2:
      return size ? select(t, d, pick(size)) : t;
    case 3:
      return t.unsqueeze(pick(t.rank() + 1));
    case 4:
      return t.reshape({-1});
    case 5:
      return t.squeeze();
    default:
      return slice(t, d, 0, size / 2);
    }
  }
  void view() {
    const Value a = any();
    Tensor t = look(a.t);
    if (pick(3) == 0) t = look(t);
    if (pick(4) == 0 && t.rank() < 4) {
      Shape wider = {2};
      for (int64_t s : t.shape())
        wider.push_back(s);
      t = t.expand(wider);
    }
    push(t, a.exact);
  }
  void in_place() {
    Value& target = any();
    const Value source = number(false);
    if (target.t.dtype() == boolean) return;
    const Tensor t = look(target.t);
    const bool keeps = target.exact && source.exact;
    // Whoever shares the storage holds the elements too.
    auto written = [&](bool exact) {
      for (Value& v : values_)
        if (v.t.defined() && v.t.shares_storage(t)) v.exact &= exact;
    };
    NoGrad no_grad;
    switch (pick(4)) {
    case 0:
      t.add_(1);
      return written(false);
    case 1:
      if (!broadcast(t.shape(), source.t.shape())) return;
      t.copy_(source.t);
      return written(keeps);
    case 2:
      t.mul_(source.t);
      return written(false);
    default:
      t.fill_(2);
      return;
    }
  }
  void other() {
    switch (pick(5)) {
    case 0: {
      const Value a = number(true), b = number(true);
      if (a.t.rank() != 2 || b.t.rank() != 2 || a.t.dtype() != b.t.dtype()) return;
      if (a.t.size(1) == b.t.size(1)) push(clamp(matmul(a.t, b.t.transpose(0, 1)), -9, 9), true);
      return;
    }
    case 1: {
      const Value a = number(false);
      if (a.t.rank()) push(concatenate({a.t, a.t * 2}, pick(a.t.rank())), false);
      return;
    }
    case 2: {
      const Value a = number(false);
      return push(a.t.to(DType(pick(5))), a.exact);
    }
    case 3: // lets go of a value
      if (values_.size() > 9)
        values_[static_cast<size_t>(pick(static_cast<int64_t>(values_.size())))].t = {};
      return;
    default:
      return push(pick(2) ? full({3}, pick(5), f32) : arange(0, 1 + pick(4)), true);
    }
  }
  // The host reads, and decides by what it reads.
  void host() {
    const Value a = number(true);
    if (a.t.numel() != 1) return push(a.t.clone(), true);
    if (a.t.item<float>() > 0) push(a.t * 3 - 1, false);
  }

  unsigned seed_;
  std::mt19937 random_;
  std::vector<Value> values_;
};

std::string bits(const Tensor& t) {
  std::string s = std::string(name_of(t.dtype())) + t.shape().str() + ":";
  for (double x : t.detach().to(f64).to_vector<double>()) {
    if (x != x) x = std::nan("");
    s.append(reinterpret_cast<const char*>(&x), sizeof x);
  }
  return s;
}

struct Outcome {
  std::vector<std::string> tensors;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

template <class F> Outcome outcome(Program& program, const Call& call, F&& f) {
  Outcome o;
  const std::vector<Tensor> inputs = program.inputs(call);
  try {
    for (const Tensor& t : f(inputs, call))
      o.tensors.push_back(bits(t));
    if (call.backward == Call::outside) program.loss.backward();
    if (call.backward) o.tensors.push_back(bits(program.weight.grad()));
  } catch (const Error& e) {
    o.error = e.what();
  }
  for (const Tensor& t : inputs)
    o.tensors.push_back(bits(t));
  return o;
}

} // namespace

TEST_CASE("random programs are the same in both gears", "[compiled]") {
  // WEFT_FUZZ_SEEDS=N runs more of them, from WEFT_FUZZ_FIRST on.
  auto number = [](const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    return text ? static_cast<unsigned>(std::atoi(text)) : otherwise;
  };
  const unsigned first = number("WEFT_FUZZ_FIRST", 1), count = number("WEFT_FUZZ_SEEDS", 20);
  for (unsigned seed = first; seed < first + count; seed++) {
    Program program(seed), follower(seed);
    auto f =
        compile([&](const std::vector<Tensor>& in, const Call& c) { return follower.run(in, c); });
    std::mt19937 random(seed);
    Call call;
    call.backward = seed % 4 == 0 ? Call::inside : seed % 4 == 1 ? Call::outside : Call::none;
    for (int k = 0; k < 9; k++) {
      // Thrice as at first, so that programs are compiled and run; then anything may change.
      if (k > 2 && random() % 2) call.n = static_cast<int64_t>(random() % 5);
      if (k > 2 && random() % 3 == 0) call.m = 1 + static_cast<int64_t>(random() % 5);
      if (k > 2 && random() % 2) call.flags = random() % 256;
      if (k > 2) call.aliasing = static_cast<int>(random() % 8);
      INFO("WEFT_FUZZ_FIRST=" << seed << ", call " << k << ": n " << call.n << ", m " << call.m
                              << ", flags " << call.flags << ", aliasing " << call.aliasing);
      const Outcome want =
          outcome(program, call, [&](const auto& in, const Call& c) { return program.run(in, c); });
      const Outcome got = outcome(follower, call, f);
      CHECK(got.error == want.error);
      REQUIRE(got.tensors.size() == want.tensors.size());
      for (size_t i = 0; i < want.tensors.size(); i++) {
        INFO("tensor " << i << " of " << want.tensors.size() << ", "
                       << want.tensors[i].substr(0, want.tensors[i].find(':')));
        REQUIRE((got.tensors[i] == want.tensors[i]));
      }
    }
  }
}
