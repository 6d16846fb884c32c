// Dropout: one random number an element, or a channel, of this thread's stream.

#include "runtime/composite/composite.h"

#include <cmath>

namespace weft {

namespace {

// What x becomes where no random number counts: p is 0 or 1, or nothing is trained, or there are no
// elements. Undefined elsewhere.
Tensor without_chance(const char* op, const Arg& x, double p, bool training) {
  composite::require_floating(op, x);
  if (!(p >= 0 && p <= 1))
    composite::refuse(op, ErrorKind::value, "p must be in 0 .. 1, got " + std::to_string(p),
                      x.loc());
  Tensor t = x.tensor();
  if (!training || p == 0 || t.numel() == 0) return t;
  return p == 1 ? t * 0 : Tensor();
}

// `shape` is that of the random numbers, which broadcasts to x's.
Tensor dropped(const char* op, const Arg& x, double p, bool training, const Shape& shape) {
  const DeviceScope place = composite::beside(x);
  if (Tensor t = without_chance(op, x, p, training); t.defined()) return t;
  Tensor t = x.tensor(), keep = uniform(shape) >= p;
  return t * (keep.to(t.dtype()) * (1 / (1 - p)));
}

Tensor dropped_channels(const char* op, const Arg& x, double p, bool training, int spatial) {
  OpScope scope(x.loc(), op);
  const Meta& m = require_tensor(x, op).meta;
  if (m.rank != spatial + 1 && m.rank != spatial + 2)
    composite::refuse(op, ErrorKind::shape,
                      "x must have " + std::to_string(spatial + 1) + " or " +
                          std::to_string(spatial + 2) + " dims, got " + describe(m),
                      x.loc());
  Shape shape = m.shape();
  for (int k = m.rank - spatial; k < m.rank; k++)
    shape[k] = 1;
  return dropped(op, x, p, training, shape);
}

// What selu goes to at -infinity, negated.
constexpr double kSeluLimit = 1.7580993408473766;

// Of the elements or channels that `shape` has.
Tensor alpha_dropped(const char* op, const Arg& x, double p, bool training, const Shape& shape) {
  const DeviceScope place = composite::beside(x);
  if (Tensor t = without_chance(op, x, p, training); t.defined()) return t;
  Tensor t = x.tensor();
  const double scale = 1 / std::sqrt((kSeluLimit * kSeluLimit * p + 1) * (1 - p));
  Tensor keep = (uniform(shape) >= p).to(t.dtype());
  Tensor shift = (keep - 1) * (kSeluLimit * scale) + kSeluLimit * scale * p;
  return t * (std::move(keep) * scale) + std::move(shift);
}

// [N, C, 1, ...]
Shape channels(const char* op, const Arg& x) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.rank < 2)
    composite::refuse(op, ErrorKind::shape, "x must have at least 2 dims, got " + describe(m),
                      x.loc());
  Shape shape = Ints::filled(m.rank, 1);
  shape[0] = m.sizes[0];
  shape[1] = m.sizes[1];
  return shape;
}

} // namespace

Tensor dropout(const Arg& x, double p, bool training) {
  OpScope scope(x.loc());
  return dropped("dropout", x, p, training, require_tensor(x, "dropout").meta.shape());
}

Tensor dropout1d(const Arg& x, double p, bool training) {
  return dropped_channels("dropout1d", x, p, training, 1);
}

Tensor dropout2d(const Arg& x, double p, bool training) {
  return dropped_channels("dropout2d", x, p, training, 2);
}

Tensor dropout3d(const Arg& x, double p, bool training) {
  return dropped_channels("dropout3d", x, p, training, 3);
}

Tensor feature_dropout(const Arg& x, double p, bool training) {
  OpScope scope(x.loc());
  return dropped("feature_dropout", x, p, training, channels("feature_dropout", x));
}

Tensor alpha_dropout(const Arg& x, double p, bool training) {
  OpScope scope(x.loc());
  return alpha_dropped("alpha_dropout", x, p, training,
                       require_tensor(x, "alpha_dropout").meta.shape());
}

Tensor feature_alpha_dropout(const Arg& x, double p, bool training) {
  OpScope scope(x.loc());
  return alpha_dropped("feature_alpha_dropout", x, p, training,
                       channels("feature_alpha_dropout", x));
}

} // namespace weft
