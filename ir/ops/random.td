// Random numbers beyond uniform and normal ones, as users call them: functions over the sources of structured.td, so that one stream serves them all.
#ifndef WEFT_IR_OPS_RANDOM_TD
#define WEFT_IR_OPS_RANDOM_TD

include "ir/ops/sources.td"

def OtherDTypeParam : Param<"std::optional<DType>", "dtype", "std::nullopt">;

class RandomForm<string mnemonic, list<Param> parameters> : Composite<mnemonic, parameters> {
  let gradient = "none";
}

//===--- By shape ---------------------------------------------------------------------------------------===//

def Randint : RandomForm<"randint", [Param<"int64_t", "low">, Param<"int64_t", "high">, Param<"const Shape&", "shape">, Param<"DType", "dtype", "i64">,
    DeviceParam]> {
  let summary = "random integers of this thread's generator, each of low .. high - 1 with the same probability";
  let description = "high - low is at most 2^53.";
  let example = "manual_seed(1); randint(-5, 5, {4})";
  let gives = "[ 3, 1, -3, 2] i64[4]";
  let shapes = "`shape`";
  let dtypes = "every dtype that holds the integers";
}
def RandintBelow : RandomForm<"randint", [Param<"int64_t", "high">, Param<"const Shape&", "shape">, Param<"DType", "dtype", "i64">, DeviceParam]> {
  let summary = "random integers of this thread's generator, each of 0 .. high - 1 with the same probability";
  let example = "manual_seed(1); randint(10, {4})";
  let gives = "[8, 6, 2, 7] i64[4]";
  let shapes = "`shape`";
  let dtypes = "every dtype that holds the integers";
}
def Randperm : RandomForm<"randperm", [Param<"int64_t", "n">, Param<"DType", "dtype", "i64">, DeviceParam]> {
  let summary = "the numbers 0 .. n - 1 in a random order";
  let example = "manual_seed(1); randperm(4)";
  let gives = "[2, 1, 3, 0] i64[4]";
  let shapes = "[n]";
  let dtypes = "every dtype that holds the integers";
}

//===--- Like other tensors -----------------------------------------------------------------------------===//

class LikeForm<string mnemonic, list<Param> more> : RandomForm<mnemonic, !listconcat([TensorParam], more, [OtherDTypeParam])> {
  let shapes = "that of x";
  let dtypes = "floating; that of x unless another is given";
}
def RandLike : LikeForm<"rand_like", []> {
  let summary = "random numbers of this thread's generator, uniform in [0, 1)";
  let example = "manual_seed(1); rand_like(ones({3}))";
  let gives = "[0.8903, 0.6720, 0.2474] f32[3]";
}
def RandnLike : LikeForm<"randn_like", []> {
  let summary = "random numbers of this thread's generator, normally distributed";
  let example = "manual_seed(1); randn_like(ones({3}))";
  let gives = "[ 1.2279, 0.4454, -0.6827] f32[3]";
}
def RandintLike : LikeForm<"randint_like", [Param<"int64_t", "low">, Param<"int64_t", "high">]> {
  let summary = "random integers of this thread's generator, each of low .. high - 1 with the same probability";
  let example = "manual_seed(1); randint_like(zeros({3}), 5, 9)";
  let gives = "[8., 7., 5.] f32[3]";
  let dtypes = "every dtype that holds the integers; that of x unless another is given";
}
def RandintLikeBelow : LikeForm<"randint_like", [Param<"int64_t", "high">]> {
  let summary = "random integers of this thread's generator, each of 0 .. high - 1 with the same probability";
  let example = "manual_seed(1); randint_like(zeros({3}), 4)";
  let gives = "[3., 2., 0.] f32[3]";
  let dtypes = "every dtype that holds the integers; that of x unless another is given";
}

//===--- With parameters that are tensors ---------------------------------------------------------------===//

def Bernoulli : RandomForm<"bernoulli", [TensorParam]> {
  let summary = "1 with the probability that x holds at each place, else 0";
  let description = "A probability out of 0 .. 1 is an error.";
  let example = "bernoulli(tensor({0.f, 1.f}))";
  let gives = "[0., 1.] f32[2]";
  let shapes = "that of x";
  let dtypes = "floating";
  let method = 1;
}
def BernoulliOf : RandomForm<"bernoulli", [TensorParam, Param<"const Arg&", "p">]> {
  let summary = "1 with probability p, a number or a tensor, else 0; of x only shape and dtype count";
  let description = "A probability out of 0 .. 1 is an error.";
  let example = "manual_seed(1); bernoulli(zeros({4}), 0.5)";
  let gives = "[0., 0., 1., 0.] f32[4]";
  let shapes = "that of x, to which p broadcasts";
  let dtypes = "every dtype; p floating";
  let method = 1;
  let inPlace = 1;
}
def NormalOf : RandomForm<"normal", [Param<"const Arg&", "mean">, Param<"const Arg&", "std">]> {
  let summary = "normally distributed random numbers, each of its own mean and standard deviation, one of which is a tensor";
  let description = "A negative deviation is an error.";
  let example = "manual_seed(1); normal(tensor({0.f, 10.f}), tensor({1.f, 0.f}))";
  let gives = "[ 1.2279, 10.0000] f32[2]";
  let shapes = "operands broadcast to the result's shape";
  let dtypes = "floating";
}
def Multinomial : RandomForm<"multinomial", [TensorParam, Param<"int64_t", "num_samples">, Param<"bool", "replacement", "false">]> {
  let summary = "random positions of each row, drawn with the probabilities that the row's weights have among each other";
  let description = "Weights are finite and not negative, and their sum is not 0. Without replacement no position is drawn twice, those of weight 0 last.";
  let example = "multinomial(tensor({0.f, 3.f, 0.f}), 2, true)";
  let gives = "[1, 1] i64[2]";
  let shapes = "[n] gives [num_samples], [m, n] gives [m, num_samples]";
  let dtypes = "floating";
  let method = 1;
}

//===--- In place ---------------------------------------------------------------------------------------===//

class RandomFill<string mnemonic, list<Param> more> : RandomForm<mnemonic, !listconcat([TensorParam], more)> {
  let shapes = "that of x";
  let dtypes = "floating";
  let api = 0;
  let writes = 1;
}
def UniformFill : RandomFill<"uniform", [Param<"double", "from", "0">, Param<"double", "to", "1">]> {
  let summary = "x, filled with random numbers uniform in from .. to";
  let example = "manual_seed(1); zeros({3}).uniform_(-1, 1)";
  let gives = "[ 0.7805, 0.3440, -0.5052] f32[3]";
}
def NormalFill : RandomFill<"normal", [Param<"double", "mean", "0">, Param<"double", "std", "1">]> {
  let summary = "x, filled with normally distributed random numbers";
  let description = "A negative std is an error.";
  let example = "manual_seed(1); zeros({3}).normal_()";
  let gives = "[ 1.2279, 0.4454, -0.6827] f32[3]";
}
def ExponentialFill : RandomFill<"exponential", [Param<"double", "lambd", "1">]> {
  let summary = "x, filled with exponentially distributed random numbers above 0, of the rate lambd";
  let example = "manual_seed(1); zeros({3}).exponential_()";
  let gives = "[2.2096, 1.1147, 0.2842] f32[3]";
}
def RandomFillAll : RandomFill<"random", []> {
  let summary = "x, filled with random integers of all that its dtype holds from 0 on; 0 .. 2^53 - 1 for i64 and f64, for the other floating dtypes up to where integers have gaps";
  let example = "manual_seed(1); zeros({3}, u8).random_()";
  let gives = "[227, 172, 63] u8[3]";
  let dtypes = "every dtype";
}
def RandomFillBelow : RandomFill<"random", [Param<"int64_t", "to">]> {
  let summary = "x, filled with random integers of 0 .. to - 1";
  let example = "manual_seed(1); zeros({3}).random_(10)";
  let gives = "[8., 6., 2.] f32[3]";
  let dtypes = "every dtype";
}
def RandomFillWithin : RandomFill<"random", [Param<"int64_t", "from">, Param<"int64_t", "to">]> {
  let summary = "x, filled with random integers of from .. to - 1";
  let example = "manual_seed(1); zeros({3}).random_(-5, 5)";
  let gives = "[ 3., 1., -3.] f32[3]";
  let dtypes = "every dtype";
}
def LogNormalFill : RandomFill<"log_normal", [Param<"double", "mean", "1">, Param<"double", "std", "2">]> {
  let summary = "x, filled with random numbers whose logarithm is normally distributed, of this mean and standard deviation";
  let description = "A negative std is an error.";
  let example = "manual_seed(1); zeros({3}).log_normal_(0, 1)";
  let gives = "[3.4141, 1.5612, 0.5053] f32[3]";
}
def CauchyFill : RandomFill<"cauchy", [Param<"double", "median", "0">, Param<"double", "sigma", "1">]> {
  let summary = "x, filled with random numbers of the Cauchy distribution, half of which are within sigma of the median";
  let description = "A sigma that is not positive is an error.";
  let example = "manual_seed(1); zeros({3}).cauchy_()";
  let gives = "[ 2.7847, 0.5999, -1.0165] f32[3]";
}
def GeometricFill : RandomFill<"geometric", [Param<"double", "p">]> {
  let summary = "x, filled with random numbers of trials up to the first success, each of which has probability p";
  let description = "p is above 0 and below 1.";
  let example = "manual_seed(1); zeros({3}).geometric_(0.5)";
  let gives = "[4., 2., 1.] f32[3]";
}

#endif
