// Every op as a free function. Operands are tensors or numbers; each also exists as a method of
// Tensor where its first operand is a tensor (weft/tensor.h). docs/ops.md is the reference.
#pragma once

#include "weft/index.h"
#include "weft/tensor.h"

#include <functional>
#include <limits>
#include <optional>
#include <vector>

namespace weft {

/// What a loss does with its elements. `batchmean`, the sum divided by the size of dim 0, is for
/// kl_div alone.
enum class Reduce { none, mean, sum, batchmean };

/// Elements of a dim and where they lie: auto [values, indices] = sort(x).
struct ValuesAndIndices {
  Tensor values, indices; // indices are i64
};

/// A matrix, or more, of small integers with a scale for each block: auto [codes, scales] =
/// quantize(w).
struct Quantized {
  Tensor codes, scales;
};

/// The singular value decomposition u @ diag(s) @ vh: auto [u, s, vh] = svd(x).
struct SingularVectors {
  Tensor u, s, vh;
};

/// What lstsq finds; what it was not asked for has no elements.
struct LeastSquares {
  Tensor solution, residuals, rank, singular_values;
};

/// x = p @ l @ u: auto [p, l, u] = lu(x).
struct TriangularFactors {
  Tensor p, l, u;
};

/// Up to which magnitude a number counts as 0: a number, a tensor of one for each matrix, or what
/// is usual.
struct Tolerance {
  std::optional<double> number;
  Tensor numbers;

  /// A number, or none: what is usual.
  Tolerance(std::optional<double> n = std::nullopt) : number(n) {}
  Tolerance(std::nullopt_t) {}
  template <class T>
  requires std::is_arithmetic_v<T> Tolerance(T n) : number(static_cast<double>(n)) {}
  /// A number for each matrix.
  Tolerance(const Tensor& t) : numbers(t) {}
  /// Says whether there is one.
  bool is_given() const { return number || numbers.defined(); }
};

/// How far two tensors are from each other, for triplet_margin_with_distance_loss.
using DistanceFunction = std::function<Tensor(const Tensor&, const Tensor&)>;

/// What a convolution puts around its input: numbers of zeros, one or one a dim, or a rule by name.
struct Padding {
  enum class Kind : uint8_t { given, valid, same } kind = Kind::given;
  Dims sizes;

  /// Takes as many zeros before and behind each dim.
  template <class T>
  requires std::is_integral_v<T> Padding(T n) : sizes(static_cast<int64_t>(n)) {}
  /// Takes the number of zeros before and behind for each dim.
  Padding(std::initializer_list<int64_t> v) : sizes(v) {}
  Padding(const Dims& v) : sizes(v) {}
  /// Takes a rule: "valid" is none, "same" what keeps the sizes. Throws Error (value) for another
  /// word.
  Padding(std::string_view name, Loc loc = Loc::current());
  Padding(const char* name, Loc loc = Loc::current()) : Padding(std::string_view(name), loc) {}
};

#include "weft/gen/api.inc"

/// Returns bitwise_not(x): the complement of integers, the opposite of bools.
inline Tensor operator~(const Arg& x) { return bitwise_not(x); }

} // namespace weft
