// Losses over several classes at once.
#ifndef WEFT_IR_OPS_MARGIN_LOSSES_TD
#define WEFT_IR_OPS_MARGIN_LOSSES_TD

include "ir/ops/losses.td"

class ClassLoss<string mnemonic, list<Param> parameters> : Loss<mnemonic, parameters> {
  let shapes = "x [N, C] and target [N], or [C] and []; the result [N] or [], or one element after `reduction`";
  let dtypes = "floating; target i64";
}
def MultiMarginLoss : ClassLoss<"multi_margin_loss", [TensorParam, TargetParam, Param<"int64_t", "p", "1">, Param<"double", "margin", "1">,
    Param<"const Tensor&", "weight", "{}">, ReductionParam]> {
  let summary = "how far the target's element is from being greater by margin than each other one, to the power of p";
  let description = "target holds classes 0 .. C - 1 as i64; weight has a factor for each target.";
  let example = "multi_margin_loss(tensor({{0.f, 0.5f}}), tensor({1}))";
  let gives = "0.2500 f32[]";
  let formula = "sum over i != target of max(0, margin - x[target] + x[i])^p / C";
}
def MultilabelMarginLoss : ClassLoss<"multilabel_margin_loss", [TensorParam, TargetParam, ReductionParam]> {
  let summary = "how far the elements of the target classes are from being greater by 1 than those of the others";
  let description = "target has the shape of x: the classes of a row as i64, ended by a negative number where they are fewer than C.";
  let example = "multilabel_margin_loss(tensor({{0.f, 0.5f}}), tensor({{1, -1}}))";
  let gives = "0.2500 f32[]";
  let shapes = "x and target [N, C] or [C]; the result [N] or [], or one element after `reduction`";
  let formula = "sum over targets j and other classes i of max(0, 1 - x[j] + x[i]) / C";
}
def MultilabelSoftMarginLoss : ClassLoss<"multilabel_soft_margin_loss", [TensorParam, TargetParam, Param<"const Tensor&", "weight", "{}">,
    ReductionParam]> {
  let summary = "the mean over the classes of the negative log-likelihood of targets that are 0 or 1, given logits";
  let example = "multilabel_soft_margin_loss(zeros({1, 2}), tensor({{1.f, 0.f}}))";
  let gives = "0.6931 f32[]";
  let formula = "-mean of weight (target logsigmoid(x) + (1 - target) logsigmoid(-x))";
  let dtypes = "floating";
  let shapes = "x, target [..., C], weight [C] or alike; the last dim vanishes; one element after `reduction`";
}

#endif
