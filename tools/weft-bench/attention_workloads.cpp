// Attention of 12 heads of 64, forward alone and with its gradients, at any number of positions.

#include "tools/weft-bench/workloads.h"

#include <limits>

namespace weft::bench {

namespace {

using Kind = Workload::Kind;

constexpr int64_t kHeads = 12, kPositions = 1024, kHeadWidth = 64;
constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// Rows less columns of x's scores, [positions, positions].
Tensor distance(const Tensor& x, DType dtype) {
  Tensor positions = arange(0, x.size(-2), 1, dtype, x.device());
  return reshape(positions, {x.size(-2), 1}) - positions;
}

constexpr const char* kCausal = "scaled_dot_product_attention(x[0], x[1], x[2], none, 0, true)";
Tensor causal(const Params&, const Tensors& x) {
  return scaled_dot_product_attention(x[0], x[1], x[2], none, 0, true);
}
// Scores fall with the distance, by a slope a head (Press et al., Train short, test long, 2022).
Tensor alibi(const Params& p, const Tensors& x) {
  Tensor behind = distance(x[0], f32);
  Tensor slopes = reshape(p.at("slopes"), {kHeads, 1, 1});
  Tensor bias = where(behind >= 0, -slopes * behind, kHidden);
  return scaled_dot_product_attention(x[0], x[1], x[2], bias);
}
// Each position sees itself and those up to a quarter of all before it.
Tensor window(const Params&, const Tensors& x) {
  Tensor behind = distance(x[0], i64);
  Tensor seen = (behind >= 0) & (behind < x[0].size(-2) / 4);
  return scaled_dot_product_attention(x[0], x[1], x[2], seen);
}

using Function = Tensor (*)(const Params&, const Tensors&);

/// A loss of it over trained q, k and v; its weights and the slopes are inputs.
template <Function forward> Tensor weighted(const Params& p, const Tensors& x) {
  return sum(forward({{"slopes", x[1]}}, {p.at("q"), p.at("k"), p.at("v")}) * x[0]);
}

struct Family {
  const char *name, *about;
  Function forward, backward;
  double visible;              // share of the scores
  const char* expression = ""; // of forward
};
constexpr Family kFamilies[] = {
    {"attn_causal", "causal attention", causal, weighted<causal>, 0.5, kCausal},
    {"attn_alibi", "the same with a bias by distance", alibi, weighted<alibi>, 0.5},
    {"attn_window", "causal attention to a quarter of the positions", window, weighted<window>,
     7.0 / 32},
};

Tensor heads(int64_t positions) { return normal({1, kHeads, positions, kHeadWidth}, 0, 1); }
Tensor slopes() { return pow(2, (arange(kHeads) + 1) * (-8.0 / kHeads)); }

Workload make(const Family& f, bool has_gradients, int64_t positions) {
  Workload w;
  w.name = std::string(f.name) + (has_gradients ? "_grad" : "");
  w.about = std::string(f.about) + (has_gradients ? ", forward and backward" : "") +
            ", 12 heads of 64, 1024 positions (NAME:N for N)";
  w.kind = has_gradients ? Kind::gradients : Kind::inference;
  w.function = has_gradients ? f.backward : f.forward;
  if (!has_gradients) w.expression = f.expression;
  w.make = [=](Params& p, Tensors& x) {
    if (has_gradients) {
      p = {{"q", heads(positions)}, {"k", heads(positions)}, {"v", heads(positions)}};
      x = {heads(positions), slopes()};
    } else {
      p = {{"slopes", slopes()}};
      x = {heads(positions), heads(positions), heads(positions)};
    }
  };
  w.limit = LimitClass::flops;
  w.flops = static_cast<double>(kHeads * positions * positions * kHeadWidth) * 4 * f.visible *
            (has_gradients ? 3.5 : 1);
  w.reach = 1.5;
  w.positions = {64, 256, 4096};
  if (!has_gradients) w.positions.push_back(8192); // eager gradients of so many take 20 GB
  w.row = w.name + " 64.." + std::to_string(w.positions.back());
  w.at_positions = [=](int64_t n) { return make(f, has_gradients, n); };
  return w;
}

} // namespace

std::vector<Workload> attention_workloads() {
  std::vector<Workload> all;
  for (const Family& f : kFamilies)
    for (bool has_gradients : {false, true})
      all.push_back(make(f, has_gradients, kPositions));
  return all;
}

} // namespace weft::bench
