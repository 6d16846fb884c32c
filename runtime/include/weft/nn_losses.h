// Losses as modules, over the functions of weft/ops.h, with PyTorch's names, arguments and
// defaults. Of what a docstring gives for each element `reduction` takes the mean, the sum, or each
// by itself:
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

/// Computes |x - target|.
class L1Loss : public ModuleOf<L1Loss> {
public:
  explicit L1Loss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// Computes (x - target)^2.
class MSELoss : public ModuleOf<MSELoss> {
public:
  explicit MSELoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// Computes d^2 / (2 beta) where d = |x - target| is below beta, else d - beta / 2.
class SmoothL1Loss : public ModuleOf<SmoothL1Loss> {
public:
  explicit SmoothL1Loss(Reduce reduction = Reduce::mean, double beta = 1)
      : reduction_(reduction), beta_(beta) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  double beta_;
};

/// Computes d^2 / 2 where d = |x - target| is below delta, else delta (d - delta / 2) (Huber,
/// 1964).
class HuberLoss : public ModuleOf<HuberLoss> {
public:
  explicit HuberLoss(Reduce reduction = Reduce::mean, double delta = 1)
      : reduction_(reduction), delta_(delta) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  double delta_;
};

/// What PoissonNLLLoss is given, and its terms.
struct PoissonNLLLossOptions {
  bool log_input = true; // x holds logarithms of rates
  bool full = false;     // adds Stirling's approximation of log(target!) for targets above 1
  double eps = 1e-8;     // added to a rate before its logarithm is taken
  Reduce reduction = Reduce::mean;
};
/// Computes the negative log-likelihood of counts, given their rates or, with log_input, the rates'
/// logarithms.
class PoissonNLLLoss : public ModuleOf<PoissonNLLLoss> {
public:
  explicit PoissonNLLLoss(const PoissonNLLLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  PoissonNLLLossOptions options_;
};

/// The terms of GaussianNLLLoss.
struct GaussianNLLLossOptions {
  bool full = false; // adds log(2 pi) / 2
  double eps = 1e-6; // the least variance that counts
  Reduce reduction = Reduce::mean;
};
/// Computes the negative log-likelihood of target, given mean x and variance. Throws Error (value)
/// for a negative variance.
class GaussianNLLLoss : public ModuleOf<GaussianNLLLoss> {
public:
  explicit GaussianNLLLoss(const GaussianNLLLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x, const Tensor& target, const Tensor& var);

private:
  GaussianNLLLossOptions options_;
};

//===--- Of classes ---------------------------------------------------------------------------===//

/// What counts how much in CrossEntropyLoss.
struct CrossEntropyLossOptions {
  Tensor weight = {};          // [C], a factor for each class; none: 1
  int64_t ignore_index = -100; // targets of this number count for nothing
  Reduce reduction = Reduce::mean;
  double label_smoothing = 0; // share of each target that is spread over all classes
};
/// Computes the negative log-likelihood of classes, given logits [N, C, ...] or [C]: target holds
/// class numbers, [N, ...], or probabilities of the shape of x.
class CrossEntropyLoss : public ModuleOf<CrossEntropyLoss> {
public:
  explicit CrossEntropyLoss(const CrossEntropyLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  CrossEntropyLossOptions options_;
};

/// What counts how much in NLLLoss; as for CrossEntropyLoss.
struct NLLLossOptions {
  Tensor weight = {};
  int64_t ignore_index = -100;
  Reduce reduction = Reduce::mean;
};
/// Computes the same of class numbers, given log-probabilities.
class NLLLoss : public ModuleOf<NLLLoss> {
public:
  explicit NLLLoss(const NLLLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  NLLLossOptions options_;
};

/// What counts how much in BCELoss.
struct BCELossOptions {
  Tensor weight = {}; // a factor for each element, broadcast; none: 1
  Reduce reduction = Reduce::mean;
};
/// Computes the negative log-likelihood of target, given probabilities of the same shape. Throws
/// Error (value) for a probability out of 0 .. 1; logarithms count as at least -100.
class BCELoss : public ModuleOf<BCELoss> {
public:
  explicit BCELoss(const BCELossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  BCELossOptions options_;
};

/// What counts how much in BCEWithLogitsLoss.
struct BCEWithLogitsLossOptions {
  Tensor weight = {}; // a factor for each element, broadcast; none: 1
  Reduce reduction = Reduce::mean;
  Tensor pos_weight = {}; // a factor for each class where the target is 1; none: 1
};
/// Computes BCELoss of sigmoid(x), without overflow.
class BCEWithLogitsLoss : public ModuleOf<BCEWithLogitsLoss> {
public:
  explicit BCEWithLogitsLoss(const BCEWithLogitsLossOptions& options = {},
                             Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  BCEWithLogitsLossOptions options_;
};

/// Computes the Kullback-Leibler divergence of target from x, which holds logarithms; target does
/// so too with log_target.
class KLDivLoss : public ModuleOf<KLDivLoss> {
public:
  explicit KLDivLoss(Reduce reduction = Reduce::mean, bool log_target = false)
      : reduction_(reduction), log_target_(log_target) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
  bool log_target_;
};

/// The margin of MultiMarginLoss, and what it counts for.
struct MultiMarginLossOptions {
  int64_t p = 1; // or 2
  double margin = 1;
  Tensor weight = {}; // [C], a factor for each target class; none: 1
  Reduce reduction = Reduce::mean;
};
/// Computes how far the target's element of x [N, C] is from being greater by margin than each
/// other one, to the power of p, divided by C.
class MultiMarginLoss : public ModuleOf<MultiMarginLoss> {
public:
  explicit MultiMarginLoss(const MultiMarginLossOptions& options = {}, Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  MultiMarginLossOptions options_;
};

/// Computes how far the elements of the target classes are from being greater by 1 than the others.
/// A row of target, which has the shape of x, lists classes and ends at a negative number.
class MultiLabelMarginLoss : public ModuleOf<MultiLabelMarginLoss> {
public:
  explicit MultiLabelMarginLoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// What counts how much in MultiLabelSoftMarginLoss.
struct MultiLabelSoftMarginLossOptions {
  Tensor weight = {}; // [C], a factor for each class; none: 1
  Reduce reduction = Reduce::mean;
};
/// Computes the mean of BCEWithLogitsLoss over the classes, dim -1.
class MultiLabelSoftMarginLoss : public ModuleOf<MultiLabelSoftMarginLoss> {
public:
  explicit MultiLabelSoftMarginLoss(const MultiLabelSoftMarginLossOptions& options = {},
                                    Loc loc = Loc::current());
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  MultiLabelSoftMarginLossOptions options_;
};

/// Computes log(1 + exp(-target x)) for a target of 1 or -1.
class SoftMarginLoss : public ModuleOf<SoftMarginLoss> {
public:
  explicit SoftMarginLoss(Reduce reduction = Reduce::mean) : reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  Reduce reduction_;
};

/// The alphabet of CTCLoss, and what it makes of a target without an alignment.
struct CTCLossOptions {
  int64_t blank = 0; // the class that stands for no letter
  Reduce reduction = Reduce::mean;
  bool zero_infinity = false; // an infinite loss counts as 0
};
/// Computes the negative log-likelihood of targets over all their alignments with log_probs [T, N,
/// C] (Graves et al., ICML 2006).
class CTCLoss : public ModuleOf<CTCLoss> {
public:
  explicit CTCLoss(const CTCLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                 const Tensor& target_lengths);

private:
  CTCLossOptions options_;
};

//===--- Of distances and ranks ---------------------------------------------------------------===//

/// Computes x where target is 1, max(0, margin - x) where it is -1.
class HingeEmbeddingLoss : public ModuleOf<HingeEmbeddingLoss> {
public:
  explicit HingeEmbeddingLoss(double margin = 1, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

/// Computes 1 - cos(x1, x2) where target is 1, max(0, cos(x1, x2) - margin) where it is -1.
class CosineEmbeddingLoss : public ModuleOf<CosineEmbeddingLoss> {
public:
  explicit CosineEmbeddingLoss(double margin = 0, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x1, const Tensor& x2, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

/// Computes max(0, margin - target (x1 - x2)): how far x1 and x2 are from the order that target, 1
/// or -1, wants.
class MarginRankingLoss : public ModuleOf<MarginRankingLoss> {
public:
  explicit MarginRankingLoss(double margin = 0, Reduce reduction = Reduce::mean)
      : margin_(margin), reduction_(reduction) {}
  Tensor forward(const Tensor& x1, const Tensor& x2, const Tensor& target);

private:
  double margin_;
  Reduce reduction_;
};

/// The distance of TripletMarginLoss, and its margin.
struct TripletMarginLossOptions {
  double margin = 1;
  double p = 2;
  double eps = 1e-6;
  bool swap = false;
  Reduce reduction = Reduce::mean;
};
/// Computes max(0, d(anchor, positive) - d(anchor, negative) + margin) with the p-norm of the
/// difference as d. With `swap` the lesser of d(anchor, negative) and d(positive, negative) counts.
class TripletMarginLoss : public ModuleOf<TripletMarginLoss> {
public:
  explicit TripletMarginLoss(const TripletMarginLossOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);

private:
  TripletMarginLossOptions options_;
};

/// The distance of TripletMarginWithDistanceLoss, and its margin.
struct TripletMarginWithDistanceLossOptions {
  DistanceFunction distance_function = {}; // empty: pairwise_distance
  double margin = 1;
  bool swap = false;
  Reduce reduction = Reduce::mean;
};
/// Computes TripletMarginLoss by a distance of choice.
class TripletMarginWithDistanceLoss : public ModuleOf<TripletMarginWithDistanceLoss> {
public:
  explicit TripletMarginWithDistanceLoss(const TripletMarginWithDistanceLossOptions& options = {})
      : options_(options) {}
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);

private:
  TripletMarginWithDistanceLossOptions options_;
};

} // namespace weft::nn
