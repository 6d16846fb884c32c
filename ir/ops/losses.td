// Losses beside cross_entropy and mse_loss. All end with a reduction of what they give an element.
#ifndef WEFT_IR_OPS_LOSSES_TD
#define WEFT_IR_OPS_LOSSES_TD

include "ir/ops/composite.td"
include "ir/ops/pointwise.td"

def TargetParam : Param<"const Tensor&", "target">;
def WeightsParam : Param<"const Tensor&", "weight", "{}">;
def ReductionParam : Param<"Reduce", "reduction", "Reduce::mean">;

class Loss<string mnemonic, list<Param> parameters> : Composite<mnemonic, parameters> {
  let shapes = "operands broadcast; one element after `reduction`";
  let dtypes = "floating";
}

// Its gradient is bounded where x is 0 or 1, as the limits of the logarithms bound its value.
def BinaryCrossEntropyValue : Pointwise<"binary_cross_entropy_value", (ins Weft_Tensor:$x, Weft_Tensor:$target)> {
  let isOurs = 1;
  let summary = "-(target * log(x) + (1 - target) * log(1 - x)), each logarithm at least -100; `binary_cross_entropy` is its user form";
  let example = "binary_cross_entropy_value(tensor({0.5f, 1.f}), tensor({1.f, 0.f}))";
  let gives = "[ 0.6931, 100.0000] f32[2]";
  let domain = FloatOnly;
  let value = "(target - 1) * max(log(1 - x), -100) - target * max(log(x), -100)";
  let grad = ["dy * (x - target) / max((1 - x) * x, 1e-12)", "dy * (log(1 - x) - log(x))"];
  let samples = [0, 1];
  let inPlace = 0;
  let method = 0;
}
def CheckedRange : Pointwise<"checked_range", (ins Weft_Tensor:$x), [Scalar<"low">, Scalar<"high">]> {
  let isOurs = 1;
  let summary = "x, which must lie in low .. high; else, and where it is NaN, the call fails";
  let example = "checked_range(tensor({0.f, 1.f}), 0, 1)";
  let gives = "[0., 1.] f32[2]";
  let domain = FloatOnly;
  let value = "require((x >= low) & (x <= high), x)";
  let grad = ["dy"];
  let inPlace = 0;
  let samples = [-1, 1];
}

def L1Loss : Loss<"l1_loss", [TensorParam, TargetParam, ReductionParam, WeightsParam]> {
  let summary = "absolute difference of x and target";
  let description = "weight, of the shape of x, has a factor for each element; the mean is over the weights.";
  let example = "l1_loss(tensor({1.f, 2.f}), tensor({1.f, 4.f}))";
  let gives = "1. f32[]";
  let formula = "|x - target|";
}
def SmoothL1Loss : Loss<"smooth_l1_loss", [TensorParam, TargetParam, ReductionParam, Param<"double", "beta", "1">]> {
  let summary = "absolute difference of x and target, rounded off where it is below beta";
  let example = "smooth_l1_loss(tensor({1.f, 2.f}), tensor({1.5f, 4.f}), Reduce::none)";
  let gives = "[0.1250, 1.5000] f32[2]";
  let formula = "d^2 / (2 beta) where d = |x - target| < beta, else d - beta / 2";
}
def HuberLoss : Loss<"huber_loss", [TensorParam, TargetParam, ReductionParam, Param<"double", "delta", "1">, WeightsParam]> {
  let summary = "squared difference of x and target, linear where it is above delta";
  let description = "weight, of the shape of x, has a factor for each element; the mean is over the elements.";
  let example = "huber_loss(tensor({1.f, 2.f}), tensor({1.5f, 4.f}), Reduce::none, 0.5)";
  let gives = "[0.1250, 0.8750] f32[2]";
  let formula = "d^2 / 2 where d = |x - target| <= delta, else delta (d - delta / 2)";
}
def KlDiv : Loss<"kl_div", [TensorParam, TargetParam, ReductionParam, Param<"bool", "log_target", "false">]> {
  let summary = "Kullback-Leibler divergence of target from x, which holds logarithms";
  let description = "`Reduce::batchmean` divides the sum by the size of dim 0.";
  let example = "kl_div(log(tensor({0.5f, 0.5f})), tensor({1.f, 0.f}), Reduce::sum)";
  let gives = "0.6931 f32[]";
  let formula = "target (log(target) - x), or exp(target) (target - x) where log_target";
}
def BinaryCrossEntropy : Loss<"binary_cross_entropy", [TensorParam, TargetParam, Param<"const Tensor&", "weight", "{}">, ReductionParam]> {
  let summary = "negative log-likelihood of target, given probabilities";
  let description = "A probability out of 0 .. 1 is an error. Logarithms count as at least -100.";
  let example = "binary_cross_entropy(tensor({0.5f, 1.f}), tensor({1.f, 1.f}))";
  let gives = "0.3466 f32[]";
  let formula = "-weight (target log(x) + (1 - target) log(1 - x))";
}
def BinaryCrossEntropyWithLogits : Loss<"binary_cross_entropy_with_logits", [TensorParam, TargetParam, Param<"const Tensor&", "weight", "{}">,
    ReductionParam, Param<"const Tensor&", "pos_weight", "{}">]> {
  let summary = "binary_cross_entropy of sigmoid(x), without overflow";
  let example = "binary_cross_entropy_with_logits(tensor({0.f, 100.f}), tensor({1.f, 1.f}))";
  let gives = "0.3466 f32[]";
  let formula = "-weight (pos_weight target logsigmoid(x) + (1 - target) logsigmoid(-x))";
}
def PoissonNllLoss : Loss<"poisson_nll_loss", [TensorParam, TargetParam, Param<"bool", "log_input", "true">, Param<"bool", "full", "false">,
    Param<"double", "eps", "1e-8">, ReductionParam]> {
  let summary = "negative log-likelihood of counts, given their rates or, with log_input, the rates' logarithms";
  let description = "`full` adds Stirling's approximation of log(target!) for targets above 1.";
  let example = "poisson_nll_loss(tensor({0.f}), tensor({1.f}))";
  let gives = "1. f32[]";
  let formula = "exp(x) - target x, or x - target log(x + eps)";
}
def GaussianNllLoss : Loss<"gaussian_nll_loss", [TensorParam, TargetParam, Param<"const Tensor&", "var">, Param<"bool", "full", "false">,
    Param<"double", "eps", "1e-6">, ReductionParam]> {
  let summary = "negative log-likelihood of target, given mean x and variance";
  let description = "The variance counts as at least eps, without effect on its gradient; a negative one is an error. `full` adds log(2 pi) / 2.";
  let example = "gaussian_nll_loss(tensor({0.f}), tensor({2.f}), tensor({1.f}))";
  let gives = "2. f32[]";
  let formula = "(log(var) + (x - target)^2 / var) / 2";
}
def CtcLoss : Composite<"ctc_loss", [Param<"const Arg&", "log_probs">, Param<"const Tensor&", "targets">, Param<"const Tensor&", "input_lengths">,
    Param<"const Tensor&", "target_lengths">, Param<"int64_t", "blank", "0">, ReductionParam, Param<"bool", "zero_infinity", "false">]> {
  let summary = "negative log-likelihood of the targets, over all their alignments with the input";
  let description = "Connectionist temporal classification (Graves et al., ICML 2006). Elements beyond a sample's lengths count for nothing. Where no alignment exists the loss is infinite, or 0 with `zero_infinity`. `Reduce::mean` divides each sample's loss by its number of targets first. Targets in one row make the host wait for target_lengths.";
  let example = "ctc_loss(log_softmax(zeros({3, 1, 2}), 2), tensor({{1}}), tensor({3}), tensor({1}))";
  let gives = "0.2877 f32[]";
  let shapes = "log_probs [T, N, C], targets [N, S] or all in one row, input_lengths and target_lengths [N]; or one sample: [T, C], [S], []";
  let dtypes = "floating; integer targets, input_lengths and target_lengths";
  let gradient = "for log_probs that a log_softmax made, as PyTorch's: exp(log_probs) less each class's share of the alignments";
}
def TripletMarginLoss : Loss<"triplet_margin_loss", [Param<"const Arg&", "anchor">, Param<"const Tensor&", "positive">,
    Param<"const Tensor&", "negative">, Param<"double", "margin", "1">, Param<"double", "p", "2">, Param<"double", "eps", "1e-6">,
    Param<"bool", "swap", "false">, ReductionParam]> {
  let summary = "how much further than `margin` the anchor is from negative than from positive, 0 where it is not";
  let description = "`swap` takes the lesser of the distances of anchor and positive to negative.";
  let example = "triplet_margin_loss(tensor({0.f}), tensor({2.f}), tensor({1.f}))";
  let gives = "2. f32[]";
  let formula = "max(0, |anchor - positive| - |anchor - negative| + margin)";
  let shapes = "operands broadcast; the last dim vanishes; one element after `reduction`";
}
def TripletMarginWithDistanceLoss : Loss<"triplet_margin_with_distance_loss", [Param<"const Arg&", "anchor">, Param<"const Tensor&", "positive">,
    Param<"const Tensor&", "negative">, Param<"const DistanceFunction&", "distance_function", "{}">, Param<"double", "margin", "1">,
    Param<"bool", "swap", "false">, ReductionParam]> {
  let summary = "triplet_margin_loss by another distance, a function of two tensors: pairwise_distance where none is given";
  let description = "`swap` takes the lesser of the distances of anchor and positive to negative.";
  let example = "DistanceFunction apart = [](const Tensor& a, const Tensor& b) { return abs(a - b); }; triplet_margin_with_distance_loss(tensor({0.f}), tensor({2.f}), tensor({1.f}), apart)";
  let gives = "2. f32[]";
  let formula = "max(0, distance(anchor, positive) - distance(anchor, negative) + margin)";
  let shapes = "operands broadcast; the last dim vanishes, or what the distance leaves; one element after `reduction`";
}
def CosineEmbeddingLoss : Loss<"cosine_embedding_loss", [Param<"const Arg&", "x1">, Param<"const Tensor&", "x2">, TargetParam,
    Param<"double", "margin", "0">, ReductionParam]> {
  let summary = "1 minus the cosine of x1 and x2 where target is 1, what the cosine exceeds margin by where it is -1";
  let example = "cosine_embedding_loss(tensor({{1.f, 0.f}}), tensor({{0.f, 1.f}}), tensor({1}))";
  let gives = "1. f32[]";
  let shapes = "x1 and x2 [N, D] with target [N], or [D] and []; one element after `reduction`";
}
def MarginRankingLoss : Loss<"margin_ranking_loss", [Param<"const Arg&", "x1">, Param<"const Tensor&", "x2">, TargetParam,
    Param<"double", "margin", "0">, ReductionParam]> {
  let summary = "how far x1 and x2 are from the order that target, 1 or -1, wants";
  let example = "margin_ranking_loss(tensor({1.f}), tensor({3.f}), tensor({1.f}))";
  let gives = "2. f32[]";
  let formula = "max(0, -target (x1 - x2) + margin)";
}
def HingeEmbeddingLoss : Loss<"hinge_embedding_loss", [TensorParam, TargetParam, Param<"double", "margin", "1">, ReductionParam]> {
  let summary = "x where target is 1, what margin exceeds x by where it is -1";
  let example = "hinge_embedding_loss(tensor({0.25f, 0.25f}), tensor({1.f, -1.f}), 1, Reduce::none)";
  let gives = "[0.2500, 0.7500] f32[2]";
}
def SoftMarginLoss : Loss<"soft_margin_loss", [TensorParam, TargetParam, ReductionParam]> {
  let summary = "logistic loss of x for a target of 1 or -1";
  let example = "soft_margin_loss(tensor({0.f}), tensor({1.f}))";
  let gives = "0.6931 f32[]";
  let formula = "log(1 + exp(-target x))";
}

#endif
