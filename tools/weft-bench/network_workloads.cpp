// Workloads of whole networks: a transformer block, a GPT, convolutions.

#include "tools/weft-bench/workloads.h"

#include <cmath>

namespace weft::bench {

namespace {

using Kind = Workload::Kind;

struct Block {
  int64_t samples, positions, width, heads;
};

// [B, T, width] as [B, heads, T, width / heads].
Tensor split_heads(const Tensor& x, const Block& b) {
  return transpose(reshape(x, {x.size(0), x.size(1), b.heads, b.width / b.heads}), 1, 2);
}
Tensor self_attention(const Tensor& x, const Params& p, const std::string& pre, const Block& b,
                      bool is_causal) {
  Tensor qkv = affine(x, p, pre + "qkv");
  auto part = [&](int64_t k) {
    return split_heads(slice(qkv, -1, k * b.width, (k + 1) * b.width), b);
  };
  Tensor y = scaled_dot_product_attention(part(0), part(1), part(2), {}, 0, is_causal);
  return affine(reshape(transpose(y, 1, 2), {x.size(0), x.size(1), b.width}), p, pre + "o");
}
void make_block_params(Params& p, const std::string& pre, int64_t width, int64_t inner) {
  auto layer = [&](const std::string& name, int64_t in, int64_t out) {
    p[pre + name + "_w"] = random({in, out}, 1 / std::sqrt(static_cast<double>(in)));
    p[pre + name + "_b"] = random({out}, 0.02);
  };
  layer("qkv", width, 3 * width);
  layer("o", width, width);
  layer("f1", width, inner);
  layer("f2", inner, width);
  for (const char* name : {"n1", "n2"}) {
    p[pre + name + "g"] = ones({width});
    p[pre + name + "b"] = zeros({width});
  }
}

constexpr Block kBlock{8, 128, 384, 12};

Tensor block(const Params& p, const Tensors& in) {
  Tensor x = norm(in[0] + self_attention(in[0], p, "", kBlock, false), p, "n1");
  return norm(x + affine(gelu(affine(x, p, "f1")), p, "f2"), p, "n2");
}

struct Gpt {
  int64_t layers, vocabulary;
  Block block;
};
constexpr Gpt kGpt{6, 4096, {8, 128, 384, 6}};

Tensor gpt(const Params& p, const Tensors& in) {
  Tensor h = embedding(in[0], p.at("tok")) + p.at("pos");
  for (int64_t k = 0; k < kGpt.layers; k++) {
    std::string pre = "b" + std::to_string(k) + "_";
    h = h + self_attention(norm(h, p, pre + "n1"), p, pre, kGpt.block, true);
    h = h + affine(gelu_tanh(affine(norm(h, p, pre + "n2"), p, pre + "f1")), p, pre + "f2");
  }
  return affine(norm(h, p, "nf"), p, "head");
}
Tensor gpt_loss(const Params& p, const Tensors& in) {
  return cross_entropy(reshape(gpt(p, in), {-1, kGpt.vocabulary}), in[1]);
}
void make_gpt(Params& p, Tensors& x) {
  const Block& b = kGpt.block;
  p["tok"] = random({kGpt.vocabulary, b.width}, 0.1);
  p["pos"] = random({b.positions, b.width}, 0.02);
  p["nfg"] = ones({b.width});
  p["nfb"] = zeros({b.width});
  p["head_w"] = random({b.width, kGpt.vocabulary}, 1 / std::sqrt(static_cast<double>(b.width)));
  p["head_b"] = zeros({kGpt.vocabulary});
  for (int64_t k = 0; k < kGpt.layers; k++)
    make_block_params(p, "b" + std::to_string(k) + "_", b.width, 4 * b.width);
  x = {random_classes({b.samples, b.positions}, kGpt.vocabulary),
       random_classes({b.samples * b.positions}, kGpt.vocabulary)};
}

// A sentence's encoder (Wang et al., MiniLM, 2020): blocks with norms behind, the mean of
// positions.
struct Encoder {
  int64_t layers, vocabulary, width, heads, inner;
};
constexpr Encoder kEncoder{6, 30522, 384, 12, 1536};
constexpr int64_t kTexts[] = {9, 17, 40, 64, 128}; // tokens

Tensor encode(const Params& p, const Tensors& in) {
  const int64_t tokens = in[0].size(1);
  const Block b{1, tokens, kEncoder.width, kEncoder.heads};
  Tensor h = norm(embedding(in[0], p.at("tok")) + slice(p.at("pos"), 0, 0, tokens), p, "n0");
  for (int64_t k = 0; k < kEncoder.layers; k++) {
    const std::string pre = "b" + std::to_string(k) + "_";
    h = norm(h + self_attention(h, p, pre, b, false), p, pre + "n1");
    h = norm(h + affine(gelu(affine(h, p, pre + "f1")), p, pre + "f2"), p, pre + "n2");
  }
  return mean(h, 1);
}
void make_encoder(Params& p, Tensors& x) {
  p["tok"] = random({kEncoder.vocabulary, kEncoder.width}, 0.1);
  p["pos"] = random({512, kEncoder.width}, 0.02);
  p["n0g"] = ones({kEncoder.width});
  p["n0b"] = zeros({kEncoder.width});
  for (int64_t k = 0; k < kEncoder.layers; k++)
    make_block_params(p, "b" + std::to_string(k) + "_", kEncoder.width, kEncoder.inner);
  for (int64_t tokens : kTexts)
    x.push_back(random_classes({1, tokens}, kEncoder.vocabulary));
}
double encoder_flops() {
  double flops = 0;
  for (double tokens : kTexts)
    flops += 2 * tokens * kEncoder.layers * kEncoder.width *
             (4 * kEncoder.width + 2 * kEncoder.inner + 2 * tokens);
  return flops;
}

//===--- Convolution --------------------------------------------------------------------------===//

Tensor conv_norm(const Tensor& x, const Params& p, const std::string& name, int64_t stride,
                 int64_t padding) {
  return batch_norm(conv2d(x, p.at(name + "_cw"), {}, stride, padding), p.at(name + "m"),
                    p.at(name + "v"), p.at(name + "g"), p.at(name + "b"));
}
void make_conv(Params& p, const std::string& name, int64_t in, int64_t out, int64_t kernel) {
  double terms = static_cast<double>(in * kernel * kernel);
  p[name + "_cw"] = random({out, in, kernel, kernel}, std::sqrt(2 / terms));
  p[name + "g"] = random({out}, 0.1) + 1.0;
  p[name + "b"] = random({out}, 0.1);
  p[name + "m"] = random({out}, 0.1);
  p[name + "v"] = abs(random({out}, 0.1) + 1.0);
}

Tensor conv_block(const Params& p, const Tensors& x) { return relu(conv_norm(x[0], p, "c", 1, 1)); }

// ResNet-18 (He et al., Deep residual learning, 2015): channels in and out, and stride, of its
// blocks.
struct Stage {
  int64_t in, out, stride;
};
constexpr Stage kStages[] = {{64, 64, 1},   {64, 64, 1},   {64, 128, 2},  {128, 128, 1},
                             {128, 256, 2}, {256, 256, 1}, {256, 512, 2}, {512, 512, 1}};

Tensor resnet(const Params& p, const Tensors& in) {
  Tensor x = max_pool2d(relu(conv_norm(in[0], p, "stem", 2, 3)), 3, 2, 1);
  for (size_t k = 0; k < std::size(kStages); k++) {
    const Stage& s = kStages[k];
    std::string name = "r" + std::to_string(k);
    Tensor y = relu(conv_norm(x, p, name + "a", s.stride, 1));
    y = conv_norm(y, p, name + "b", 1, 1);
    x = relu(y + (s.in == s.out ? x : conv_norm(x, p, name + "d", s.stride, 0)));
  }
  return affine(mean(x, {2, 3}), p, "fc");
}
void make_resnet(Params& p, Tensors& x) {
  make_conv(p, "stem", 3, 64, 7);
  for (size_t k = 0; k < std::size(kStages); k++) {
    const Stage& s = kStages[k];
    std::string name = "r" + std::to_string(k);
    make_conv(p, name + "a", s.in, s.out, 3);
    make_conv(p, name + "b", s.out, s.out, 3);
    if (s.in != s.out) make_conv(p, name + "d", s.in, s.out, 1);
  }
  p["fc_w"] = random({512, 1000}, 1 / std::sqrt(512.0));
  p["fc_b"] = zeros({1000});
  x = {random({1, 3, 224, 224})};
}

} // namespace

std::vector<Workload> network_workloads() {
  const double block_flops = 2.0 * 1024 * 384 * (4 * 384 + 2 * 1536) + 4.0 * 8 * 128 * 128 * 384;
  const double gpt_flops = 6 * (block_flops - 2.0 * 8 * 128 * 128 * 384) + 2.0 * 1024 * 384 * 4096;
  std::vector<Workload> all;
  all.push_back({.name = "block_inf",
                 .about = "a transformer block, batch 8 of 128 positions, width 384, 12 heads",
                 .function = block,
                 .make =
                     [](Params& p, Tensors& x) {
                       make_block_params(p, "", kBlock.width, 4 * kBlock.width);
                       x = {random({kBlock.samples, kBlock.positions, kBlock.width})};
                     },
                 .limit = LimitClass::flops,
                 .flops = block_flops,
                 .reach = 1.2});
  all.push_back({.name = "convblock",
                 .about = "relu(batch_norm(conv 3x3)) of 64 channels, 56 x 56",
                 .function = conv_block,
                 .make =
                     [](Params& p, Tensors& x) {
                       make_conv(p, "c", 64, 64, 3);
                       x = {random({1, 64, 56, 56})};
                     },
                 .limit = LimitClass::flops,
                 .flops = 2.0 * 56 * 56 * 64 * 64 * 9,
                 .reach = 1.05});
  all.push_back({.name = "resnet18",
                 .about = "ResNet-18 of one image, 224 x 224",
                 .function = resnet,
                 .make = make_resnet,
                 .limit = LimitClass::flops,
                 .flops = 2 * 1.814e9,
                 .reach = 1.05});
  all.push_back({.name = "gpt_inf",
                 .about = "the logits of a GPT: 6 layers of width 384, batch 8 of 128 positions",
                 .function = gpt,
                 .make = make_gpt,
                 .limit = LimitClass::flops,
                 .flops = gpt_flops});
  all.push_back({.name = "gpt_train",
                 .about = "a training step of it with AdamW",
                 .kind = Kind::training,
                 .function = gpt_loss,
                 .make = make_gpt,
                 .limit = LimitClass::flops,
                 .flops = 3 * gpt_flops,
                 .weight_decay = 0.01,
                 .reach = 1.3});
  all.push_back({.name = "encoder",
                 .about = "a sentence encoder of 6 layers of width 384 on 5 texts, one by one, of "
                          "9 to 128 tokens",
                 .function = encode,
                 .make = make_encoder,
                 .limit = LimitClass::flops,
                 .flops = encoder_flops(),
                 .each = true,
                 .reach = 1.2});
  return all;
}

} // namespace weft::bench
