#include "weft/nn_losses.h"

namespace weft::nn {

Tensor L1Loss::forward(const Tensor& x, const Tensor& target) {
  return l1_loss(x, target, reduction_);
}

Tensor MSELoss::forward(const Tensor& x, const Tensor& target) {
  return mse_loss(x, target, reduction_);
}

Tensor SmoothL1Loss::forward(const Tensor& x, const Tensor& target) {
  return smooth_l1_loss(x, target, reduction_, beta_);
}

Tensor HuberLoss::forward(const Tensor& x, const Tensor& target) {
  return huber_loss(x, target, reduction_, delta_);
}

Tensor PoissonNLLLoss::forward(const Tensor& x, const Tensor& target) {
  const PoissonNLLLossOptions& o = options_;
  return poisson_nll_loss(x, target, o.log_input, o.full, o.eps, o.reduction);
}

Tensor GaussianNLLLoss::forward(const Tensor& x, const Tensor& target, const Tensor& var) {
  const GaussianNLLLossOptions& o = options_;
  return gaussian_nll_loss(x, target, var, o.full, o.eps, o.reduction);
}

CrossEntropyLoss::CrossEntropyLoss(const CrossEntropyLossOptions& options, Loc loc)
    : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
}
Tensor CrossEntropyLoss::forward(const Tensor& x, const Tensor& target) {
  const CrossEntropyLossOptions& o = options_;
  return cross_entropy(x, target, o.weight, o.ignore_index, o.reduction, o.label_smoothing);
}

NLLLoss::NLLLoss(const NLLLossOptions& options, Loc loc) : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
}
Tensor NLLLoss::forward(const Tensor& x, const Tensor& target) {
  const NLLLossOptions& o = options_;
  return nll_loss(x, target, o.weight, o.ignore_index, o.reduction);
}

BCELoss::BCELoss(const BCELossOptions& options, Loc loc) : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
}
Tensor BCELoss::forward(const Tensor& x, const Tensor& target) {
  const BCELossOptions& o = options_;
  return binary_cross_entropy(x, target, o.weight, o.reduction);
}

BCEWithLogitsLoss::BCEWithLogitsLoss(const BCEWithLogitsLossOptions& options, Loc loc)
    : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
  if (options.pos_weight.defined()) buffer("pos_weight", options.pos_weight, loc);
}
Tensor BCEWithLogitsLoss::forward(const Tensor& x, const Tensor& target) {
  const BCEWithLogitsLossOptions& o = options_;
  return binary_cross_entropy_with_logits(x, target, o.weight, o.reduction, o.pos_weight);
}

Tensor KLDivLoss::forward(const Tensor& x, const Tensor& target) {
  return kl_div(x, target, reduction_, log_target_);
}

MultiMarginLoss::MultiMarginLoss(const MultiMarginLossOptions& options, Loc loc)
    : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
}
Tensor MultiMarginLoss::forward(const Tensor& x, const Tensor& target) {
  const MultiMarginLossOptions& o = options_;
  return multi_margin_loss(x, target, o.p, o.margin, o.weight, o.reduction);
}

Tensor MultiLabelMarginLoss::forward(const Tensor& x, const Tensor& target) {
  return multilabel_margin_loss(x, target, reduction_);
}

MultiLabelSoftMarginLoss::MultiLabelSoftMarginLoss(const MultiLabelSoftMarginLossOptions& options,
                                                   Loc loc)
    : options_(options) {
  if (options.weight.defined()) buffer("weight", options.weight, loc);
}
Tensor MultiLabelSoftMarginLoss::forward(const Tensor& x, const Tensor& target) {
  const MultiLabelSoftMarginLossOptions& o = options_;
  return multilabel_soft_margin_loss(x, target, o.weight, o.reduction);
}

Tensor SoftMarginLoss::forward(const Tensor& x, const Tensor& target) {
  return soft_margin_loss(x, target, reduction_);
}

Tensor CTCLoss::forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                        const Tensor& target_lengths) {
  const CTCLossOptions& o = options_;
  return ctc_loss(log_probs, targets, input_lengths, target_lengths, o.blank, o.reduction,
                  o.zero_infinity);
}

Tensor HingeEmbeddingLoss::forward(const Tensor& x, const Tensor& target) {
  return hinge_embedding_loss(x, target, margin_, reduction_);
}

Tensor CosineEmbeddingLoss::forward(const Tensor& x1, const Tensor& x2, const Tensor& target) {
  return cosine_embedding_loss(x1, x2, target, margin_, reduction_);
}

Tensor MarginRankingLoss::forward(const Tensor& x1, const Tensor& x2, const Tensor& target) {
  return margin_ranking_loss(x1, x2, target, margin_, reduction_);
}

Tensor TripletMarginLoss::forward(const Tensor& anchor, const Tensor& positive,
                                  const Tensor& negative) {
  const TripletMarginLossOptions& o = options_;
  return triplet_margin_loss(anchor, positive, negative, o.margin, o.p, o.eps, o.swap, o.reduction);
}

Tensor TripletMarginWithDistanceLoss::forward(const Tensor& anchor, const Tensor& positive,
                                              const Tensor& negative) {
  const TripletMarginWithDistanceLossOptions& o = options_;
  return triplet_margin_with_distance_loss(anchor, positive, negative, o.distance_function,
                                           o.margin, o.swap, o.reduction);
}

} // namespace weft::nn
