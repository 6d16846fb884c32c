// Workloads of a language model that generates text: one token at a position behind others, with
// their keys and values in a cache that is written in place.

#include "tools/weft-bench/workloads.h"

#include <cmath>

namespace weft::bench {

namespace {

constexpr int64_t kLayers = 6, kWidth = 768, kHeads = 12, kHeadWidth = 64, kInner = 2048,
                  kVocabulary = 32000, kContext = 256;
constexpr double kEps = 1e-5;

// [1, width] as [heads, 1, width of a head].
Tensor heads_of(const Tensor& x) { return transpose(reshape(x, {1, kHeads, kHeadWidth}), 0, 1); }

// Turns the halves of each head by the position's angles (Su et al., RoFormer, 2021).
Tensor rotate(const Tensor& x, const Tensor& cosines, const Tensor& sines) {
  Tensor a = slice(x, -1, 0, kHeadWidth / 2), b = slice(x, -1, kHeadWidth / 2, kHeadWidth);
  return concatenate({a * cosines - b * sines, b * cosines + a * sines}, -1);
}

// Inputs: the token [1], its position [1], then keys and values [heads, context, width] a layer.
Tensor decode(const Params& p, const Tensors& in) {
  Tensor h = embedding(in[0], p.at("tok")), position = in[1];
  Tensor cosines = embedding(position, p.at("cos")), sines = embedding(position, p.at("sin"));
  Tensor seen = reshape(arange(0, kContext, 1, i64, position.device()) <= position, {1, kContext});
  for (size_t k = 0; k < kLayers; k++) {
    const std::string pre = "b" + std::to_string(k) + "_";
    auto of = [&](const char* name) { return p.at(pre + name); };
    auto by = [&](const char* name, const Tensor& x) { return product(x, p, pre + name); };
    Tensor z = rms_norm(h, {kWidth}, of("n1g"), kEps);
    Tensor query = rotate(heads_of(by("q", z)), cosines, sines);
    Tensor keys = in[2 + 2 * k], values = in[3 + 2 * k];
    keys.index_copy_(1, position, rotate(heads_of(by("k", z)), cosines, sines));
    values.index_copy_(1, position, heads_of(by("v", z)));
    Tensor y = scaled_dot_product_attention(query, keys, values, seen);
    h = h + by("o", reshape(transpose(y, 0, 1), {1, kWidth}));
    z = rms_norm(h, {kWidth}, of("n2g"), kEps);
    h = h + by("d", silu(by("g", z)) * by("u", z));
  }
  return product(rms_norm(h, {kWidth}, p.at("nfg"), kEps), p, "head");
}

void make_decode(Params& p, Tensors& x) {
  auto weight = [&](const std::string& name, int64_t in, int64_t out) {
    p[name + "_w"] = normal({in, out}, 0, 1 / std::sqrt(static_cast<double>(in)));
  };
  p["tok"] = normal({kVocabulary, kWidth}, 0, 0.1);
  for (int64_t k = 0; k < kLayers; k++) {
    std::string pre = "b" + std::to_string(k) + "_";
    for (const char* name : {"q", "k", "v", "o"})
      weight(pre + name, kWidth, kWidth);
    weight(pre + "g", kWidth, kInner);
    weight(pre + "u", kWidth, kInner);
    weight(pre + "d", kInner, kWidth);
    p[pre + "n1g"] = p[pre + "n2g"] = ones({kWidth});
  }
  p["nfg"] = ones({kWidth});
  weight("head", kWidth, kVocabulary);
  Tensor rates = pow(10000, arange(0, kHeadWidth / 2, 1, f32) * (-2.0 / kHeadWidth));
  Tensor angles = outer(arange(0, kContext, 1, f32), rates);
  p["cos"] = cos(angles);
  p["sin"] = sin(angles);
  x = {tensor({17}), tensor({kContext - 1})};
  for (int64_t k = 0; k < 2 * kLayers; k++)
    x.push_back(normal({kHeads, kContext, kHeadWidth}, 0, 0.5));
}

} // namespace

std::vector<Workload> decode_workloads() {
  const double weights =
      kLayers * (4.0 * kWidth * kWidth + 3.0 * kWidth * kInner) + 1.0 * kWidth * kVocabulary;
  const double cache = 2.0 * kLayers * kHeads * kContext * kHeadWidth, numbers = weights + cache;
  Workload w{.name = "decode_f32",
             .about = "a token of a language model behind 255 others: 6 layers of width 768",
             .function = decode,
             .make = make_decode,
             .limit = LimitClass::read,
             .flops = 2 * numbers,
             .bytes = 4 * numbers,
             .reach = 1.1};
  Workload half = w;
  half.name = "decode_bf16";
  half.about = "the same with weights and cache of bf16";
  half.bytes = 2 * numbers;
  half.dtype = bf16;
  std::vector<Workload> all = {w, half};
  for (int bits : {8, 4}) {
    Workload quantized = w;
    quantized.name = "decode_q" + std::to_string(bits) + "_0";
    quantized.about = "the same with weights of " + std::to_string(bits) + " bits in blocks of 32";
    quantized.bytes = weights * (bits / 8.0 + 2.0 / 32) + 4 * cache;
    quantized.weight_bits = bits;
    all.push_back(quantized);
  }
  return all;
}

} // namespace weft::bench
