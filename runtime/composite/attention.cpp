// scaled_dot_product_attention over matmul and softmax's parts. Scores are kept in f32 for bf16.

#include "runtime/composite/composite.h"

#include <cmath>

namespace weft {

namespace {

constexpr const char* kOp = "scaled_dot_product_attention";
constexpr double kMasked = -std::numeric_limits<double>::infinity();

void check(const Arg& query, const Arg& key, const Arg& value, const Tensor& mask, bool is_causal) {
  const Meta &q = require_tensor(query, kOp).meta, &k = require_tensor(key, kOp).meta,
             &v = require_tensor(value, kOp).meta;
  composite::require_floating(kOp, query);
  bool fits = q.rank >= 2 && k.rank >= 2 && v.rank >= 2 && q.dtype == k.dtype &&
              q.dtype == v.dtype && q.sizes[q.rank - 1] == k.sizes[k.rank - 1] &&
              k.sizes[k.rank - 2] == v.sizes[v.rank - 2];
  if (!fits)
    composite::refuse(
        kOp, ErrorKind::shape,
        "query [..., L, E], key [..., S, E] and value [..., S, V] must have one dtype, "
        "got " +
            describe(q) + ", " + describe(k) + " and " + describe(v),
        query.loc());
  if (!mask.defined()) return;
  if (mask.dtype() != boolean && !is_floating(mask.dtype()))
    composite::refuse(kOp, ErrorKind::dtype,
                      "attn_mask must be bool or floating, got " + describe(mask.impl()->meta),
                      query.loc());
  if (is_causal)
    composite::refuse(kOp, ErrorKind::value, "attn_mask must not be given with is_causal, got both",
                      query.loc());
}

// Heads of keys and values as often as those of queries: [B, H, ...] becomes [B, H * n, ...].
Tensor repeated_heads(const Tensor& t, int64_t heads, const Loc& loc) {
  int64_t own = t.rank() < 3 ? 1 : t.size(-3);
  if (own == heads) return t;
  if (t.rank() < 3 || own == 0 || heads % own)
    composite::refuse(kOp, ErrorKind::shape,
                      "the heads of query must be a multiple of those of key and value, got " +
                          std::to_string(heads) + " and " + std::to_string(own),
                      loc);
  Shape wide = t.shape();
  wide.resize(wide.size() + 1);
  int at = t.rank() - 2; // the new dim, behind the heads
  std::copy_backward(wide.begin() + at, wide.end() - 1, wide.end());
  wide[at] = heads / own;
  Shape sizes = t.shape();
  sizes[at - 1] = heads;
  return reshape(expand(unsqueeze(t, at), wide), sizes);
}

Tensor masked(Tensor scores, const Tensor& mask, bool is_causal) {
  if (is_causal) {
    Tensor rows = unsqueeze(arange(scores.size(-2)), 1), columns = arange(scores.size(-1));
    return where(columns <= rows, scores, kMasked);
  }
  if (!mask.defined()) return scores;
  if (mask.dtype() == boolean) return where(mask, scores, kMasked);
  return std::move(scores) + composite::widened(mask);
}

// softmax over keys, and 0 where every key is masked.
Tensor weights_of(const Tensor& scores, bool may_be_empty) {
  if (!may_be_empty) return softmax(scores, -1);
  Tensor highest; // only keeps exp from overflowing
  {
    NoGrad no_grad;
    highest = max(scores, -1, true);
    highest = where(highest == kMasked, 0.0, highest);
  }
  Tensor e = exp(scores - highest);
  Tensor total = sum(e, -1, true);
  return e / where(total == 0, 1, total);
}

} // namespace

Tensor scaled_dot_product_attention(const Arg& query, const Arg& key, const Arg& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  OpScope scope(query.loc());
  check(query, key, value, attn_mask, is_causal);
  const DeviceScope place = composite::beside(query);
  DType dtype = query.impl()->meta.dtype;
  Tensor q = composite::widened(query), k = composite::widened(key), v = composite::widened(value);
  if (enable_gqa) {
    int64_t heads = q.rank() < 3 ? 1 : q.size(-3);
    k = repeated_heads(k, heads, query.loc());
    v = repeated_heads(v, heads, query.loc());
  }
  double factor = scale.value_or(1 / std::sqrt(static_cast<double>(q.size(-1))));
  Tensor scores = matmul(q, transpose(k, -2, -1)) * factor;
  if (k.size(-2) == 0 || scores.numel() == 0) return matmul(scores, v).to(dtype);
  scores = masked(std::move(scores), attn_mask, is_causal);
  Tensor weights = weights_of(scores, attn_mask.defined());
  if (dropout_p != 0) weights = dropout(std::move(weights), dropout_p);
  return matmul(weights, v).to(dtype);
}

} // namespace weft
