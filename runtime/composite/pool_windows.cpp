#include "runtime/composite/pool_windows.h"

namespace weft::composite {

namespace {

// One number a dim.
Dims list_of(const char* op, const char* name, const Dims& given, int spatial, const Arg& x,
             int64_t most = kMostOfWindow) {
  if (given.size() != 1 && given.size() != spatial)
    refuse(op, ErrorKind::value,
           std::string(name) + " must be one number or " + std::to_string(spatial) + ", got " +
               given.str(),
           x.loc());
  for (int64_t n : given)
    if (n > most)
      refuse(op, ErrorKind::value,
             std::string(name) + " must be at most " + std::to_string(most) + ", got " +
                 given.str(),
             x.loc());
  return given.size() == spatial ? given : Dims(Ints::filled(spatial, given[0]));
}

// Checks that x is [N, C, sizes...] or [C, sizes...] and has elements in each sample.
void check_input(const char* op, const Arg& x, int spatial) {
  const Meta& m = require_tensor(x, op).meta;
  bool fits = m.rank == spatial + 1 || m.rank == spatial + 2;
  for (int k = m.rank == spatial + 2 ? 1 : 0; fits && k < m.rank; k++)
    fits = m.sizes[k] > 0;
  if (!fits)
    refuse(op, ErrorKind::shape,
           "x must have " + std::to_string(spatial + 1) + " or " + std::to_string(spatial + 2) +
               " dims, of which only the samples may be none, got " + describe(m),
           x.loc());
}

} // namespace

WindowList pool_windows(const char* op, const Arg& x, int spatial, const PoolArguments& a) {
  check_input(op, x, spatial);
  const Meta& m = x.impl()->meta;
  Dims kernel = list_of(op, "kernel_size", a.kernel, spatial, x);
  Dims stride = a.stride.empty() ? kernel : list_of(op, "stride", a.stride, spatial, x);
  Dims padding = list_of(op, "padding", a.padding, spatial, x);
  Dims dilation = list_of(op, "dilation", a.dilation, spatial, x);
  WindowList list;
  list.count = spatial;
  for (int k = 0; k < spatial; k++) {
    Window& w = list.dims[k];
    w = {kernel[k], stride[k], padding[k], padding[k], dilation[k]};
    if (w.kernel < 1 || w.stride < 1 || w.dilation < 1)
      refuse(op, ErrorKind::value,
             "kernel_size, stride and dilation must be positive, got " + kernel.str() + ", " +
                 stride.str() + " and " + dilation.str(),
             x.loc());
    if (w.begin < 0 || w.begin > w.kernel / 2)
      refuse(op, ErrorKind::value,
             "padding must be at most half of the kernel, got " + padding.str() + " for " +
                 kernel.str(),
             x.loc());
    int64_t size = m.sizes[m.rank - spatial + k], room = size + 2 * w.begin - w.span();
    // A last window that hangs over the end counts if it starts in x or the padding before it.
    if (a.ceil_mode && room >= 0 && room % w.stride) {
      int64_t more = w.stride - room % w.stride, start = room + more;
      if (start < size + w.begin) w.end += more;
    } else if (a.ceil_mode && room < 0 && -room < w.stride) {
      w.end -= room;
    }
    if (w.places(size) < 1)
      refuse(op, ErrorKind::shape,
             "the kernel must fit the padded x, got " + kernel.str() + " for " + describe(m),
             x.loc());
  }
  return list;
}

Dims pool_parts(const char* op, const Arg& x, const Dims& output_size, int spatial) {
  check_input(op, x, spatial);
  Dims parts =
      list_of(op, "output_size", output_size, spatial, x, std::numeric_limits<int64_t>::max());
  const Meta& m = x.impl()->meta;
  Shape result = m.shape();
  for (int k = 0; k < spatial; k++) {
    if (parts[k] == -1) parts[k] = m.sizes[m.rank - spatial + k];
    if (parts[k] < 0)
      refuse(op, ErrorKind::value,
             "output_size must not be negative but for -1, got " + output_size.str(), x.loc());
    result[m.rank - spatial + k] = parts[k];
  }
  require_possible(op, result, m.dtype, x.loc());
  return parts;
}

} // namespace weft::composite
