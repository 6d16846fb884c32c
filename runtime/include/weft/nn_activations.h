// Activations as layers, beside those of nn.h; ops.h says what each computes.
#pragma once

#include "weft/nn.h"

namespace weft::nn {

class CELU : public Module {
public:
  explicit CELU(double alpha = 1) : alpha_(alpha) {}
  Tensor forward(const Tensor& x) override;

private:
  double alpha_;
};
class ELU : public Module {
public:
  explicit ELU(double alpha = 1) : alpha_(alpha) {}
  Tensor forward(const Tensor& x) override;

private:
  double alpha_;
};
class GLU : public Module {
public:
  explicit GLU(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
class Hardshrink : public Module {
public:
  explicit Hardshrink(double lambd = 0.5) : lambd_(lambd) {}
  Tensor forward(const Tensor& x) override;

private:
  double lambd_;
};
class Hardsigmoid : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class Hardswish : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class Hardtanh : public Module {
public:
  explicit Hardtanh(double min_val = -1, double max_val = 1)
      : min_val_(min_val), max_val_(max_val) {}
  Tensor forward(const Tensor& x) override;

private:
  double min_val_, max_val_;
};
class LeakyReLU : public Module {
public:
  explicit LeakyReLU(double negative_slope = 0.01) : negative_slope_(negative_slope) {}
  Tensor forward(const Tensor& x) override;

private:
  double negative_slope_;
};
class LogSigmoid : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class LogSoftmax : public Module {
public:
  explicit LogSoftmax(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
class Mish : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class ReLU6 : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class SELU : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class Softmin : public Module {
public:
  explicit Softmin(int64_t dim = -1) : dim_(dim) {}
  Tensor forward(const Tensor& x) override;

private:
  int64_t dim_;
};
class Softplus : public Module {
public:
  explicit Softplus(double beta = 1, double threshold = 20) : beta_(beta), threshold_(threshold) {}
  Tensor forward(const Tensor& x) override;

private:
  double beta_, threshold_;
};
class Softshrink : public Module {
public:
  explicit Softshrink(double lambd = 0.5) : lambd_(lambd) {}
  Tensor forward(const Tensor& x) override;

private:
  double lambd_;
};
class Softsign : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class Tanhshrink : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
class Threshold : public Module {
public:
  Threshold(double threshold, double value) : threshold_(threshold), value_(value) {}
  Tensor forward(const Tensor& x) override;

private:
  double threshold_, value_;
};
/// relu whose slope for what is negative is drawn from lower .. upper in training, else in their
/// middle.
class RReLU : public Module {
public:
  explicit RReLU(double lower = 1.0 / 8, double upper = 1.0 / 3) : lower_(lower), upper_(upper) {}
  Tensor forward(const Tensor& x) override;

private:
  double lower_, upper_;
};
/// softmax over the channels of [N, C, H, W] or [C, H, W].
class Softmax2d : public Module {
public:
  Tensor forward(const Tensor& x) override;
};
/// relu with a trained slope for what is negative: one, or one a channel.
class PReLU : public Module {
public:
  explicit PReLU(int64_t num_parameters = 1, double init = 0.25, DType dtype = f32,
                 Loc loc = Loc::current());
  Tensor weight;
  Tensor forward(const Tensor& x) override;
};

} // namespace weft::nn
