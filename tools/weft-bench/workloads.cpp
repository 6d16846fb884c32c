#include "tools/weft-bench/workloads.h"

#include <charconv>
#include <cmath>

namespace weft::bench {

namespace {

constexpr double k4M = 4 << 20;

Tensor random(const Shape& shape, double scale = 1) { return normal(shape, 0, scale); }

Tensor random_classes(int64_t n, int64_t classes) {
  return uniform({n}, 0, static_cast<double>(classes)).to(i64);
}

Tensor add_16(const Params&, const Tensors& x) { return x[0] + x[1]; }
Tensor relu_16(const Params&, const Tensors& x) { return relu(x[0] * x[1] + x[0]); }
void make_16(Params&, Tensors& x) { x = {random({16}), random({16})}; }

Tensor elementwise(const Params&, const Tensors& x) {
  return gelu_tanh(x[0] * x[1] + x[2]) * sigmoid(x[0]);
}
void make_rows(Tensors& x, int64_t rows) {
  x = {random({rows, 1024}), random({1024}), random({1024})};
}

Tensor softmax_rows(const Params&, const Tensors& x) { return softmax(x[0], -1); }
Tensor layernorm_rows(const Params& p, const Tensors& x) {
  return layer_norm(x[0], {1024}, p.at("g"), p.at("b"));
}
Tensor rmsnorm_rows(const Params& p, const Tensors& x) {
  return rms_norm(x[0], {1024}, p.at("g"), 1e-5);
}
void make_norm(Params& p, Tensors& x) {
  p = {{"g", random({1024}, 0.1) + 1.0}, {"b", random({1024}, 0.1)}};
  x = {random({4096, 1024})};
}

Tensor xent(const Params&, const Tensors& x) { return cross_entropy(x[0], x[1]); }

Tensor product(const Params&, const Tensors& x) { return matmul(x[0], x[1]); }
Tensor affine(const Tensor& x, const Params& p, const std::string& layer) {
  return matmul(x, p.at(layer + "_w")) + p.at(layer + "_b"); // weights lie as [in, out]
}
Tensor linear_gelu(const Params& p, const Tensors& x) { return gelu_tanh(affine(x[0], p, "l")); }

Tensor mlp(const Params& p, const Tensors& x) {
  return affine(relu(affine(relu(affine(x[0], p, "l0")), p, "l1")), p, "l2");
}
Tensor mlp_loss(const Params& p, const Tensors& x) { return cross_entropy(mlp(p, x), x[1]); }
void make_mlp(Params& p, Tensors& x) {
  const int64_t sizes[] = {784, 512, 512, 10};
  for (int k = 0; k < 3; k++) {
    std::string layer = "l" + std::to_string(k);
    p[layer + "_w"] =
        random({sizes[k], sizes[k + 1]}, std::sqrt(2.0 / static_cast<double>(sizes[k])));
    p[layer + "_b"] = zeros({sizes[k + 1]});
  }
  x = {random({128, 784}), random_classes(128, 10)};
}

Tensor digits_loss(const Params& p, const Tensors& x) {
  Tensor hidden = relu(linear(x[0], p.at("up.weight"), p.at("up.bias")));
  return cross_entropy(linear(hidden, p.at("down.weight"), p.at("down.bias")), x[1]);
}
void make_digits(Params& p, Tensors& x) {
  p = {{"up.weight", random({128, 64}, 0.1)},
       {"up.bias", zeros({128})},
       {"down.weight", random({10, 128}, 0.1)},
       {"down.bias", zeros({10})}};
  x = {random({64, 64}), random_classes(64, 10)};
}

using Kind = Workload::Kind;

std::vector<Workload> make_workloads() {
  const double mlp_flops = 2.0 * 128 * (784 * 512 + 512 * 512 + 5120);
  std::vector<Workload> all;
  all.push_back({.name = "add16_eager",
                 .about = "a + b over 16 floats, always eager",
                 .kind = Kind::call,
                 .function = add_16,
                 .make = make_16,
                 .always_eager = true});
  all.push_back({.name = "compiled16",
                 .about = "relu(a * b + a) over 16 floats",
                 .kind = Kind::call,
                 .function = relu_16,
                 .make = make_16});
  all.push_back({.name = "ew_4m",
                 .about = "gelu(x * a + b) * sigmoid(x) over 4 Mi floats",
                 .function = elementwise,
                 .make = [](Params&, Tensors& x) { make_rows(x, 4096); },
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M});
  all.push_back({.name = "ew_4k",
                 .about = "the same over 4 Ki floats",
                 .function = elementwise,
                 .make = [](Params&, Tensors& x) { make_rows(x, 4); },
                 .limit = LimitClass::copy,
                 .bytes = 8 * 4096});
  all.push_back({.name = "softmax",
                 .about = "softmax of [4096, 1024] along rows",
                 .function = softmax_rows,
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M});
  all.push_back({.name = "layernorm",
                 .about = "layer_norm of [4096, 1024] along rows",
                 .function = layernorm_rows,
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M});
  all.push_back({.name = "rmsnorm",
                 .about = "rms_norm of [4096, 1024] along rows",
                 .function = rmsnorm_rows,
                 .make = make_norm,
                 .limit = LimitClass::copy,
                 .bytes = 8 * k4M});
  all.push_back({.name = "xent",
                 .about = "cross_entropy of [512, 32000]",
                 .function = xent,
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({512, 32000}), random_classes(512, 32000)};
                     },
                 .limit = LimitClass::read,
                 .bytes = 4.0 * 512 * 32000});
  all.push_back({.name = "gemm1024",
                 .about = "matmul 1024 x 1024 x 1024",
                 .function = product,
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({1024, 1024}), random({1024, 1024}, 1.0 / 32)};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 1024 * 1024 * 1024,
                 .least_products = {1024, 1024, 1024}});
  all.push_back({.name = "gemm_128x384x1536",
                 .about = "matmul 128 x 384 x 1536",
                 .function = product,
                 .make =
                     [](Params&, Tensors& x) {
                       x = {random({128, 384}), random({384, 1536}, 0.05)};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 128 * 384 * 1536,
                 .least_products = {128, 1536, 384}});
  all.push_back({.name = "linear_gelu",
                 .about = "gelu(x W + b), 512 x 768 x 3072",
                 .function = linear_gelu,
                 .make =
                     [](Params& p, Tensors& x) {
                       p = {{"l_w", random({768, 3072}, 0.036)}, {"l_b", random({3072}, 0.1)}};
                       x = {random({512, 768})};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 512 * 768 * 3072,
                 .least_products = {512, 3072, 768}});
  all.push_back({.name = "mlp_inf",
                 .about = "MLP 784-512-512-10, batch 128",
                 .function = mlp,
                 .make = make_mlp,
                 .limit = LimitClass::flops,
                 .flops = mlp_flops});
  all.push_back({.name = "mlp_train",
                 .about = "a training step of it with Adam",
                 .kind = Kind::training,
                 .function = mlp_loss,
                 .make = make_mlp,
                 .limit = LimitClass::flops,
                 .flops = 3 * mlp_flops - 2.0 * 128 * 784 * 512});
  all.push_back({.name = "digits_train",
                 .about = "a training step of examples/digits: MLP 64-128-10, batch 64, AdamW",
                 .kind = Kind::training,
                 .function = digits_loss,
                 .make = make_digits,
                 .lr = 1e-3,
                 .weight_decay = 0.01});
  for (auto more : {narrow_workloads, attention_workloads, network_workloads, decode_workloads})
    for (Workload& w : more())
      all.push_back(std::move(w));
  return all;
}

} // namespace

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
    throw Error(ErrorKind::value, "weft-bench: NAME:N must be a workload over positions, and N from "
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
  throw Error(ErrorKind::value, "weft-bench: the mode must be eager, compiled, generic or "
                                "deterministic, got " +
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

Running::Running(const Workload& w, Mode mode, Params params, Tensors inputs)
    : workload_(w), params_(std::move(params)), inputs_(std::move(inputs)) {
  place(Device::cpu());
  prepare(mode);
}

Running::Running(const Workload& w, Mode mode, Device device) : workload_(w) {
  manual_seed(0);
  w.make(params_, inputs_);
  place(device);
  prepare(mode);
}

void Running::place(Device device) {
  auto move = [&](Tensor& t) { t = (t.dtype() == f32 ? t.to(workload_.dtype) : t).to(device); };
  for (auto& [name, t] : params_)
    move(t);
  for (Tensor& t : inputs_)
    move(t);
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
}

void Running::prepare(Mode mode) {
  if (workload_.kind == Kind::call || workload_.kind == Kind::inference)
    return set([this] { return workload_.function(params_, inputs_); }, mode);
  std::vector<Tensor> trained;
  for (auto& [name, t] : params_)
    trained.push_back(t.requires_grad_());
  optimizer_ = std::make_shared<optim::AdamW>(
      trained, optim::AdamWOptions{.lr = workload_.lr, .weight_decay = workload_.weight_decay});
  set(
      [this] {
        optimizer_->zero_grad();
        Tensor loss = workload_.function(params_, inputs_);
        loss.backward();
        if (workload_.kind == Kind::training) optimizer_->step();
        return loss.detach();
      },
      mode);
}

} // namespace weft::bench
