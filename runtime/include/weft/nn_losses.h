// Losses as modules, over the functions of weft/ops.h, with PyTorch's names, arguments and
// defaults:
//
//     nn::CrossEntropyLoss loss({.label_smoothing = 0.1});
//     Tensor l = loss(net(x), y);
//
// A weight is a buffer, saved with the module.
#pragma once

#include "weft/nn.h"
#include "weft/ops.h"

#include <limits>

namespace weft::nn {

//===--- Of numbers ---------------------------------------------------------------------------===//

/// |x - target|.
class L1Loss : public ModuleOf<L1Loss> {
public:
  explicit L1Loss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// (x - target)^2.
class MSELoss : public ModuleOf<MSELoss> {
public:
  explicit MSELoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// Squared below beta, absolute above.
class SmoothL1Loss : public ModuleOf<SmoothL1Loss> {
public:
  explicit SmoothL1Loss(Reduce reduction = Reduce::mean, double beta = 1)
      : reduction_(reduction), beta_(beta) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  double beta_;
};

/// delta times the SmoothL1Loss of beta = delta (Huber, 1964).
class HuberLoss : public ModuleOf<HuberLoss> {
public:
  explicit HuberLoss(Reduce reduction = Reduce::mean, double delta = 1)
      : reduction_(reduction), delta_(delta) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  double delta_;
};

struct PoissonNLLLossOptions {
  bool log_input = true;
  bool full = false;
  double eps = 1e-8;
  Reduce reduction = Reduce::mean;
};
/// Negative log-likelihood of counts, given their rates or the rates' logarithms.
class PoissonNLLLoss : public ModuleOf<PoissonNLLLoss> {
public:
  explicit PoissonNLLLoss(const PoissonNLLLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  PoissonNLLLossOptions options_;
};

struct GaussianNLLLossOptions {
  bool full = false;
  double eps = 1e-6;
  Reduce reduction = Reduce::mean;
};
/// Negative log-likelihood of target, given mean x and variance.
class GaussianNLLLoss : public ModuleOf<GaussianNLLLoss> {
public:
  explicit GaussianNLLLoss(const GaussianNLLLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target, const Tensor& var);

private:
  GaussianNLLLossOptions options_;
};

//===--- Of classes ---------------------------------------------------------------------------===//

struct CrossEntropyLossOptions {
  Tensor weight = {};
  int64_t ignore_index = -100;
  Reduce reduction = Reduce::mean;
  double label_smoothing = 0;
};
/// Negative log-likelihood of classes, or of their probabilities, given logits over dim 1.
class CrossEntropyLoss : public ModuleOf<CrossEntropyLoss> {
public:
  explicit CrossEntropyLoss(const CrossEntropyLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  CrossEntropyLossOptions options_;
};

struct NLLLossOptions {
  Tensor weight = {};
  int64_t ignore_index = -100;
  Reduce reduction = Reduce::mean;
};
/// The same, given log-probabilities.
class NLLLoss : public ModuleOf<NLLLoss> {
public:
  explicit NLLLoss(const NLLLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  NLLLossOptions options_;
};

struct BCELossOptions {
  Tensor weight = {};
  Reduce reduction = Reduce::mean;
};
/// Negative log-likelihood of target, given probabilities.
class BCELoss : public ModuleOf<BCELoss> {
public:
  explicit BCELoss(const BCELossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  BCELossOptions options_;
};

struct BCEWithLogitsLossOptions {
  Tensor weight = {};
  Reduce reduction = Reduce::mean;
  Tensor pos_weight = {};
};
/// The same, given logits.
class BCEWithLogitsLoss : public ModuleOf<BCEWithLogitsLoss> {
public:
  explicit BCEWithLogitsLoss(const BCEWithLogitsLossOptions& options = {},
                             Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  BCEWithLogitsLossOptions options_;
};

/// Kullback-Leibler divergence of target from x, which holds logarithms.
class KLDivLoss : public ModuleOf<KLDivLoss> {
public:
  explicit KLDivLoss(Reduce reduction = Reduce::mean, bool log_target = false)
      : reduction_(reduction), log_target_(log_target) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  bool log_target_;
};

struct MultiMarginLossOptions {
  int64_t p = 1;
  double margin = 1;
  Tensor weight = {};
  Reduce reduction = Reduce::mean;
};
/// How far the target's element is from being greater by margin than each other one.
class MultiMarginLoss : public ModuleOf<MultiMarginLoss> {
public:
  explicit MultiMarginLoss(const MultiMarginLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  MultiMarginLossOptions options_;
};

/// The same for several targets a row, ended by a negative number.
class MultiLabelMarginLoss : public ModuleOf<MultiLabelMarginLoss> {
public:
  explicit MultiLabelMarginLoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

struct MultiLabelSoftMarginLossOptions {
  Tensor weight = {};
  Reduce reduction = Reduce::mean;
};
/// The mean over the classes of BCEWithLogitsLoss.
class MultiLabelSoftMarginLoss : public ModuleOf<MultiLabelSoftMarginLoss> {
public:
  explicit MultiLabelSoftMarginLoss(const MultiLabelSoftMarginLossOptions& options = {},
                                    Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  MultiLabelSoftMarginLossOptions options_;
};

/// Logistic loss of x for a target of 1 or -1.
class SoftMarginLoss : public ModuleOf<SoftMarginLoss> {
public:
  explicit SoftMarginLoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

struct CTCLossOptions {
  int64_t blank = 0;
  Reduce reduction = Reduce::mean;
  bool zero_infinity = false;
};
/// Negative log-likelihood of targets over all their alignments (Graves et al., ICML 2006).
class CTCLoss : public ModuleOf<CTCLoss> {
public:
  explicit CTCLoss(const CTCLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                 const Tensor& target_lengths);

private:
  CTCLossOptions options_;
};

//===--- Of distances and ranks ---------------------------------------------------------------===//

/// x where target is 1, what margin exceeds x by where it is -1.
class HingeEmbeddingLoss : public ModuleOf<HingeEmbeddingLoss> {
public:
  explicit HingeEmbeddingLoss(double margin = 1, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

/// 1 minus the cosine where target is 1, what the cosine exceeds margin by where it is -1.
class CosineEmbeddingLoss : public ModuleOf<CosineEmbeddingLoss> {
public:
  explicit CosineEmbeddingLoss(double margin = 0, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x1, const Tensor& x2, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

/// How far x1 and x2 are from the order that target, 1 or -1, wants.
class MarginRankingLoss : public ModuleOf<MarginRankingLoss> {
public:
  explicit MarginRankingLoss(double margin = 0, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x1, const Tensor& x2, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

struct TripletMarginLossOptions {
  double margin = 1;
  double p = 2;
  double eps = 1e-6;
  bool swap = false;
  Reduce reduction = Reduce::mean;
};
/// How much further than margin the anchor is from negative than from positive.
class TripletMarginLoss : public ModuleOf<TripletMarginLoss> {
public:
  explicit TripletMarginLoss(const TripletMarginLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);

private:
  TripletMarginLossOptions options_;
};

struct TripletMarginWithDistanceLossOptions {
  DistanceFunction distance_function = {}; // pairwise_distance
  double margin = 1;
  bool swap = false;
  Reduce reduction = Reduce::mean;
};
/// TripletMarginLoss by a distance of choice.
class TripletMarginWithDistanceLoss : public ModuleOf<TripletMarginWithDistanceLoss> {
public:
  explicit TripletMarginWithDistanceLoss(const TripletMarginWithDistanceLossOptions& options = {})
      : options_(options) {}
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);

private:
  TripletMarginWithDistanceLossOptions options_;
};

} // namespace weft::nn
