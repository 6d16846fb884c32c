// Losses of one element each, then a reduction.

#include "runtime/composite/composite.h"
#include "runtime/core/refusal.h"

#include <cmath>
#include <numbers>

namespace weft {

namespace {

using composite::reduced;
using composite::refuse;

// What every loss here starts with.
void check(const char* op, const Arg& x, const Tensor& target, Reduce reduction) {
  require_tensor(x, op);
  composite::require_given(op, "target", target, x.loc());
  composite::require_common(op, reduction, x.loc());
}

void check_same_shape(const char* op, const Arg& x, const Tensor& target) {
  const Meta& m = x.impl()->meta;
  if (m.shape() != target.shape())
    refuse(op, ErrorKind::shape,
           "target must have the shape of x, got " + describe(target.impl()->meta) + " for " +
               describe(m),
           x.loc());
}

// The loss in the dtype of the operands, computed in f32 for bf16.
template <class F> Tensor computed(const Arg& x, const Tensor& target, Reduce reduction, F loss) {
  DType dtype = promote_types(x.impl()->meta.dtype, target.dtype());
  Tensor t = composite::widened(Arg(target, x.loc()));
  return reduced(loss(composite::widened(x), t), reduction).to(dtype);
}

// t log(t), which is 0 where t is.
Tensor entropy(const Tensor& t) {
  Tensor is_zero = t == 0;
  return where(is_zero, 0, t * log(where(is_zero, 1, t)));
}

Tensor hinge(const Tensor& x) { return clamp(x, 0); }

} // namespace

Tensor l1_loss(const Arg& x, const Tensor& target, Reduce reduction, const Tensor& weight) {
  OpScope scope(x.loc());
  check("l1_loss", x, target, reduction);
  composite::require_shape("l1_loss", "weight", weight, x.impl()->meta.shape(), x.loc());
  return reduced(abs(sub(x, target)), weight, reduction);
}

Tensor smooth_l1_loss(const Arg& x, const Tensor& target, Reduce reduction, double beta) {
  OpScope scope(x.loc());
  check("smooth_l1_loss", x, target, reduction);
  if (!(beta >= 0))
    refuse("smooth_l1_loss", ErrorKind::value,
           "beta must not be negative, got " + std::to_string(beta), x.loc());
  if (beta == 0) return l1_loss(x, target, reduction);
  Tensor d = abs(sub(x, target)), near = where(d >= beta, 0, d); // an infinite d has a gradient
  return reduced(where(d < beta, near * near * (0.5 / beta), d - 0.5 * beta), reduction);
}

// Other than that of mse_loss, and as PyTorch's, the mean is over the elements.
Tensor huber_loss(const Arg& x, const Tensor& target, Reduce reduction, double delta,
                  const Tensor& weight) {
  OpScope scope(x.loc());
  check("huber_loss", x, target, reduction);
  composite::require_shape("huber_loss", "weight", weight, x.impl()->meta.shape(), x.loc());
  if (!(delta > 0))
    refuse("huber_loss", ErrorKind::value, "delta must be positive, got " + std::to_string(delta),
           x.loc());
  Tensor d = abs(sub(x, target)), near = where(d > delta, 0, d); // an infinite d has a gradient
  Tensor loss = where(d <= delta, 0.5 * near * near, delta * (d - 0.5 * delta));
  return reduced(weight.defined() ? std::move(loss) * weight : loss, reduction);
}

Tensor kl_div(const Arg& x, const Tensor& target, Reduce reduction, bool log_target) {
  OpScope scope(x.loc());
  check("kl_div", x, target, reduction == Reduce::batchmean ? Reduce::sum : reduction);
  composite::require_floating("kl_div", x);
  composite::require_floating("kl_div", Arg(target, x.loc()));
  Reduce own = reduction == Reduce::batchmean ? Reduce::sum : reduction;
  Tensor loss = computed(x, target, own, [&](const Tensor& a, const Tensor& t) {
    return log_target ? exp(t) * (t - a) : entropy(t) - t * a;
  });
  const Meta& m = x.impl()->meta;
  if (reduction != Reduce::batchmean || m.rank == 0) return loss;
  return std::move(loss) / static_cast<double>(m.sizes[0]);
}

Tensor binary_cross_entropy(const Arg& x, const Tensor& target, const Tensor& weight,
                            Reduce reduction) {
  OpScope scope(x.loc());
  check("binary_cross_entropy", x, target, reduction);
  composite::require_floating("binary_cross_entropy", x);
  check_same_shape("binary_cross_entropy", x, target);
  const RefusalWords words(
      "binary_cross_entropy: x and target must be probabilities in 0 .. 1, got one that is not");
  return computed(x, target, reduction, [&](const Tensor& a, const Tensor& t) {
    const Arg p = checked_range(a, 0.0, 1.0), q = checked_range(t, 0.0, 1.0);
    Tensor loss = pointwise(Op::binary_cross_entropy_value, {&p, &q}, {});
    return weight.defined() ? loss * weight : loss;
  });
}

// With p the weight of positives: (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)).
Tensor binary_cross_entropy_with_logits(const Arg& x, const Tensor& target, const Tensor& weight,
                                        Reduce reduction, const Tensor& pos_weight) {
  OpScope scope(x.loc());
  check("binary_cross_entropy_with_logits", x, target, reduction);
  composite::require_floating("binary_cross_entropy_with_logits", x);
  check_same_shape("binary_cross_entropy_with_logits", x, target);
  return computed(x, target, reduction, [&](const Tensor& a, const Tensor& t) {
    Tensor surprise = logsigmoid(a);
    if (pos_weight.defined()) surprise = (1 + (pos_weight - 1) * t) * surprise;
    Tensor loss = (1 - t) * a - surprise;
    return weight.defined() ? loss * weight : loss;
  });
}

Tensor poisson_nll_loss(const Arg& x, const Tensor& target, bool log_input, bool full, double eps,
                        Reduce reduction) {
  OpScope scope(x.loc());
  check("poisson_nll_loss", x, target, reduction);
  const bool counts_alone = !is_floating(promote_types(x.impl()->meta.dtype, target.dtype()));
  const Arg rates(counts_alone ? x.tensor().to(f32) : x.tensor(), x.loc());
  return computed(rates, target, reduction, [&](const Tensor& a, const Tensor& t) {
    Tensor loss = log_input ? exp(a) - t * a : a - t * log(a + eps);
    if (!full) return loss;
    Tensor counts = t > 1, safe = where(counts, t, 1.0);
    Tensor stirling = safe * log(safe) - safe + 0.5 * log(2 * std::numbers::pi * safe);
    return loss + where(counts, stirling, 0.0);
  });
}

Tensor gaussian_nll_loss(const Arg& x, const Tensor& target, const Tensor& var, bool full,
                         double eps, Reduce reduction) {
  OpScope scope(x.loc());
  check("gaussian_nll_loss", x, target, reduction);
  composite::require_given("gaussian_nll_loss", "var", var, x.loc());
  Shape shape = x.impl()->meta.shape();
  Tensor variance = composite::widened(Arg(var, x.loc()));
  bool lacks_last = variance.rank() + 1 == shape.size() && shape != variance.shape();
  if (lacks_last) variance = unsqueeze(variance, -1); // one variance for a row
  const RefusalWords words("gaussian_nll_loss: var must not be negative, got one that is");
  variance = checked_range(variance, 0.0, std::numeric_limits<double>::infinity());
  Tensor missing;
  {
    NoGrad no_grad;
    missing = clamp(variance, eps) - variance;
  }
  Tensor safe = where(variance < eps, variance + missing, variance);
  return computed(x, target, reduction, [&](const Tensor& a, const Tensor& t) {
    Tensor d = a - t;
    Tensor loss = 0.5 * (log(safe) + d * d / safe);
    return full ? loss + 0.5 * std::log(2 * std::numbers::pi) : loss;
  });
}

Tensor triplet_margin_loss(const Arg& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, Reduce reduction) {
  OpScope scope(anchor.loc());
  check("triplet_margin_loss", anchor, positive, reduction);
  composite::require_given("triplet_margin_loss", "negative", negative, anchor.loc());
  if (!(margin > 0))
    refuse("triplet_margin_loss", ErrorKind::value,
           "margin must be greater than 0, got " + std::to_string(margin), anchor.loc());
  Tensor a = anchor.tensor();
  Tensor near = pairwise_distance(a, positive, p, eps),
         far = pairwise_distance(a, negative, p, eps);
  if (swap) far = minimum(far, pairwise_distance(positive, negative, p, eps));
  return reduced(hinge(near - far + margin), reduction);
}

Tensor triplet_margin_with_distance_loss(const Arg& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const DistanceFunction& distance_function, double margin,
                                         bool swap, Reduce reduction) {
  constexpr const char* op = "triplet_margin_with_distance_loss";
  OpScope scope(anchor.loc());
  check(op, anchor, positive, reduction);
  composite::require_given(op, "negative", negative, anchor.loc());
  if (!(margin > 0))
    refuse(op, ErrorKind::value, "margin must be greater than 0, got " + std::to_string(margin),
           anchor.loc());
  const Tensor a = anchor.tensor();
  if (a.rank() != positive.rank() || a.rank() != negative.rank())
    refuse(op, ErrorKind::shape,
           "anchor, positive and negative must have as many dims, got " + describe(a.impl()->meta) +
               ", " + describe(positive.impl()->meta) + " and " + describe(negative.impl()->meta),
           anchor.loc());
  const auto distance = [&](const Tensor& x, const Tensor& y) {
    if (!distance_function) return pairwise_distance(x, y);
    return composite::require_given(op, "what distance_function returns", distance_function(x, y),
                                    anchor.loc());
  };
  Tensor near = distance(a, positive), far = distance(a, negative);
  if (swap) far = minimum(far, distance(positive, negative));
  return reduced(hinge(near - far + margin), reduction);
}

// The norms here count with a small eps under the root, as PyTorch's do.
Tensor cosine_embedding_loss(const Arg& x1, const Tensor& x2, const Tensor& target, double margin,
                             Reduce reduction) {
  OpScope scope(x1.loc());
  check("cosine_embedding_loss", x1, target, reduction);
  composite::require_given("cosine_embedding_loss", "x2", x2, x1.loc());
  const Meta& m = x1.impl()->meta;
  if (m.rank != target.rank() + 1 || x2.rank() != m.rank)
    refuse("cosine_embedding_loss", ErrorKind::shape,
           "x1 and x2 must have one dim more than target, got " + describe(m) + ", " +
               describe(x2.impl()->meta) + " and " + describe(target.impl()->meta),
           x1.loc());
  constexpr double kEps = 1e-12;
  Tensor a = x1.tensor();
  Tensor squares = (sum(a * a, -1) + kEps) * (sum(x2 * x2, -1) + kEps);
  Tensor cosine = sum(a * x2, -1) / sqrt(squares);
  Tensor apart = where(target == -1, hinge(cosine - margin), 0.0);
  return reduced(where(target == 1, 1 - cosine, 0.0) + apart, reduction);
}

Tensor margin_ranking_loss(const Arg& x1, const Tensor& x2, const Tensor& target, double margin,
                           Reduce reduction) {
  OpScope scope(x1.loc());
  check("margin_ranking_loss", x1, target, reduction);
  composite::require_given("margin_ranking_loss", "x2", x2, x1.loc());
  const Meta& m = x1.impl()->meta;
  if (x2.rank() != m.rank || target.rank() != m.rank)
    refuse("margin_ranking_loss", ErrorKind::shape,
           "x1, x2 and target must have as many dims, got " + describe(m) + ", " +
               describe(x2.impl()->meta) + " and " + describe(target.impl()->meta),
           x1.loc());
  return reduced(hinge(-target * sub(x1, x2) + margin), reduction);
}

Tensor hinge_embedding_loss(const Arg& x, const Tensor& target, double margin, Reduce reduction) {
  OpScope scope(x.loc());
  check("hinge_embedding_loss", x, target, reduction);
  Tensor t = x.tensor();
  Tensor apart = where(target == 1, 0.0, hinge(margin - t));
  return reduced(where(target == -1, 0.0, t) + apart, reduction);
}

Tensor soft_margin_loss(const Arg& x, const Tensor& target, Reduce reduction) {
  OpScope scope(x.loc());
  check("soft_margin_loss", x, target, reduction);
  Tensor loss = softplus(-target * x.tensor());
  if (const Meta& m = x.impl()->meta; loss.shape() != m.shape())
    refuse("soft_margin_loss", ErrorKind::shape,
           "target must broadcast to x, got " + describe(target.impl()->meta) + " for " +
               describe(m),
           x.loc());
  return reduced(loss, reduction);
}

} // namespace weft
