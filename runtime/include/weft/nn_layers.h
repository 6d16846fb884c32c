// Layers of networks beside those of nn.h: convolution, pooling, normalisation, dropout, attention.
// Parameters and buffers have PyTorch's names, shapes and first values.
#pragma once

#include "weft/nn.h"
#include "weft/ops.h"

namespace weft::nn {

//===--- Convolution and pooling --------------------------------------------------------------===//

/// How the windows of a convolution lie. A Dims here and below is one number, or one a dim.
struct ConvOptions {
  Dims stride = 1;
  Padding padding = 0;
  Dims dilation = 1;
  int64_t groups = 1;
  bool bias = true;
  DType dtype = f32;
};

/// Convolves over N dims: [B, in, ...] or [in, ...] gives `out` channels, with weight [out, in /
/// groups, kernel...] and bias [out]. Both start uniform in +-1/sqrt(in / groups * kernel).
template <int N> class Conv : public Module {
public:
  Conv(int64_t in, int64_t out, const Dims& kernel_size, ConvOptions options = {},
       Loc loc = Loc::current());
  Tensor weight, bias; // bias is undefined without one
  Tensor forward(const Tensor& x) override;

private:
  ConvOptions options_;
};
using Conv1d = Conv<1>;
using Conv2d = Conv<2>;
using Conv3d = Conv<3>;

/// How the windows of a transposed convolution lie; output_padding is added to one side of the
/// result's dims.
struct ConvTransposeOptions {
  Dims stride = 1, padding = 0, output_padding = 0;
  int64_t groups = 1;
  bool bias = true;
  Dims dilation = 1;
  DType dtype = f32;
};

/// Convolves over N dims, transposed: the gradient of Conv as a layer, with weight [in, out /
/// groups, kernel...] and bias [out].
template <int N> class ConvTranspose : public Module {
public:
  ConvTranspose(int64_t in, int64_t out, const Dims& kernel_size, ConvTransposeOptions options = {},
                Loc loc = Loc::current());
  Tensor weight, bias;
  Tensor forward(const Tensor& x) override;

private:
  ConvTransposeOptions options_;
};
using ConvTranspose1d = ConvTranspose<1>;
using ConvTranspose2d = ConvTranspose<2>;
using ConvTranspose3d = ConvTranspose<3>;

/// How the windows of a pooling lie. With ceil_mode a last one that is not full counts.
struct MaxPoolOptions {
  Dims stride = {}; // empty: kernel_size
  Dims padding = 0, dilation = 1;
  bool ceil_mode = false;
};

/// Takes the greatest elements of windows over the last N dims.
template <int N> class MaxPool : public Module {
public:
  explicit MaxPool(const Dims& kernel_size, MaxPoolOptions options = {})
      : kernel_(kernel_size), options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims kernel_;
  MaxPoolOptions options_;
};
using MaxPool1d = MaxPool<1>;
using MaxPool2d = MaxPool<2>;
using MaxPool3d = MaxPool<3>;

/// The same for means, which count the padding's zeros as elements or not.
struct AvgPoolOptions {
  Dims stride = {}; // empty: kernel_size
  Dims padding = 0;
  bool ceil_mode = false, count_include_pad = true;
};

/// Takes the means of windows over the last N dims.
template <int N> class AvgPool : public Module {
public:
  explicit AvgPool(const Dims& kernel_size, AvgPoolOptions options = {})
      : kernel_(kernel_size), options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims kernel_;
  AvgPoolOptions options_;
};
using AvgPool1d = AvgPool<1>;
using AvgPool2d = AvgPool<2>;
using AvgPool3d = AvgPool<3>;

/// Takes the means of as many parts of the last N dims as `output_size` says.
template <int N> class AdaptiveAvgPool : public Module {
public:
  explicit AdaptiveAvgPool(const Dims& output_size) : output_size_(output_size) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims output_size_;
};
using AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
using AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
using AdaptiveAvgPool3d = AdaptiveAvgPool<3>;

/// Takes the greatest elements of as many parts of the last N dims as `output_size` says.
template <int N> class AdaptiveMaxPool : public Module {
public:
  explicit AdaptiveMaxPool(const Dims& output_size) : output_size_(output_size) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims output_size_;
};
using AdaptiveMaxPool1d = AdaptiveMaxPool<1>;
using AdaptiveMaxPool2d = AdaptiveMaxPool<2>;
using AdaptiveMaxPool3d = AdaptiveMaxPool<3>;

/// Takes the p-norm of windows over the last N dims: (sum of x^p)^(1/p), p = norm_type.
template <int N> class LPPool : public Module {
public:
  /// The stride is kernel_size unless given.
  LPPool(double norm_type, const Dims& kernel_size, const Dims& stride = {}, bool ceil_mode = false)
      : norm_type_(norm_type), kernel_(kernel_size), stride_(stride), ceil_mode_(ceil_mode) {}
  Tensor forward(const Tensor& x) override;

private:
  double norm_type_;
  Dims kernel_, stride_;
  bool ceil_mode_;
};
using LPPool1d = LPPool<1>;
using LPPool2d = LPPool<2>;
using LPPool3d = LPPool<3>;

/// Undoes MaxPool: puts its results back at the positions `indices` that max_pool gave, and zeros
/// elsewhere. `output_size` tells apart sizes that the pooling made equal.
template <int N> class MaxUnpool : public ModuleOf<MaxUnpool<N>> {
public:
  /// The stride is kernel_size unless given.
  explicit MaxUnpool(const Dims& kernel_size, const Dims& stride = {}, const Dims& padding = 0)
      : kernel_(kernel_size), stride_(stride), padding_(padding) {}
  Tensor forward(const Tensor& x, const Tensor& indices, const Dims& output_size = {});

private:
  Dims kernel_, stride_, padding_;
};
using MaxUnpool1d = MaxUnpool<1>;
using MaxUnpool2d = MaxUnpool<2>;
using MaxUnpool3d = MaxUnpool<3>;

//===--- Normalisation ------------------------------------------------------------------------===//

namespace detail {
/// What norms of channels learn, and what they track of batches.
class ChannelNorm : public Module {
public:
  Tensor weight, bias;                                   // undefined unless affine
  Tensor running_mean, running_var, num_batches_tracked; // undefined unless tracked

protected:
  ChannelNorm(const char* layer, int64_t channels, bool affine, bool tracks, DType dtype,
              const Loc& loc);
};
} // namespace detail

/// What BatchNorm keeps and learns.
struct BatchNormOptions {
  double eps = 1e-5;                    // added to the variance
  std::optional<double> momentum = 0.1; // none: the running values are means of all batches
  bool affine = true, track_running_stats = true;
  DType dtype = f32;
};

/// Normalises each channel over the batch in training, else by the running mean and variance, which
/// are buffers (Ioffe and Szegedy, 2015). x is [B, channels, ...] with N dims behind the channels;
/// for N = 1 there may be none.
template <int N> class BatchNorm : public detail::ChannelNorm {
public:
  explicit BatchNorm(int64_t channels, BatchNormOptions options = {}, Loc loc = Loc::current())
      : ChannelNorm("BatchNorm", channels, options.affine, options.track_running_stats,
                    options.dtype, loc),
        options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  BatchNormOptions options_;
};
using BatchNorm1d = BatchNorm<1>;
using BatchNorm2d = BatchNorm<2>;
using BatchNorm3d = BatchNorm<3>;

/// What InstanceNorm keeps and learns; as for BatchNorm.
struct InstanceNormOptions {
  double eps = 1e-5, momentum = 0.1;
  bool affine = false, track_running_stats = false;
  DType dtype = f32;
};

/// Normalises each channel of each sample (Ulyanov et al., 2016). x is [B, channels, ...] with N
/// dims behind the channels, and may lack the dim of samples.
template <int N> class InstanceNorm : public detail::ChannelNorm {
public:
  explicit InstanceNorm(int64_t channels, InstanceNormOptions options = {},
                        Loc loc = Loc::current())
      : ChannelNorm("InstanceNorm", channels, options.affine, options.track_running_stats,
                    options.dtype, loc),
        options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  InstanceNormOptions options_;
};
using InstanceNorm1d = InstanceNorm<1>;
using InstanceNorm2d = InstanceNorm<2>;
using InstanceNorm3d = InstanceNorm<3>;

/// Normalises groups of channels of each sample [channels, ...] (Wu and He, Group normalization,
/// 2018).
class GroupNorm : public Module {
public:
  GroupNorm(int64_t num_groups, int64_t channels, double eps = 1e-5, bool affine = true,
            DType dtype = f32, Loc loc = Loc::current());
  Tensor weight, bias; // both undefined unless affine
  Tensor forward(const Tensor& x) override;

private:
  int64_t groups_;
  double eps_;
};

/// Divides each x by (k + alpha / size * the sum of squares of `size` channels around it)^beta
/// (Krizhevsky et al., 2012).
class LocalResponseNorm : public Module {
public:
  explicit LocalResponseNorm(int64_t size, double alpha = 1e-4, double beta = 0.75, double k = 1)
      : size_(size), alpha_(alpha), beta_(beta), k_(k) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t size_;
  double alpha_, beta_, k_;
};

/// Divides the last dims, those of `shape`, by their root mean square, then scales them (Zhang and
/// Sennrich, NeurIPS 2019). `eps` is added to the mean square; none: the dtype's own.
class RMSNorm : public Module {
public:
  explicit RMSNorm(const Shape& shape, std::optional<double> eps = std::nullopt, bool affine = true,
                   DType dtype = f32, Loc loc = Loc::current());
  Tensor weight; // undefined unless affine
  Tensor forward(const Tensor& x) override;

private:
  Shape shape_;
  std::optional<double> eps_;
};

//===--- Embedding ----------------------------------------------------------------------------===//

/// What Embedding does to some of its rows.
struct EmbeddingOptions {
  std::optional<int64_t> padding_idx = std::nullopt;
  std::optional<double> max_norm = std::nullopt;
  double norm_type = 2;
  DType dtype = f32;
};

/// Looks rows of a table up by their number: indices [...] give [..., columns]. Rows start normally
/// distributed. Row padding_idx starts as 0 and gets no gradient. Rows that a call names and whose
/// norm is above max_norm are scaled down to it first, in the table.
class Embedding : public Module {
public:
  Embedding(int64_t rows, int64_t columns, std::optional<int64_t> padding_idx = std::nullopt,
            DType dtype = f32, Loc loc = Loc::current())
      : Embedding(rows, columns, EmbeddingOptions{.padding_idx = padding_idx, .dtype = dtype},
                  loc) {}
  Embedding(int64_t rows, int64_t columns, const EmbeddingOptions& options,
            Loc loc = Loc::current());
  Tensor weight;
  Tensor forward(const Tensor& indices) override;

private:
  EmbeddingOptions options_;
};

/// How EmbeddingBag takes bags apart and together.
struct EmbeddingBagOptions {
  std::string mode = "mean";        // or "sum", "max"
  bool include_last_offset = false; // the last offset is the end of the last bag
  std::optional<int64_t> padding_idx = std::nullopt;
  std::optional<double> max_norm = std::nullopt; // as for Embedding
  double norm_type = 2;
  DType dtype = f32;
};

/// Takes the sums, means or maxima of a table's rows by bags of their numbers: the rows of input
/// [B, N], or of a list what lies between `offsets` [B]. They give [B, columns]. Row padding_idx
/// starts as 0 and counts for nothing; per_sample_weights are factors of the rows, for sums.
class EmbeddingBag : public ModuleOf<EmbeddingBag> {
public:
  EmbeddingBag(int64_t rows, int64_t columns, const EmbeddingBagOptions& options = {},
               Loc loc = Loc::current());
  Tensor weight;
  Tensor forward(const Tensor& input) override { return forward(input, {}, {}); }
  Tensor forward(const Tensor& input, const Tensor& offsets, const Tensor& per_sample_weights = {});

private:
  EmbeddingBagOptions options_;
};

//===--- Dropout ------------------------------------------------------------------------------===//

/// Sets elements to 0 with probability p in training, and scales the others by 1 / (1 - p)
/// (Srivastava et al., JMLR 2014).
class Dropout : public Module {
public:
  explicit Dropout(double p = 0.5) : p_(p) {}
  Tensor forward(const Tensor& x) override;

private:
  double p_;
};
/// Does the same to whole channels, those of N spatial dims.
template <int N> class FeatureDropout : public Module {
public:
  explicit FeatureDropout(double p = 0.5) : p_(p) {}
  Tensor forward(const Tensor& x) override;

private:
  double p_;
};
using Dropout1d = FeatureDropout<1>;
using Dropout2d = FeatureDropout<2>;
using Dropout3d = FeatureDropout<3>;

/// Drops elements so that the mean and variance of what selu gives are kept (Klambauer et al.,
/// 2017).
class AlphaDropout : public Module {
public:
  explicit AlphaDropout(double p = 0.5) : p_(p) {}
  Tensor forward(const Tensor& x) override;

private:
  double p_;
};
/// Does the same to whole channels.
class FeatureAlphaDropout : public Module {
public:
  explicit FeatureAlphaDropout(double p = 0.5) : p_(p) {}
  Tensor forward(const Tensor& x) override;

private:
  double p_;
};

//===--- Attention ----------------------------------------------------------------------------===//

/// The features of MultiheadAttention's operands, and how they lie.
struct AttentionOptions {
  double dropout = 0; // of the weights of values
  bool bias = true;
  std::optional<int64_t> kdim = std::nullopt, vdim = std::nullopt; // features; embed_dim
  bool batch_first = false; // [N, L, E] rather than [L, N, E]
  DType dtype = f32;
};
/// Which keys a query sees in one call of attention.
struct AttentionMasks {
  /// [L, S] or [N * heads, L, S]; bool, true where a key does not count, or added to the scores.
  Tensor attn_mask = {};
  Tensor key_padding_mask = {}; // [N, S], of the same kinds
  bool is_causal = false;       // query i sees keys 0 .. i
};

/// Attends with several heads (Vaswani et al., Attention is all you need, 2017): in_proj_weight, of
/// shape [3 E, E], makes queries, keys and values, out_proj joins the heads. Operands are [L, N,
/// E], with batch_first [N, L, E], or [L, E]. Keys or values of other features have weights apart,
/// q_proj_weight [E, E], k_proj_weight [E, kdim] and v_proj_weight [E, vdim].
class MultiheadAttention : public ModuleOf<MultiheadAttention> {
public:
  MultiheadAttention(int64_t embed_dim, int64_t num_heads, AttentionOptions options = {},
                     Loc loc = Loc::current());
  Tensor in_proj_weight, in_proj_bias;                // in_proj_bias is undefined without bias
  Tensor q_proj_weight, k_proj_weight, v_proj_weight; // undefined where in_proj_weight is not
  Linear out_proj;
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value,
                 const AttentionMasks& masks = {});
  /// Returns the result and what the values are averaged by: [N, L, S], the mean over the heads, or
  /// [N, heads, L, S]; without N where the operands are.
  std::pair<Tensor, Tensor> with_weights(const Tensor& query, const Tensor& key,
                                         const Tensor& value, const AttentionMasks& masks = {},
                                         bool average_attn_weights = true,
                                         Loc loc = Loc::current());

private:
  /// Queries, keys and values as [N, heads, L, E / heads], and all masks as one.
  struct Heads {
    Tensor q, k, v, mask;
    bool is_causal;
  };
  Heads heads_of(const Tensor& query, const Tensor& key, const Tensor& value,
                 const AttentionMasks& masks, bool masks_causality) const;
  Tensor joined(const Tensor& heads, bool lacks_samples);
  Tensor merged_mask(const AttentionMasks& masks, int64_t samples) const;
  Tensor weight_of(int64_t part) const; // 0 to 2: of queries, keys, values
  int64_t heads_;
  AttentionOptions options_;
};

} // namespace weft::nn
