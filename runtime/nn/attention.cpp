#include "weft/nn_layers.h"

#include "runtime/core/fail_at.h"
#include "weft/device.h"
#include "weft/nn_init.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace weft::nn {

namespace {

constexpr double kMasked = -std::numeric_limits<double>::infinity();

// A mask as numbers to add; where it is bool, true is what does not count.
Tensor added(const Tensor& mask, DType dtype) {
  const DeviceScope place(mask.device());
  if (mask.dtype() != boolean) return mask.to(dtype);
  return where(mask, full({}, kMasked, dtype), zeros({}, dtype));
}

} // namespace

MultiheadAttention::MultiheadAttention(int64_t embed_dim, int64_t num_heads,
                                       AttentionOptions options, Loc loc)
    : out_proj(std::max<int64_t>(embed_dim, 0), std::max<int64_t>(embed_dim, 0), options.bias,
               options.dtype, loc),
      heads_(num_heads), options_(options) {
  LocScope scope(loc);
  if (embed_dim < 1 || num_heads < 1 || embed_dim % num_heads)
    fail_at(
        ErrorKind::value,
        fmt::format("MultiheadAttention: embed_dim must be a multiple of num_heads, got {} and {}",
                    embed_dim, num_heads),
        loc);
  auto make = [&](const char* name, int64_t rows, int64_t columns) {
    return parameter(name, init::xavier_uniform_(empty({rows, columns}, options.dtype)), loc);
  };
  int64_t kdim = options.kdim.value_or(embed_dim), vdim = options.vdim.value_or(embed_dim);
  if (kdim < 1 || vdim < 1)
    fail_at(ErrorKind::value,
            fmt::format("MultiheadAttention: kdim and vdim must be positive, got {} and {}", kdim,
                        vdim),
            loc);
  if (kdim == embed_dim && vdim == embed_dim) {
    in_proj_weight = make("in_proj_weight", 3 * embed_dim, embed_dim);
  } else {
    q_proj_weight = make("q_proj_weight", embed_dim, embed_dim);
    k_proj_weight = make("k_proj_weight", embed_dim, kdim);
    v_proj_weight = make("v_proj_weight", embed_dim, vdim);
  }
  if (options.bias) {
    in_proj_bias = parameter("in_proj_bias", zeros({3 * embed_dim}, options.dtype), loc);
    NoGrad no_grad;
    out_proj.bias.zero_();
  }
  child("out_proj", out_proj, loc);
}

// Both masks as one that broadcasts to [N, heads, L, S].
Tensor MultiheadAttention::merged_mask(const AttentionMasks& masks, int64_t samples) const {
  DType dtype = out_proj.weight.dtype();
  Tensor merged;
  if (masks.attn_mask.defined()) {
    merged = added(masks.attn_mask, dtype);
    if (merged.rank() == 3)
      merged = reshape(merged, {samples, heads_, merged.size(1), merged.size(2)});
  }
  if (masks.key_padding_mask.defined()) {
    Tensor keys = added(masks.key_padding_mask, dtype); // [N, S], or [S] of one sample
    keys = reshape(keys, {samples, 1, 1, keys.size(-1)});
    merged = merged.defined() ? merged + keys : keys;
  }
  return merged;
}

Tensor MultiheadAttention::weight_of(int64_t part) const {
  if (!in_proj_weight.defined())
    return part == 0 ? q_proj_weight : part == 1 ? k_proj_weight : v_proj_weight;
  int64_t width = in_proj_weight.size(1);
  return slice(in_proj_weight, 0, part * width, (part + 1) * width);
}

MultiheadAttention::Heads MultiheadAttention::heads_of(const Tensor& query, const Tensor& key,
                                                       const Tensor& value,
                                                       const AttentionMasks& masks,
                                                       bool masks_causality) const {
  const int64_t width = out_proj.weight.size(1);
  const Tensor weights[] = {weight_of(0), weight_of(1), weight_of(2)};
  const Tensor* operands[] = {&query, &key, &value};
  for (int part = 0; part < 3; part++)
    if (const Tensor& t = *operands[part]; (t.rank() != 2 && t.rank() != 3) ||
                                           t.rank() != query.rank() ||
                                           t.size(-1) != weights[part].size(1))
      fail_at(ErrorKind::shape,
              fmt::format("MultiheadAttention: operands must be [L, N, E], [N, L, E] with "
                          "batch_first, or [L, E] with E of {}, {} and {}, got {}, {} and {}",
                          weights[0].size(1), weights[1].size(1), weights[2].size(1),
                          query.shape().str(), key.shape().str(), value.shape().str()),
              {});
  const bool lacks_samples = query.rank() == 2;
  auto project = [&](int64_t part) {
    Tensor x = lacks_samples ? unsqueeze(*operands[part], 0) : *operands[part];
    Tensor bias = in_proj_bias.defined() ? slice(in_proj_bias, 0, part * width, (part + 1) * width)
                                         : Tensor();
    Tensor y = linear(x, weights[part], bias);
    y = reshape(y, {y.size(0), y.size(1), heads_, width / heads_});
    return options_.batch_first || lacks_samples ? permute(y, {0, 2, 1, 3})
                                                 : permute(y, {1, 2, 0, 3});
  };
  Heads h{project(0), project(1), project(2), Tensor(), masks.is_causal};
  h.mask = merged_mask(masks, h.q.size(0));
  if (!h.is_causal || (!h.mask.defined() && !masks_causality)) return h;
  const DeviceScope place(h.q.device());
  Tensor rows = unsqueeze(arange(h.q.size(2)), 1), columns = arange(h.k.size(2));
  Tensor others = h.mask.defined() ? h.mask : zeros({}, h.q.dtype());
  h.mask = where(columns <= rows, others, kMasked);
  h.is_causal = false;
  return h;
}

// heads: [N, heads, L, E / heads]
Tensor MultiheadAttention::joined(const Tensor& heads, bool lacks_samples) {
  Tensor y = options_.batch_first || lacks_samples ? permute(heads, {0, 2, 1, 3})
                                                   : permute(heads, {2, 0, 1, 3});
  y = out_proj(reshape(y, {y.size(0), y.size(1), out_proj.weight.size(1)}));
  return lacks_samples ? squeeze(y, 0) : y;
}

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) {
  Heads h = heads_of(query, key, value, masks, false);
  Tensor y = scaled_dot_product_attention(h.q, h.k, h.v, h.mask,
                                          is_training() ? options_.dropout : 0, h.is_causal);
  return joined(y, query.rank() == 2);
}

std::pair<Tensor, Tensor> MultiheadAttention::with_weights(const Tensor& query, const Tensor& key,
                                                           const Tensor& value,
                                                           const AttentionMasks& masks,
                                                           bool average_attn_weights, Loc loc) {
  LocScope scope(loc);
  Heads h = heads_of(query, key, value, masks, true);
  Tensor scores = matmul(h.q / std::sqrt(static_cast<double>(h.q.size(-1))),
                         transpose(h.k, -2, -1)); // [N, heads, L, S]
  if (h.mask.defined()) scores = scores + h.mask;
  Tensor weights = dropout(softmax(scores, -1), options_.dropout, is_training());
  Tensor y = joined(matmul(weights, h.v), query.rank() == 2);
  if (average_attn_weights) weights = mean(weights, 1);
  return {y, query.rank() == 2 ? squeeze(weights, 0) : weights};
}

} // namespace weft::nn
