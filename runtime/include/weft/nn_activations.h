// Activations as layers, beside those of nn.h: the functions of weft/ops.h with their parameters.
// Each works element by element, or along one dim, and keeps the shape but where it says otherwise.
#pragma once

#include "weft/nn.h"

namespace weft::nn {

/// Computes max(0, x) + min(0, alpha (exp(x / alpha) - 1)) (Barron, 2017).
class CELU : public Module {
public:
  explicit CELU(double alpha = 1) : alpha_(alpha) {}
  Tensor forward(const Tensor& x) override;

private:
  double alpha_;
};
/// Computes x where it is positive, else alpha (exp(x) - 1) (Clevert et al., ICLR 2016).
class ELU : public Module {
public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  Tensor forward(const Tensor& x) override;

private:
  double alpha_;
};
/// Multiplies the first half of a dim with the sigmoid of the second (Dauphin et al., ICML 2017):
/// the dim, of an even size, is halved.
class GLU : public Module {
public:
  explicit GLU(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
/// Computes 0 within -lambd .. lambd, else x.
class Hardshrink : public Module {
public:
  explicit Hardshrink(double lambd = 0.5) : lambd_(lambd) {}
  Tensor forward(const Tensor& x) override;

private:
  double lambd_;
};
/// Computes (x + 3) / 6, limited to 0 .. 1.
class Hardsigmoid : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes x hardsigmoid(x) (Howard et al., ICCV 2019).
class Hardswish : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Limits x to min_val .. max_val.
class Hardtanh : public Module {
public:
  explicit Hardtanh(double min_val = -1, double max_val = 1)
      : min_val_(min_val), max_val_(max_val) {}
  Tensor forward(const Tensor& x) override;

private:
  double min_val_, max_val_;
};
/// Computes x where it is not negative, else negative_slope x.
class LeakyReLU : public Module {
public:
  explicit LeakyReLU(double negative_slope = 0.01) : negative_slope_(negative_slope) {}
  Tensor forward(const Tensor& x) override;

private:
  double negative_slope_;
};
/// Computes log(1 / (1 + exp(-x))) without overflow.
class LogSigmoid : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes the logarithm of softmax along a dim, without overflow.
class LogSoftmax : public Module {
public:
  explicit LogSoftmax(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
/// Computes x tanh(softplus(x)) (Misra, BMVC 2020).
class Mish : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Limits x to 0 .. 6.
class ReLU6 : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes 1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1 (Klambauer et al., 2017).
class SELU : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes softmax of -x along a dim.
class Softmin : public Module {
public:
  explicit Softmin(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
/// Computes log(1 + exp(beta x)) / beta, a smooth relu; x itself where beta x is above threshold.
class Softplus : public Module {
public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Tensor forward(const Tensor& x) override;

private:
  double beta_, threshold_;
};
/// Moves x towards 0 by lambd; what would pass it becomes 0.
class Softshrink : public Module {
public:
  explicit Softshrink(double lambd = 0.5) : lambd_(lambd) {}
  Tensor forward(const Tensor& x) override;

private:
  double lambd_;
};
/// Computes x / (1 + |x|).
class Softsign : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes x - tanh(x).
class Tanhshrink : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes x where it is above the threshold, else `value`.
class Threshold : public Module {
public:
  Threshold(double threshold, double value) : threshold_(threshold), value_(value) {}
  Tensor forward(const Tensor& x) override;

private:
  double threshold_, value_;
};
/// Computes x where it is not negative, else x times a slope: drawn from lower .. upper in
/// training, else their middle (Xu et al., 2015).
class RReLU : public Module {
public:
  explicit RReLU(double lower = 1.0 / 8, double upper = 1.0 / 3) : lower_(lower), upper_(upper) {}
  Tensor forward(const Tensor& x) override;

private:
  double lower_, upper_;
};
/// Computes softmax over the channels of [N, C, H, W] or [C, H, W]. Throws Error (shape) for other
/// ranks.
class Softmax2d : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// Computes x where it is not negative, else x times a trained slope (He et al., ICCV 2015): one
/// number, or one a channel, dim 1.
class PReLU : public Module {
public:
  explicit PReLU(int64_t num_parameters = 1, double init = 0.25, DType dtype = f32,
                 Loc loc = Loc::current());
  Tensor weight;
  Tensor forward(const Tensor& x) override;
};

} // namespace weft::nn
