// First values of parameters, by PyTorch's names (torch.nn.init): each writes into a tensor,
// without a record for gradients, and returns it. Random ones take the next number of a generator,
// this thread's unless given.
#pragma once

#include "weft/random.h"
#include "weft/tensor.h"

#include <string>

namespace weft::nn::init {

/// Returns the factor of weights behind which a function keeps the deviation of what it gets: for
/// "linear", "sigmoid", "conv1d" and other convolutions 1, "tanh" 5/3, "relu" sqrt(2), "leaky_relu"
/// sqrt(2 / (1 + param^2)) with its slope as param, "selu" 3/4. Throws Error (value) for another
/// name.
double calculate_gain(const std::string& nonlinearity, double param = 0.01,
                      Loc loc = Loc::current());

/// Fills with numbers uniform in a .. b.
Tensor uniform_(const Tensor& t, double a = 0, double b = 1, Generator* generator = nullptr,
                Loc loc = Loc::current());
/// Fills with normally distributed numbers; `std` is the standard deviation, here and below.
Tensor normal_(const Tensor& t, double mean = 0, double std = 1, Generator* generator = nullptr,
               Loc loc = Loc::current());
/// Fills with numbers of the normal distribution within a .. b. Throws Error (value) unless a <= b.
Tensor trunc_normal_(const Tensor& t, double mean = 0, double std = 1, double a = -2, double b = 2,
                     Generator* generator = nullptr, Loc loc = Loc::current());
/// Fills with one number.
Tensor constant_(const Tensor& t, double value, Loc loc = Loc::current());
/// Fills with 1.
Tensor ones_(const Tensor& t, Loc loc = Loc::current());
/// Fills with 0.
Tensor zeros_(const Tensor& t, Loc loc = Loc::current());
/// Fills a matrix with ones on its diagonal, else zeros.
Tensor eye_(const Tensor& t, Loc loc = Loc::current());
/// Fills the weight [out, in, kernel...] of a convolution so that it gives what it gets, for each
/// group of outputs. Throws Error (value) unless the tensor has 3 to 5 dims and `groups` divides
/// dim 0.
Tensor dirac_(const Tensor& t, int64_t groups = 1, Loc loc = Loc::current());

/// Fills with numbers uniform in +-gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS
/// 2010). Of a tensor [out, in, ...] fan_in is the number of elements that an output has, fan_out
/// that an input has. Throws Error (value) for less than two dims, as all below.
Tensor xavier_uniform_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                       Loc loc = Loc::current());
/// Fills with normally distributed numbers of deviation gain sqrt(2 / (fan_in + fan_out)).
Tensor xavier_normal_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                      Loc loc = Loc::current());

/// Which fan counts, and what comes behind the weights.
struct KaimingOptions {
  double a = 0;                            // leaky_relu's slope
  std::string mode = "fan_in";             // or "fan_out"
  std::string nonlinearity = "leaky_relu"; // whose calculate_gain counts
};
/// Fills with numbers uniform in +-gain sqrt(3 / fan) (He et al., ICCV 2015).
Tensor kaiming_uniform_(const Tensor& t, const KaimingOptions& options = {},
                        Generator* generator = nullptr, Loc loc = Loc::current());
/// Fills with normally distributed numbers of deviation gain / sqrt(fan).
Tensor kaiming_normal_(const Tensor& t, const KaimingOptions& options = {},
                       Generator* generator = nullptr, Loc loc = Loc::current());

/// Makes the rows of the tensor, as a matrix [size of dim 0, rest], orthogonal and `gain` long;
/// the columns where there are more rows than those (Saxe et al., ICLR 2014).
Tensor orthogonal_(const Tensor& t, double gain = 1, Generator* generator = nullptr,
                   Loc loc = Loc::current());
/// Fills a matrix with normally distributed numbers, but for zeros in a share of the rows,
/// `sparsity`, drawn for each column (Martens, ICML 2010).
Tensor sparse_(const Tensor& t, double sparsity, double std = 0.01, Generator* generator = nullptr,
               Loc loc = Loc::current());

} // namespace weft::nn::init
