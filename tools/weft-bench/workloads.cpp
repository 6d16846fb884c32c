#include "tools/weft-bench/workloads.h"

#include <charconv>
#include <cmath>
#include <set>

namespace weft::bench {

namespace {

constexpr double k4M = 4 << 20;

void make_16(Params&, Tensors& x) { x = {random({16}), random({16})}; }

void make_rows(Tensors& x, int64_t rows) {
  x = {random({rows, 1024}), random({1024}), random({1024})};
}

void make_norm(Params& p, Tensors& x) {
  p = {{"g", random({1024}, 0.1) + 1.0}, {"b", random({1024}, 0.1)}};
  x = {random({4096, 1024})};
}

void make_mlp(Params& p, Tensors& x) {
  const int64_t sizes[] = {784, 512, 512, 10};
  for (int k = 0; k < 3; k++) {
    std::string layer = "l" + std::to_string(k);
    p[layer + "_w"] =
        random({sizes[k], sizes[k + 1]}, std::sqrt(2.0 / static_cast<double>(sizes[k])));
    p[layer + "_b"] = zeros({sizes[k + 1]});
  }
  x = {random({128, 784}), random_classes({128}, 10)};
}

void make_digits(Params& p, Tensors& x) {
  p = {{"up.weight", random({128, 64}, 0.1)},
       {"up.bias", zeros({128})},
       {"down.weight", random({10, 128}, 0.1)},
       {"down.bias", zeros({10})}};
  x = {random({64, 64}), random_classes({64}, 10)};
}

using Kind = Workload::Kind;

void add_small_calls(std::vector<Workload>& all) {
  all.push_back({.name = "add16_eager",
                 .about = "a + b over 16 floats, always eager",
                 .kind = Kind::call,
                 WEFT_BENCH_EXPRESSION(x[0] + x[1]),
                 .make = make_16,
                 .always_eager = true});
  all.push_back({.name = "compiled16",
                 .about = "relu(a * b + a) over 16 floats",
                 .kind = Kind::call,
                 WEFT_BENCH_EXPRESSION(relu(x[0] * x[1] + x[0])),
                 .make = make_16,
                 .reach = 5});
}

void add_rows(std::vector<Workload>& all) {
  all.push_back({.name = "ew_4m",
                 .about = "gelu(x * a + b) * sigmoid(x) over 4 Mi floats",
                 WEFT_BENCH_EXPRESSION(gelu_tanh(x[0] * x[1] + x[2]) * sigmoid(x[0])),
                 .make = [](Params&, Tensors& x) { make_rows(x, 4096); },
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M,
                 .reach = 1.3});
  all.push_back({.name = "ew_4k",
                 .about = "the same over 4 Ki floats",
                 WEFT_BENCH_EXPRESSION(gelu_tanh(x[0] * x[1] + x[2]) * sigmoid(x[0])),
                 .make = [](Params&, Tensors& x) { make_rows(x, 4); },
                 .limit = LimitClass::copy,
                 .bytes = 8 * 4096,
                 .reach = 1.3});
  all.push_back({.name = "softmax",
                 .about = "softmax of [4096, 1024] along rows",
                 WEFT_BENCH_EXPRESSION(softmax(x[0], -1)),
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M,
                 .reach = 1.2});
  all.push_back({.name = "layernorm",
                 .about = "layer_norm of [4096, 1024] along rows",
                 WEFT_BENCH_EXPRESSION(layer_norm(x[0], shape(1024), p.at("g"), p.at("b"))),
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M,
                 .reach = 1.2});
  all.push_back({.name = "rmsnorm",
                 .about = "rms_norm of [4096, 1024] along rows",
                 WEFT_BENCH_EXPRESSION(rms_norm(x[0], shape(1024), p.at("g"), 1e-5)),
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M,
                 .reach = 1.2});
  all.push_back({.name = "xent",
                 .about = "cross_entropy of [512, 32000]",
                 WEFT_BENCH_EXPRESSION(cross_entropy(x[0], x[1])),
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({512, 32000}), random_classes({512}, 32000)};
                     },
                 .limit = LimitClass::read,
                 .bytes = 4.0 * 512 * 32000,
                 .reach = 1.2});
}

void add_products(std::vector<Workload>& all) {
  all.push_back({.name = "gemm1024",
                 .about = "matmul 1024 x 1024 x 1024",
                 WEFT_BENCH_EXPRESSION(matmul(x[0], x[1])),
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({1024, 1024}), random({1024, 1024}, 1.0 / 32)};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 1024 * 1024 * 1024,
                 .least_products = {1024, 1024, 1024},
                 .reach = 1.05});
  all.push_back({.name = "gemm_128x384x1536",
                 .about = "matmul 128 x 384 x 1536",
                 WEFT_BENCH_EXPRESSION(matmul(x[0], x[1])),
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({128, 384}), random({384, 1536}, 0.05)};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 128 * 384 * 1536,
                 .least_products = {128, 1536, 384},
                 .reach = 1.05});
  all.push_back({.name = "linear_gelu",
                 .about = "gelu(x W + b), 512 x 768 x 3072",
                 WEFT_BENCH_EXPRESSION(gelu_tanh(affine(x[0], p, "l"))),
                 .make =
                     [](Params& p, Tensors& x) {
                       p = {{"l_w", random({768, 3072}, 0.036)}, {"l_b", random({3072}, 0.1)}};
                       x = {random({512, 768})};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 512 * 768 * 3072,
                 .least_products = {512, 3072, 768},
                 .reach = 1.15});
}

void add_networks(std::vector<Workload>& all) {
  const double mlp_flops = 2.0 * 128 * (784 * 512 + 512 * 512 + 5120);
  all.push_back(
      {.name = "mlp_inf",
       .about = "MLP 784-512-512-10, batch 128",
       WEFT_BENCH_EXPRESSION(affine(relu(affine(relu(affine(x[0], p, "l0")), p, "l1")), p, "l2")),
       .make = make_mlp,
       .limit = LimitClass::flops,
       .flops = mlp_flops,
       .reach = 1.2});
  all.push_back({.name = "mlp_train",
                 .about = "a training step of it with Adam",
                 .kind = Kind::training,
                 WEFT_BENCH_EXPRESSION(cross_entropy(
                     affine(relu(affine(relu(affine(x[0], p, "l0")), p, "l1")), p, "l2"), x[1])),
                 .make = make_mlp,
                 .limit = LimitClass::flops,
                 .flops = 3 * mlp_flops - 2.0 * 128 * 784 * 512,
                 .reach = 1.3});
  all.push_back({.name = "digits_train",
                 .about = "a training step of examples/digits: MLP 64-128-10, batch 64, AdamW",
                 .kind = Kind::training,
                 WEFT_BENCH_EXPRESSION(
                     cross_entropy(linear(relu(linear(x[0], p.at("up.weight"), p.at("up.bias"))),
                                          p.at("down.weight"), p.at("down.bias")),
                                   x[1])),
                 .make = make_digits,
                 .lr = 1e-3,
                 .weight_decay = 0.01,
                 .reach = 1.3});
}

std::vector<Workload> make_workloads() {
  std::vector<Workload> all;
  add_small_calls(all);
  add_rows(all);
  add_products(all);
  add_networks(all);
  for (auto more : {sweep_workloads, narrow_workloads, attention_workloads, network_workloads,
                    decode_workloads})
    for (Workload& w : more())
      all.push_back(std::move(w));
  return all;
}

} // namespace

Tensor product(const Tensor& x, const Params& p, const std::string& name) {
  const Tensor& weight = p.at(name + "_w");
  auto scales = p.find(name + "_w_scales");
  return scales == p.end() ? matmul(x, weight) : quantized_matmul(x, weight, scales->second);
}

Tensor affine(const Tensor& x, const Params& p, const std::string& name) {
  return product(x, p, name) + p.at(name + "_b");
}

Tensor norm(const Tensor& x, const Params& p, const std::string& name) {
  return layer_norm(x, {x.size(-1)}, p.at(name + "g"), p.at(name + "b"));
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = make_workloads();
  return all;
}

namespace {

constexpr int64_t kMostPositions = 1 << 20;

const Workload& at_positions(const Workload& w, const std::string& name, const std::string& count) {
  static std::map<std::string, Workload> made;
  int64_t positions = 0;
  auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), positions);
  bool is_number = error == std::errc() && end == count.data() + count.size();
  if (!w.at_positions || !is_number || positions < 1 || positions > kMostPositions)
    throw Error(ErrorKind::value,
                "weft-bench: NAME:N must be a workload over positions, and N from "
                "1 to " +
                    std::to_string(kMostPositions) + ", got " + name);
  Workload& own = made.try_emplace(name, w.at_positions(positions)).first->second;
  own.name = name;
  return own;
}

} // namespace

const Workload& workload(const std::string& name) {
  const size_t at = name.find(':');
  const std::string base = name.substr(0, at);
  std::string names;
  for (const Workload& w : workloads()) {
    if (w.name == base) return at == base.npos ? w : at_positions(w, name, name.substr(at + 1));
    names += (names.empty() ? "" : ", ") + w.name;
  }
  throw Error(ErrorKind::value,
              "weft-bench: the workload must be one of " + names + ", got " + name);
}

Mode mode_of(const std::string& name) {
  if (name == "eager") return Mode::eager;
  if (name == "compiled") return Mode::compiled;
  if (name == "generic") return Mode::generic;
  if (name == "deterministic") return Mode::deterministic;
  if (name == "resized") return Mode::resized;
  if (name == "forward") return Mode::forward;
  throw Error(ErrorKind::value, "weft-bench: the mode must be eager, compiled, generic, "
                                "deterministic, resized or forward, got " +
                                    name);
}

namespace {

CompileOptions options_of(Mode mode, const std::string& name) {
  CompileOptions options{.name = name};
  options.deterministic = mode == Mode::deterministic;
  if (mode == Mode::generic) options.sizes = CompileOptions::Sizes::generic;
  return options;
}

} // namespace

Running::Running(const Workload& w, Mode mode, Params params, Tensors inputs, Device device)
    : workload_(w), params_(std::move(params)), inputs_(std::move(inputs)) {
  place(device);
  prepare(mode);
}

Running::Running(const Workload& w, Mode mode, Device device) : workload_(w) {
  manual_seed(0);
  w.make(params_, inputs_);
  place(device);
  prepare(mode);
}

void Running::quantize_weights() {
  Params scales_of;
  for (auto& [name, t] : params_)
    if (name.ends_with("_w") && is_floating(t.dtype())) { // not those that `export` wrote
      auto [codes, scales] = quantize(transpose(t, 0, 1), workload_.weight_bits);
      t = codes;
      scales_of[name + "_scales"] = scales;
    }
  params_.merge(scales_of);
}

void Running::place(Device device) {
  if (workload_.weight_bits) quantize_weights();
  auto move = [&](Tensor& t) { t = (t.dtype() == f32 ? t.to(workload_.dtype) : t).to(device); };
  for (auto& [name, t] : params_) {
    if (name.ends_with("_scales")) t = t.to(f16); // `export` writes halves as f32
    move(t);
  }
  for (Tensor& t : inputs_)
    move(t);
}

Tensor Running::answer() {
  constexpr int64_t kSteps = 3;
  const Tensor result = call();
  Tensors parts;
  if (workload_.kind == Kind::training) {
    parts.push_back(reshape(result, {1}));
    while (parts.size() < kSteps)
      parts.push_back(reshape(call(), {1}));
  }
  if (workload_.kind == Kind::gradients)
    for (const auto& [name, t] : params_)
      parts.push_back(reshape(t.grad(), {-1}));
  return parts.empty() ? result : concatenate(parts, 0);
}

template <class F> void Running::set(F body, Mode mode) {
  if (mode == Mode::eager || workload_.always_eager) {
    call_ = body;
    return;
  }
  auto compiled =
      std::make_shared<Compiled<F>>(compile(std::move(body), options_of(mode, workload_.name)));
  call_ = [compiled] { return (*compiled)(); };
  stats_ = [compiled] { return compiled->stats(); };
  explain_ = [compiled] { return compiled->explain(); };
  if (mode == Mode::resized) call_smaller();
}

void Running::call_smaller() {
  std::set<int64_t> kept;
  for (auto& [name, t] : params_)
    kept.insert(t.shape().begin(), t.shape().end());
  const Tensors whole = inputs_;
  for (Tensor& t : inputs_) {
    for (int64_t dim = 0; dim < t.dim(); dim++)
      if (const int64_t n = t.size(dim); n > 1 && !kept.contains(n))
        t = narrow(t, dim, 0, n / 2).contiguous();
    if (!is_floating(t.dtype())) t = floor_divide(t, 2); // classes, of which there are half now
  }
  for (int k = 0; k < 3; k++)
    call();
  inputs_ = whole;
}

// One function for all inputs, so that a compiled one meets other sizes.
void Running::set_each(Mode mode) {
  auto one = [this](const Tensor& x) { return workload_.function(params_, {x}); };
  auto all = [this](auto run) {
    Tensors results;
    for (const Tensor& x : inputs_)
      results.push_back(run(x));
    return concatenate(results, 0);
  };
  if (mode == Mode::eager) {
    call_ = [=] { return all(one); };
    return;
  }
  auto compiled =
      std::make_shared<Compiled<decltype(one)>>(compile(one, options_of(mode, workload_.name)));
  call_ = [=] { return all([&](const Tensor& x) { return (*compiled)(x); }); };
  stats_ = [compiled] { return compiled->stats(); };
  explain_ = [compiled] { return compiled->explain(); };
}

void Running::prepare(Mode mode) {
  if (workload_.each) return set_each(mode);
  if (workload_.kind == Kind::call || workload_.kind == Kind::inference)
    return set([this] { return workload_.function(params_, inputs_); }, mode);
  std::vector<Tensor> trained;
  for (auto& [name, t] : params_)
    trained.push_back(t.requires_grad_());
  optimizer_ = std::make_shared<optim::AdamW>(
      trained, optim::AdamWOptions{.lr = workload_.lr, .weight_decay = workload_.weight_decay});
  auto function = [this] { return workload_.function(params_, inputs_); };
  auto step = [this](auto& loss_of) {
    optimizer_->zero_grad();
    Tensor loss = loss_of();
    loss.backward();
    if (workload_.kind == Kind::training) optimizer_->step();
    return loss.detach();
  };
  if (mode != Mode::forward) return set([=] { return step(function); }, mode);
  auto compiled = std::make_shared<Compiled<decltype(function)>>(
      compile(function, options_of(mode, workload_.name)));
  call_ = [=] { return step(*compiled); };
  stats_ = [compiled] { return compiled->stats(); };
  explain_ = [compiled] { return compiled->explain(); };
}

} // namespace weft::bench
