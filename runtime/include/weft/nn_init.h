// First values of parameters, by PyTorch's names (torch.nn.init): each writes into a tensor,
// without a record for gradients, and returns it. Random ones take the next number of a generator,
// this thread's unless given.
#pragma once

#include "weft/random.h"
#include "weft/tensor.h"

#include <string>

namespace weft::nn::init {

/// What a function makes of the deviation of its operand, so that a factor can undo it: "linear",
/// "sigmoid", "conv2d" and the like 1, "tanh" 5/3, "relu" sqrt(2), "leaky_relu" sqrt(2 / (1 +
/// param^2)), "selu" 3/4. param is leaky_relu's slope.
double calculate_gain(const std::string& nonlinearity, double param = 0.01,
                      Loc loc = Loc::current());

Tensor uniform_(const Tensor& t, double a = 0, double b = 1, Generator* generator = nullptr,
                Loc loc = Loc::current());
Tensor normal_(const Tensor& t, double mean = 0, double std = 1, Generator* generator = nullptr,
               Loc loc = Loc::current());
/// The normal distribution within a .. b.
Tensor trunc_normal_(const Tensor& t, double mean = 0, double std = 1, double a = -2, double b = 2,
                     Generator* generator = nullptr, Loc loc = Loc::current());
Tensor constant_(const Tensor& t, double value, Loc loc = Loc::current());
Tensor ones_(const Tensor& t, Loc loc = Loc::current());
Tensor zeros_(const Tensor& t, Loc loc = Loc::current());
/// Ones on the diagonal of a matrix, else zeros.
Tensor eye_(const Tensor& t, Loc loc = Loc::current());
/// The weight [out, in, kernel...] of a convolution that gives what it gets, for each group of
/// outputs.
Tensor dirac_(const Tensor& t, int64_t groups = 1, Loc loc = Loc::current());

/// Uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010). Of a tensor
/// [out, in, ...] fan_in is the number of elements that an output has, fan_out that an input has.
Tensor xavier_uniform_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                       Loc loc = Loc::current());
/// Normal with deviation gain sqrt(2 / (fan_in + fan_out)).
Tensor xavier_normal_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                      Loc loc = Loc::current());

struct KaimingOptions {
  double a = 0;                // leaky_relu's slope
  std::string mode = "fan_in"; // or "fan_out"
  std::string nonlinearity = "leaky_relu";
};
/// Uniform in +-gain sqrt(3 / fan) (He et al., ICCV 2015).
Tensor kaiming_uniform_(const Tensor& t, const KaimingOptions& options = {},
                        Generator* generator = nullptr, Loc loc = Loc::current());
/// Normal with deviation gain / sqrt(fan).
Tensor kaiming_normal_(const Tensor& t, const KaimingOptions& options = {},
                       Generator* generator = nullptr, Loc loc = Loc::current());

/// Rows, of the tensor as a matrix [size of dim 0, rest], that are orthogonal and `gain` long;
/// columns where there are more rows than those (Saxe et al., ICLR 2014).
Tensor orthogonal_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                   Loc loc = Loc::current());
/// Normal numbers, but for zeros in a share of the rows, drawn for each column of a matrix.
Tensor sparse_(const Tensor& t, double sparsity, double std = 0.01, Generator* generator = nullptr,
               Loc loc = Loc::current());

} // namespace weft::nn::init
