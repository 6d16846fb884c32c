#include "weft/nn_layers.h"

#include "weft/device.h"

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
    throw Error(
        ErrorKind::value,
        fmt::format("MultiheadAttention: embed_dim must be a multiple of num_heads, got {} and {}",
                    embed_dim, num_heads),
        LocScope::resolve(loc));
  // Glorot and Bengio, AISTATS 2010, of a matrix [3 E, E].
  double bound = std::sqrt(6.0 / static_cast<double>(4 * embed_dim));
  in_proj_weight = parameter(
      "in_proj_weight", uniform({3 * embed_dim, embed_dim}, -bound, bound, options.dtype), loc);
  if (options.bias) {
    in_proj_bias = parameter("in_proj_bias", zeros({3 * embed_dim}, options.dtype), loc);
    NoGrad no_grad;
    out_proj.bias.zero_();
  }
  child("out_proj", out_proj, loc);
}

// Both masks as one that broadcasts to [N, heads, L, S].
Tensor MultiheadAttention::merged_mask(const AttentionMasks& masks, int64_t samples) const {
  DType dtype = options_.dtype;
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

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) {
  int64_t width = in_proj_weight.size(1);
  for (const Tensor* t : {&query, &key, &value})
    if ((t->rank() != 2 && t->rank() != 3) || t->rank() != query.rank() || t->size(-1) != width)
      throw Error(ErrorKind::shape,
                  fmt::format("MultiheadAttention: operands must be [L, N, {0}], [N, L, {0}] with "
                              "batch_first, or [L, {0}], got {1}, {2} and {3}",
                              width, query.shape().str(), key.shape().str(), value.shape().str()),
                  LocScope::resolve(Loc()));
  bool lacks_samples = query.rank() == 2, batch_first = options_.batch_first || lacks_samples;
  // Part k of the projection as [N, heads, L, E / heads].
  auto heads_of = [&](const Tensor& operand, int64_t k) {
    Tensor x = lacks_samples ? unsqueeze(operand, 0) : operand;
    Tensor bias =
        in_proj_bias.defined() ? slice(in_proj_bias, 0, k * width, (k + 1) * width) : Tensor();
    Tensor y = linear(x, slice(in_proj_weight, 0, k * width, (k + 1) * width), bias);
    y = reshape(y, {y.size(0), y.size(1), heads_, width / heads_});
    return batch_first ? permute(y, {0, 2, 1, 3}) : permute(y, {1, 2, 0, 3});
  };
  Tensor q = heads_of(query, 0), k = heads_of(key, 1), v = heads_of(value, 2);
  Tensor mask = merged_mask(masks, q.size(0));
  bool is_causal = masks.is_causal && !mask.defined();
  if (masks.is_causal && mask.defined()) {
    const DeviceScope place(mask.device());
    Tensor rows = unsqueeze(arange(q.size(2)), 1), columns = arange(k.size(2));
    mask = where(columns <= rows, mask, kMasked);
  }
  Tensor y =
      scaled_dot_product_attention(q, k, v, mask, is_training() ? options_.dropout : 0, is_causal);
  y = batch_first ? permute(y, {0, 2, 1, 3}) : permute(y, {2, 0, 1, 3});
  y = out_proj(reshape(y, {y.size(0), y.size(1), width}));
  return lacks_samples ? squeeze(y, 0) : y;
}

} // namespace weft::nn
