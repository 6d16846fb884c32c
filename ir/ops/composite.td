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
  let example = "arange(4).reshape({2, -1})";
  let gives = "[[0, 1], [2, 3]] i64[2, 2]";
  let shapes = "as many elements as x";
  let dtypes = "every dtype";
  let method = 1;
}
def ViewForm : Composite<"view", [TensorParam, Param<"const Shape&", "shape">]> {
  let summary = "like reshape, but never a copy: an error where the memory layout does not allow a view";
  let example = "arange(4).view({2, 2})";
  let gives = "[[0, 1], [2, 3]] i64[2, 2]";
  let shapes = "as many elements as x";
  let dtypes = "every dtype";
  let method = 1;
}
def PermuteForm : Composite<"permute", [TensorParam, Param<"const Dims&", "dims">]> {
  let summary = "a view with the dims in another order";
  let example = "permute(arange(3).reshape({1, 3}), {1, 0})";
  let gives = "[[0], [1], [2]] i64[3, 1]";
  let shapes = "result dim k has the size of dim dims[k]";
  let dtypes = "every dtype";
  let method = 1;
}
def Transpose : Composite<"transpose", [TensorParam, Param<"int64_t", "dim0">, Param<"int64_t", "dim1">]> {
  let summary = "a view with two dims exchanged";
  let example = "transpose(arange(4).reshape({2, 2}), 0, 1)";
  let gives = "[[0, 2], [1, 3]] i64[2, 2]";
  let shapes = "dims dim0 and dim1 change places";
  let dtypes = "every dtype";
  let method = 1;
  let rebinds = 1;
}
def Flatten : Composite<"flatten", [TensorParam, Param<"int64_t", "start_dim", "0">, Param<"int64_t", "end_dim", "-1">]> {
  let summary = "dims start_dim .. end_dim as one";
  let example = "flatten(zeros({2, 1, 2}), 1)";
  let gives = "[[0., 0.], [0., 0.]] f32[2, 2]";
  let shapes = "[..., a, b, ...] gives [..., a * b, ...]";
  let dtypes = "every dtype";
  let method = 1;
}
def Squeeze : Composite<"squeeze", [TensorParam, Param<"const Dims&", "dims", "{}">]> {
  let summary = "a view without the dims of size 1: those in `dims`, or all";
  let example = "squeeze(ones({1, 2, 1}), 0)";
  let gives = "[[1.], [1.]] f32[2, 1]";
  let shapes = "dims of size 1 vanish";
  let dtypes = "every dtype";
  let method = 1;
  let rebinds = 1;
}
def Unsqueeze : Composite<"unsqueeze", [TensorParam, Param<"int64_t", "dim">]> {
  let summary = "a view with a new dim of size 1";
  let example = "unsqueeze(tensor({1, 2}), 0)";
  let gives = "[[1, 2]] i64[1, 2]";
  let shapes = "a 1 at position `dim`";
  let dtypes = "every dtype";
  let method = 1;
  let rebinds = 1;
}
def ExpandForm : Composite<"expand", [TensorParam, Param<"const Shape&", "shape">]> {
  let pytorch = ["torch.broadcast_to"];
  let summary = "a view with dims of size 1 repeated; -1 keeps a size, new dims come in front";
  let example = "expand(tensor({1, 2}), {2, -1})";
  let gives = "[[1, 2], [1, 2]] i64[2, 2]";
  let shapes = "each dim of x is 1 or that of `shape`, aligned at the last";
  let dtypes = "every dtype";
  let method = 1;
}
def SliceForm : Composite<"slice", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "start", "0">,
    Param<"int64_t", "end", "std::numeric_limits<int64_t>::max()">, Param<"int64_t", "step", "1">]> {
  let pytorch = ["x[a:b:c]"];
  let summary = "a view of elements start .. end of a dim; negative positions count from the end, beyond it they are limited";
  let description = "As NumPy's x[start:end:step]. A negative step goes backwards, from start down to what lies behind end, and gives a copy, as flip does; an end below -size leaves out none. PyTorch refuses it.";
  let example = "slice(arange(6), 0, 1, -1, 2)";
  let gives = "[1, 3] i64[2]";
  let shapes = "dim `dim` becomes (end - start) / step, rounded up";
  let dtypes = "every dtype";
  let method = 1;
}
def Select : Composite<"select", [TensorParam, Param<"int64_t", "dim">, Param<"int64_t", "index">]> {
  let summary = "a view of one position of a dim, which vanishes";
  let example = "select(arange(6).reshape({2, 3}), 1, -1)";
  let gives = "[2, 5] i64[2]";
  let shapes = "dim `dim` vanishes";
  let dtypes = "every dtype";
  let method = 1;
}
def ConcatenateForm : Composite<"concatenate", [Param<"const std::vector<Tensor>&", "tensors">, Param<"int64_t", "dim", "0">]> {
  let pytorch = ["torch.cat", "torch.concat"];
  let summary = "tensors one after the other along a dim, promoted to one dtype";
  let example = "concatenate({tensor({1, 2}), tensor({3})})";
  let gives = "[1, 2, 3] i64[3]";
  let shapes = "equal but for dim `dim`, where sizes add up";
  let dtypes = "every dtype, promoted to one";
}

//===--- Reductions -----------------------------------------------------------------------------===//

def Amax : Composite<"amax", [TensorParam, Param<"const Dims&", "dims", "{}">, Param<"bool", "keepdim", "false">]> {
  let summary = "max under PyTorch's name for it";
  let example = "amax(tensor({1, 7, 3}), 0, true)";
  let gives = "[7] i64[1]";
  let shapes = "the dims in `dims` (all where it is empty) become 1, or vanish unless `keepdim`";
  let dtypes = "every dtype";
  let method = 1;
}
def Amin : Composite<"amin", [TensorParam, Param<"const Dims&", "dims", "{}">, Param<"bool", "keepdim", "false">]> {
  let summary = "min under PyTorch's name for it";
  let example = "amin(tensor({1, 7, 3}))";
  let gives = "1 i64[]";
  let shapes = "the dims in `dims` (all where it is empty) become 1, or vanish unless `keepdim`";
  let dtypes = "every dtype";
  let method = 1;
}

//===--- Sources --------------------------------------------------------------------------------===//

def FullForm : Composite<"full", [Param<"const Shape&", "shape">, Param<"Scalar", "value">, Param<"std::optional<DType>", "dtype", "std::nullopt">,
    Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "a tensor of one value; bool, i64 or f32 by the kind of the value unless dtype is given";
  let example = "full({2}, 7)";
  let gives = "[7, 7] i64[2]";
  let shapes = "`shape`";
  let dtypes = "every dtype; a number beyond an integer dtype is refused";
  let gradient = "none";
}
def Zeros : Composite<"zeros", [Param<"const Shape&", "shape">, Param<"DType", "dtype", "f32">,
    Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "a tensor of zeros";
  let example = "zeros({2})";
  let gives = "[0., 0.] f32[2]";
  let shapes = "`shape`";
  let dtypes = "every dtype, f32 unless another is given";
  let gradient = "none";
}
def Ones : Composite<"ones", [Param<"const Shape&", "shape">, Param<"DType", "dtype", "f32">,
    Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "a tensor of ones";
  let example = "ones({2}, i64)";
  let gives = "[1, 1] i64[2]";
  let shapes = "`shape`";
  let dtypes = "every dtype, f32 unless another is given";
  let gradient = "none";
}
def ZerosLike : Composite<"zeros_like", [TensorParam, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of zeros with the shape of x, and its dtype unless another is given";
  let example = "zeros_like(tensor({1, 2}))";
  let gives = "[0, 0] i64[2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
}
def OnesLike : Composite<"ones_like", [TensorParam, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of ones with the shape of x, and its dtype unless another is given";
  let example = "ones_like(tensor({1, 2}), f32)";
  let gives = "[1., 1.] f32[2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
}
def FullLike : Composite<"full_like", [TensorParam, Param<"Scalar", "value">, Param<"std::optional<DType>", "dtype", "std::nullopt">]> {
  let summary = "a tensor of one value with the shape of x, and its dtype unless another is given";
  let example = "full_like(tensor({1, 2}), 7)";
  let gives = "[7, 7] i64[2]";
  let shapes = "that of x";
  let dtypes = "every dtype";
  let gradient = "none";
}
def ArangeTo : Composite<"arange", [Param<"Scalar", "end">, Param<"std::optional<DType>", "dtype", "std::nullopt">,
    Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "0, 1, ... before end; i64 where end is an integer, else f32";
  let example = "arange(4)";
  let gives = "[0, 1, 2, 3] i64[4]";
  let shapes = "[n] with n = end, rounded up";
  let dtypes = "every dtype but bool";
  let gradient = "none";
}
def ArangeForm : Composite<"arange", [Param<"Scalar", "start">, Param<"Scalar", "end">, Param<"Scalar", "step", "1">,
    Param<"std::optional<DType>", "dtype", "std::nullopt">, Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "start, start + step, ... before end; i64 where all three are integers, else f32";
  let example = "arange(1, 2, 0.25)";
  let gives = "[1.0000, 1.2500, 1.5000, 1.7500] f32[4]";
  let shapes = "[n] with n = (end - start) / step, rounded up";
  let dtypes = "every dtype but bool";
  let gradient = "none";
}
def Linspace : Composite<"linspace", [Param<"double", "start">, Param<"double", "end">, Param<"int64_t", "steps">,
    Param<"DType", "dtype", "f32">, Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "`steps` numbers at equal distances from start to end, both included";
  let example = "linspace(0, 1, 5)";
  let gives = "[0.0000, 0.2500, 0.5000, 0.7500, 1.0000] f32[5]";
  let shapes = "[steps]";
  let dtypes = "all but bool; of integers start and end are whole, and the numbers between rounded towards 0";
  let gradient = "none";
}
def UniformForm : Composite<"uniform", [Param<"const Shape&", "shape">, Param<"double", "low", "0">, Param<"double", "high", "1">,
    Param<"DType", "dtype", "f32">, Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let pytorch = ["torch.empty(size).uniform_(low, high)"];
  let summary = "random numbers of this thread's generator, uniform in low .. high";
  let example = "manual_seed(1); uniform({3}, -1, 1)";
  let gives = "[ 0.7805, 0.3440, -0.5052] f32[3]";
  let shapes = "`shape`";
  let dtypes = "floating";
  let gradient = "none";
}
def NormalForm : Composite<"normal", [Param<"const Shape&", "shape">, Param<"double", "mean", "0">, Param<"double", "std", "1">,
    Param<"DType", "dtype", "f32">, Param<"std::optional<Device>", "device", "std::nullopt">]> {
  let summary = "random numbers of this thread's generator, normally distributed";
  let example = "manual_seed(1); normal({3})";
  let gives = "[ 1.2279, 0.4454, -0.6827] f32[3]";
  let shapes = "`shape`";
  let dtypes = "floating";
  let gradient = "none";
}

//===--- Networks -------------------------------------------------------------------------------===//

def GeluForm : Composite<"gelu", [TensorParam, Param<"std::string_view", "approximate">]> {
  let summary = "gelu for \"none\", gelu_tanh for \"tanh\"";
  let example = "gelu(tensor({-1.f, 1.f}), \"tanh\")";
  let gives = "[-0.1588, 0.8412] f32[2]";
  let shapes = "that of x";
  let dtypes = "floating";
  let method = 1;
}

def Softmax : CompositeOp<"softmax", [TensorParam, Param<"int64_t", "dim">], [SameShape]> {
  let summary = "exponentials that sum to 1 along a dim";
  let example = "softmax(tensor({1.f, 1.f, 3.f}), 0)";
  let gives = "[0.1065, 0.1065, 0.7870] f32[3]";
  let formula = "exp(x - max(x)) / sum(exp(x - max(x)))";
  let shapes = "that of x";
  let dtypes = "floating";
  let method = 1;
}
def LogSoftmax : CompositeOp<"log_softmax", [TensorParam, Param<"int64_t", "dim">], [SameShape]> {
  let summary = "logarithm of softmax, without overflow";
  let example = "log_softmax(tensor({1.f, 1.f}), 0)";
  let gives = "[-0.6931, -0.6931] f32[2]";
  let formula = "x - max(x) - log(sum(exp(x - max(x))))";
  let shapes = "that of x";
  let dtypes = "floating";
  let method = 1;
}
def SoftmaxAs : Composite<"softmax", [TensorParam, Param<"int64_t", "dim">, Param<"DType", "dtype">]> {
  let summary = "softmax of x converted to `dtype`";
  let example = "softmax(tensor({1, 1}), 0, f32)";
  let gives = "[0.5000, 0.5000] f32[2]";
  let shapes = "that of x";
  let dtypes = "all; the result is f32 f64 bf16 f16";
  let method = 1;
}
def LogSoftmaxAs : Composite<"log_softmax", [TensorParam, Param<"int64_t", "dim">, Param<"DType", "dtype">]> {
  let summary = "log_softmax of x converted to `dtype`";
  let example = "log_softmax(tensor({1, 1}), 0, f32)";
  let gives = "[-0.6931, -0.6931] f32[2]";
  let shapes = "that of x";
  let dtypes = "all; the result is f32 f64 bf16 f16";
  let method = 1;
}
def LayerNorm : CompositeOp<"layer_norm", [TensorParam, Param<"const Shape&", "normalized_shape">, Param<"const Tensor&", "weight", "{}">,
    Param<"const Tensor&", "bias", "{}">, Param<"double", "eps", "1e-5">], [SameShape]> {
  let summary = "x normalised over its last dims, then scaled and shifted";
  let example = "layer_norm(tensor({1.f, 2.f, 3.f}), {3})";
  let gives = "[-1.2247, 0.0000, 1.2247] f32[3]";
  let shapes = "x [..., sizes...]; normalized_shape, weight and bias [sizes...]";
  let formula = "(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * weight + bias";
  let dtypes = "floating";
}
def Linear : CompositeOp<"linear", [TensorParam, Param<"const Tensor&", "weight">, Param<"const Tensor&", "bias", "{}">]> {
  let summary = "x times the transposed weight, plus bias";
  let example = "linear(tensor({1.f, 2.f}), ones({3, 2}), tensor({0.f, 1.f, 2.f}))";
  let gives = "[3., 4., 5.] f32[3]";
  let shapes = "x [..., in] with weight [out, in] and bias [out] gives [..., out]";
  let dtypes = "f32 f64 bf16 i64, one for all operands";
}
def CrossEntropy : CompositeOp<"cross_entropy", [TensorParam, Param<"const Tensor&", "target">, Param<"const Tensor&", "weight", "{}">,
    Param<"int64_t", "ignore_index", "-100">, Param<"Reduce", "reduction", "Reduce::mean">, Param<"double", "label_smoothing", "0">]> {
  let summary = "negative log-likelihood of target classes, given unnormalised logits over dim 1";
  let description = "Targets are i64 classes in 0 .. C - 1 or ignore_index, which counts for nothing; another one is an error. The mean is over the weights of the targets. A floating target of x's shape holds the classes' probabilities; its mean is over the positions. label_smoothing, in 0 .. 1, is the share of the target that is spread evenly over all classes.";
  let example = "cross_entropy(tensor({0.f, 0.f, 2.f, 0.f}).reshape({2, 2}), tensor({0, 0}))";
  let gives = "0.4100 f32[]";
  let shapes = "x [N, C, ...] (or [C]), target [N, ...] (or []) and weight [C] give the target's shape, or one element after `reduction`";
  let formula = "-weight[target] * log_softmax(x)[target]";
  let dtypes = "floating; target i64 or floating";
}
def MseLoss : CompositeOp<"mse_loss", [TensorParam, Param<"const Tensor&", "target">, Param<"Reduce", "reduction", "Reduce::mean">,
    Param<"const Tensor&", "weight", "{}">]> {
  let summary = "squared difference of x and target";
  let description = "weight, of the shape of x, has a factor for each element; the mean is over the weights.";
  let example = "mse_loss(tensor({1.f, 2.f}), tensor({1.f, 4.f}))";
  let gives = "2. f32[]";
  let formula = "(x - target)^2";
  let shapes = "operands broadcast; one element after `reduction`";
  let dtypes = "f32 f64 bf16 i64; the mean f32 f64 bf16";
}
def AdamwStep : Composite<"adamw_step", [Param<"const Tensor&", "param">, Param<"const Tensor&", "grad">, Param<"const Tensor&", "exp_avg">,
    Param<"const Tensor&", "exp_avg_sq">, Param<"double", "lr">, Param<"double", "beta1">, Param<"double", "beta2">, Param<"double", "eps">,
    Param<"double", "weight_decay">, Param<"int64_t", "step">]> {
  let isOurs = 1;
  let summary = "one AdamW update of a parameter and its two averages, in place";
  let example = "Tensor p = ones({1}), m = zeros({1}), v = zeros({1}); adamw_step(p, full({1}, 5.f), m, v, 0.1, 0.9, 0.999, 1e-8, 0, 1); p";
  let gives = "[0.9000] f32[1]";
  let description = "Loshchilov and Hutter, Decoupled weight decay regularization (2019), algorithm 2; `step` counts from 1.";
  let formula = "m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; p = p (1 - lr weight_decay) - lr / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + eps)";
  let returns = "void";
  let shapes = "one for all four";
  let dtypes = "floating";
  let gradient = "none";
}

#endif
