// Composites: user-level functions written over primitive ops in runtime/composite/. In a trace they appear as those ops; a CompositeOp is an op of the
// dialect too, which the decompose pass replaces by what its function calls.
#ifndef WEFT_IR_OPS_COMPOSITE_TD
#define WEFT_IR_OPS_COMPOSITE_TD

include "ir/ops/base.td"

def TensorParam : Param<"const Arg&", "x">;
def SameShape : AllTypesMatch<["x", "y"]>;

//===--- Shapes ---------------------------------------------------------------------------------===//

def Reshape : Composite<"reshape", [TensorParam, Param<"const Shape&", "shape">]> {
  let summary = "the elements in row-major order under another shape; one size may be -1";
  let description = "A view where the memory layout allows it, else a copy.";
  let shapes = "as many elements as x";
  let method = 1;
}
def ViewForm : Composite<"view", [TensorParam, Param<"const Shape&", "shape">]> {
  let summary = "like reshape, but never a copy: an error where the memory layout does not allow a view";
  let shapes = "as many elements as x";
  let method = 1;
}
def PermuteForm : Composite<"permute", [TensorParam, Param<"const Dims&", "dims">]> {
  let summary = "a view with the dims in another order";
  let shapes = "result dim k has the size of dim dims[k]";
  let method = 1;
}
def Transpose : Composite<"transpose", [TensorParam, Param<"int64_t", "dim0">, Param<"int64_t", "dim1">]> {
  let summary = "a view with two dims exchanged";
  let method = 1;
}
def Flatten : Composite<"flatten", [TensorParam, Param<"int64_t", "start_dim", "0">, Param<"int64_t", "end_dim", "-1">]> {
  let summary = "dims start_dim .. end_dim as one";
  let method = 1;
}
def Squeeze : Composite<"squeeze", [TensorParam, Param<"const Dims&", "dims", "{}">]> {
  let summary = "a view without the dims of size 1: those in `dims`, or all";
  let method = 1;
}
def Unsqueeze : Composite<"unsqueeze", [TensorParam, Param<"int64_t", "dim">]> {
  let summary = "a view with a new dim of size 1";
  let method = 1;
}
def ExpandForm : Composite<"expand", [TensorParam, Param<"const Shape&", "shape">]> {
  let summary = "a view with dims of size 1 repeated; -1 keeps a size, new dims come in front";
  let method = 1;
}
def SliceForm : Composite<"slice", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "start", "0">,
    Param<"int64_t", "end", "std::numeric_limits<int64_t>::max()">, Param<"int64_t", "step", "1">]> {
  let summary = "a view of elements start .. end of a dim; negative positions count from the end, beyond it they are limited";
  let method = 1;
}
def Select : Composite<"select", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "index">]> {
  let summary = "a view of one position of a dim, which vanishes";
  let method = 1;
}
def ConcatenateForm : Composite<"concatenate", [Param<"const std::vector<Tensor>&", "tensors">, Param<"int64_t", "dim", "0">]> {
  let summary = "tensors one after the other along a dim, promoted to one dtype";
  let shapes = "equal but for dim `dim`, where sizes add up";
}

//===--- Reductions -----------------------------------------------------------------------------===//

def Amax : Composite<"amax", [TensorParam, Param<"const Dims&", "dims", "{}">, Param<"bool", "keepdim", "false">]> {
  let summary = "max under PyTorch's name for it";
  let method = 1;
}
def Amin : Composite<"amin", [TensorParam, Param<"const Dims&", "dims", "{}">, Param<"bool", "keepdim", "false">]> {
  let summary = "min under PyTorch's name for it";
  let method = 1;
}

//===--- Sources --------------------------------------------------------------------------------===//

def FullForm : Composite<"full", [Param<"const Shape&", "shape">, Param<"Scalar", "value">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of one value; bool, i64 or f32 by the kind of the value unless dtype is given";
}
def Zeros : Composite<"zeros", [Param<"const Shape&", "shape">, Param<"DType", "dtype", "f32">]> {
  let summary = "a tensor of zeros";
}
def Ones : Composite<"ones", [Param<"const Shape&", "shape">, Param<"DType", "dtype", "f32">]> {
  let summary = "a tensor of ones";
}
def ZerosLike : Composite<"zeros_like", [TensorParam, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of zeros with the shape of x, and its dtype unless another is given";
}
def OnesLike : Composite<"ones_like", [TensorParam, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of ones with the shape of x, and its dtype unless another is given";
}
def ArangeTo : Composite<"arange", [Param<"Scalar", "end">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "0, 1, ... before end; i64 where end is an integer, else f32";
}
def ArangeForm : Composite<"arange", [Param<"Scalar", "start">, Param<"Scalar", "end">, Param<"Scalar", "step", "1">,
    Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "start, start + step, ... before end; i64 where all three are integers, else f32";
}
def UniformForm : Composite<"uniform", [Param<"const Shape&", "shape">, Param<"double", "low", "0">, Param<"double", "high", "1">,
    Param<"DType", "dtype", "f32">]> {
  let summary = "random numbers of this thread's generator, uniform in low .. high";
}
def NormalForm : Composite<"normal", [Param<"const Shape&", "shape">, Param<"double", "mean", "0">, Param<"double", "std", "1">,
    Param<"DType", "dtype", "f32">]> {
  let summary = "random numbers of this thread's generator, normally distributed";
}

//===--- Networks -------------------------------------------------------------------------------===//

def GeluForm : Composite<"gelu", [TensorParam, Param<"std::string_view", "approximate">]> {
  let summary = "gelu for \"none\", gelu_tanh for \"tanh\"";
  let method = 1;
}

def Softmax : CompositeOp<"softmax", [TensorParam, Param<"int64_t", "dim">], [SameShape]> {
  let summary = "exponentials that sum to 1 along a dim";
  let formula = "exp(x - max(x)) / sum(exp(x - max(x)))";
  let method = 1;
}
def LogSoftmax : CompositeOp<"log_softmax", [TensorParam, Param<"int64_t", "dim">], [SameShape]> {
  let summary = "logarithm of softmax, without overflow";
  let formula = "x - max(x) - log(sum(exp(x - max(x))))";
  let method = 1;
}
def LayerNorm : CompositeOp<"layer_norm", [TensorParam, Param<"const Shape&", "normalized_shape">, Param<"const Tensor&", "weight", "{}">,
    Param<"const Tensor&", "bias", "{}">, Param<"double", "eps", "1e-5">], [SameShape]> {
  let summary = "x normalised over its last dims, then scaled and shifted";
  let shapes = "weight and bias have the shape normalized_shape, which is that of x's last dims";
  let formula = "(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight + bias";
}
def Linear : CompositeOp<"linear", [TensorParam, Param<"const Tensor&", "weight">, Param<"const Tensor&", "bias", "{}">]> {
  let summary = "x times the transposed weight, plus bias";
  let shapes = "[..., in] with weight [out, in] and bias [out] gives [..., out]";
}
def CrossEntropy : CompositeOp<"cross_entropy", [TensorParam, Param<"const Tensor&", "target">, Param<"const Tensor&", "weight", "{}">,
    Param<"int64_t", "ignore_index", "-100">, Param<"Reduce", "reduction", "Reduce::mean">, Param<"double", "label_smoothing", "0">]> {
  let summary = "negative log-likelihood of target classes, given unnormalised logits over dim 1";
  let description = "Targets are i64 classes in 0 .. C - 1 or ignore_index, which counts for nothing; another one is an error. The mean is over the weights of the targets. A floating target of x's shape holds the classes' probabilities; its mean is over the positions. label_smoothing, in 0 .. 1, is the share of the target that is spread evenly over all classes.";
  let shapes = "x [N, C, ...] (or [C]) and target [N, ...] (or []) give the target's shape, or one element after `reduction`";
  let formula = "-weight[target] * log_softmax(x)[target]";
}
def MseLoss : CompositeOp<"mse_loss", [TensorParam, Param<"const Tensor&", "target">, Param<"Reduce", "reduction", "Reduce::mean">]> {
  let summary = "squared difference of x and target";
  let formula = "(x - target)^2";
}
def AdamwStep : Composite<"adamw_step", [Param<"const Tensor&", "param">, Param<"const Tensor&", "grad">, Param<"const Tensor&", "exp_avg">,
    Param<"const Tensor&", "exp_avg_sq">, Param<"double", "lr">, Param<"double", "beta1">, Param<"double", "beta2">, Param<"double", "eps">,
    Param<"double", "weight_decay">, Param<"int64_t", "step">]> {
  let summary = "one AdamW update of a parameter and its two averages, in place";
  let description = "Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2; `step` counts from 1.";
  let formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = p (1 - lr weight_decay) - lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + eps)";
  let returns = "void";
}

#endif
