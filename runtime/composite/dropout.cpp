// Dropout: one random number an element, or a channel, of this thread's stream.

#include "runtime/composite/composite.h"

namespace weft {

namespace {

// `shape` is that of the random numbers, which broadcasts to x's.
Tensor dropped(const char* op, const Arg& x, double p, bool training, const Shape& shape) {
  composite::require_floating(op, x);
  if (!(p >= 0 && p <= 1))
    composite::refuse(op, ErrorKind::value, "p must be in 0 .. 1, got " + std::to_string(p),
                      x.loc());
  const DeviceScope place = composite::beside(x);
  Tensor t = x.tensor();
  if (!training || p == 0 || t.numel() == 0) return t;
  if (p == 1) return t * 0;
  Tensor keep = uniform(shape) >= p;
  return t * (keep.to(t.dtype()) * (1 / (1 - p)));
}

Tensor dropped_channels(const char* op, const Arg& x, double p, bool training, int spatial) {
  LocScope scope(x.loc());
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

} // namespace

Tensor dropout(const Arg& x, double p, bool training) {
  LocScope scope(x.loc());
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

} // namespace weft
