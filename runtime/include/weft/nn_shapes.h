// Layers without parameters that move elements: flattening, padding, resizing; and distances.
#pragma once

#include "weft/nn.h"
#include "weft/ops.h"

namespace weft::nn {

/// Returns x itself.
class Identity : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Makes one dim of start_dim .. end_dim.
class Flatten : public Module {
public:
  explicit Flatten(int64_t start_dim = 1, int64_t end_dim = -1)
      : start_(start_dim), end_(end_dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t start_, end_;
};
/// Makes dims of these sizes of one dim; one size may be -1: what is left.
class Unflatten : public Module {
public:
  Unflatten(int64_t dim, const Shape& sizes) : dim_(dim), sizes_(sizes) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
  Shape sizes_;
};

//===--- Images -------------------------------------------------------------------------------===//

/// The size of resized images, and how their pixels are made.
struct UpsampleOptions {
  Dims size = {};                        // of the result, or
  std::vector<double> scale_factor = {}; // times the old one; one number, or one a dim
  std::string mode = "nearest";          // "linear", "bilinear", "bicubic", "trilinear"
  bool align_corners = false;
};
/// Resizes images [N, C, ...], as interpolate does.
class Upsample : public Module {
public:
  explicit Upsample(const UpsampleOptions& options) : options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  UpsampleOptions options_;
};
/// Makes pixels of groups of channels: [N, C r^2, H, W] gives [N, C, H r, W r] (Shi et al., CVPR
/// 2016).
class PixelShuffle : public Module {
public:
  explicit PixelShuffle(int64_t upscale_factor) : factor_(upscale_factor) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t factor_;
};
/// Makes groups of channels of pixels: [N, C, H r, W r] gives [N, C r^2, H, W].
class PixelUnshuffle : public Module {
public:
  explicit PixelUnshuffle(int64_t downscale_factor) : factor_(downscale_factor) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t factor_;
};
/// Deals the channels of groups out in turn (Zhang et al., ShuffleNet, CVPR 2018).
class ChannelShuffle : public Module {
public:
  explicit ChannelShuffle(int64_t groups) : groups_(groups) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t groups_;
};

/// How windows lie: the distance of their elements, zeros around, the distance of windows; one
/// number, or one a dim.
struct UnfoldOptions {
  Dims dilation = 1, padding = 0, stride = 1;
};
/// Makes columns of the windows of images: [N, C, H, W] gives [N, C * kernel elements, windows].
class Unfold : public Module {
public:
  explicit Unfold(const Dims& kernel_size, const UnfoldOptions& options = {})
      : kernel_(kernel_size), options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims kernel_;
  UnfoldOptions options_;
};
/// Adds columns up at the windows that they are: [N, C * kernel elements, windows] gives [N, C,
/// output_size...].
class Fold : public Module {
public:
  Fold(const Dims& output_size, const Dims& kernel_size, const UnfoldOptions& options = {})
      : output_size_(output_size), kernel_(kernel_size), options_(options) {}
  Tensor forward(const Tensor& x) override;

private:
  Dims output_size_, kernel_;
  UnfoldOptions options_;
};

//===--- Padding ------------------------------------------------------------------------------===//

/// What the layers of padding around the last N dims share. `padding`: one number for all sides, or
/// before and after the last dim, then those of the dim before it, and so on: 2 N numbers. Throws
/// Error (value) for another count.
template <int N> class PadLayer : public Module {
public:
  Tensor forward(const Tensor& x) override;

protected:
  PadLayer(const char* layer, const Dims& padding, const char* mode, double value, const Loc& loc);

private:
  std::vector<int64_t> padding_;
  const char* mode_;
  double value_;
};
/// Puts a number around x.
template <int N> class ConstantPad : public PadLayer<N> {
public:
  ConstantPad(const Dims& padding, double value, Loc loc = Loc::current())
      : PadLayer<N>("ConstantPad", padding, "constant", value, loc) {}
};
/// Puts zeros around x.
template <int N> class ZeroPad : public PadLayer<N> {
public:
  explicit ZeroPad(const Dims& padding, Loc loc = Loc::current())
      : PadLayer<N>("ZeroPad", padding, "constant", 0, loc) {}
};
/// Puts what is inside of x around it, mirrored at the outermost elements.
template <int N> class ReflectionPad : public PadLayer<N> {
public:
  explicit ReflectionPad(const Dims& padding, Loc loc = Loc::current())
      : PadLayer<N>("ReflectionPad", padding, "reflect", 0, loc) {}
};
/// Repeats the outermost elements of x around it.
template <int N> class ReplicationPad : public PadLayer<N> {
public:
  explicit ReplicationPad(const Dims& padding, Loc loc = Loc::current())
      : PadLayer<N>("ReplicationPad", padding, "replicate", 0, loc) {}
};
/// Puts around x what is inside at the opposite side.
template <int N> class CircularPad : public PadLayer<N> {
public:
  explicit CircularPad(const Dims& padding, Loc loc = Loc::current())
      : PadLayer<N>("CircularPad", padding, "circular", 0, loc) {}
};
using ConstantPad1d = ConstantPad<1>;
using ConstantPad2d = ConstantPad<2>;
using ConstantPad3d = ConstantPad<3>;
using ZeroPad1d = ZeroPad<1>;
using ZeroPad2d = ZeroPad<2>;
using ZeroPad3d = ZeroPad<3>;
using ReflectionPad1d = ReflectionPad<1>;
using ReflectionPad2d = ReflectionPad<2>;
using ReflectionPad3d = ReflectionPad<3>;
using ReplicationPad1d = ReplicationPad<1>;
using ReplicationPad2d = ReplicationPad<2>;
using ReplicationPad3d = ReplicationPad<3>;
using CircularPad1d = CircularPad<1>;
using CircularPad2d = CircularPad<2>;
using CircularPad3d = CircularPad<3>;

//===--- Of two operands ----------------------------------------------------------------------===//

/// Computes the cosine of the angle between x1 and x2 along a dim, which vanishes; norms count as
/// at least eps.
class CosineSimilarity : public ModuleOf<CosineSimilarity> {
public:
  explicit CosineSimilarity(int64_t dim = 1, double eps = 1e-8) : dim_(dim), eps_(eps) {}
  Tensor forward(const Tensor& x1, const Tensor& x2);

private:
  int64_t dim_;
  double eps_;
};
/// Computes the p-norm of x1 - x2 + eps along the last dim, which vanishes unless keepdim.
class PairwiseDistance : public ModuleOf<PairwiseDistance> {
public:
  explicit PairwiseDistance(double p = 2, double eps = 1e-6, bool keepdim = false)
      : p_(p), eps_(eps), keepdim_(keepdim) {}
  Tensor forward(const Tensor& x1, const Tensor& x2);

private:
  double p_, eps_;
  bool keepdim_;
};
/// Computes x1 W x2 + b: [..., in1] and [..., in2] give [..., out], with W [out, in1, in2] and b
/// [out], which start uniform in +-1/sqrt(in1).
class Bilinear : public ModuleOf<Bilinear> {
public:
  Bilinear(int64_t in1, int64_t in2, int64_t out, bool with_bias = true, DType dtype = f32,
           Loc loc = Loc::current());
  Tensor weight, bias; // bias is undefined without one
  Tensor forward(const Tensor& x1, const Tensor& x2);
};

} // namespace weft::nn
