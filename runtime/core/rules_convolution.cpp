// Rules of convolution and its two gradients.

#include "runtime/core/rules.h"
#include "runtime/core/windows.h"

namespace weft {

namespace {

// What the structure says, checked against both operands: they have one dtype, a dim of samples or
// output channels, one of channels, and as many spatial dims as there are windows.
struct Operands {
  const Meta &a, &b;
  int64_t groups;
  WindowList windows;

  explicit Operands(const OpCall& call)
      : a(call.operands[0]->meta), b(call.operands[1]->meta),
        groups(call.structure.empty() ? 0 : call.structure[0]), windows(WindowList::read(call, 1)) {
    if (a.dtype != b.dtype || a.dtype == DType::boolean)
      fail(call, ErrorKind::dtype,
           "operands must be numbers of one dtype, got " + describe_operands(call));
    if (groups < 1)
      fail(call, ErrorKind::value, "groups must be positive, got " + std::to_string(groups));
    if (a.rank != windows.count + 2 || b.rank != windows.count + 2)
      fail(call, ErrorKind::shape,
           "operands must have " + std::to_string(windows.count + 2) + " dims, got " +
               describe_operands(call));
  }
  [[noreturn]] void refuse(const OpCall& call) const {
    fail(call, ErrorKind::shape,
         "sizes must be those of a convolution in " + std::to_string(groups) + " groups, got " +
             describe_operands(call));
  }
  // Checks x [N, C, sizes...] and weight [O, C / groups, kernel...] against y [N, O, places...]; a
  // null y becomes what they give.
  void check(const OpCall& call, const int64_t* x, const int64_t* weight, const int64_t* y) {
    int64_t channels = 0;
    bool fits = !__builtin_mul_overflow(weight[1], groups, &channels) && x[1] == channels &&
                weight[0] % groups == 0;
    if (y) fits = fits && y[0] == x[0] && y[1] == weight[0];
    for (int k = 0; fits && k < windows.count; k++) {
      windows.dims[k].kernel = weight[k + 2];
      fits = weight[k + 2] >= 1;
      int64_t places = fits ? windows.dims[k].places(x[k + 2]) : 0;
      fits = fits && (y ? places == y[k + 2] : places > 0);
    }
    if (!fits) refuse(call);
  }
};

void finish(const OpCall& call, Meta& result, const Meta& like) {
  result.dtype = like.dtype;
  result.device = like.device;
  result.rank = like.rank;
  check_extent(call, result);
  result.set_contiguous();
}

void check_sizes(const OpCall& call, const Operands& o) {
  bool right = call.sizes.size() == static_cast<size_t>(o.windows.count);
  for (int64_t size : call.sizes)
    right = right && size >= 0;
  if (!right)
    fail(call, ErrorKind::shape,
         "there must be a size for each spatial dim, got " + Ints(call.sizes).str());
}

} // namespace

void infer_convolution(const OpCall& call, Meta& result, int64_t&) {
  Operands o(call);
  o.check(call, o.a.sizes, o.b.sizes, nullptr);
  result.sizes[0] = o.a.sizes[0];
  result.sizes[1] = o.b.sizes[0];
  for (int k = 0; k < o.windows.count; k++)
    result.sizes[k + 2] = o.windows.dims[k].places(o.a.sizes[k + 2]);
  finish(call, result, o.a);
}

void infer_convolution_input(const OpCall& call, Meta& result, int64_t&) {
  Operands o(call);
  check_sizes(call, o);
  result.sizes[0] = o.a.sizes[0];
  if (__builtin_mul_overflow(o.b.sizes[1], o.groups, &result.sizes[1])) o.refuse(call);
  std::copy(call.sizes.begin(), call.sizes.end(), result.sizes + 2);
  o.check(call, result.sizes, o.b.sizes, o.a.sizes);
  finish(call, result, o.a);
}

void infer_convolution_weight(const OpCall& call, Meta& result, int64_t&) {
  Operands o(call);
  check_sizes(call, o);
  result.sizes[0] = o.a.sizes[1];
  result.sizes[1] = o.b.sizes[1] / o.groups;
  std::copy(call.sizes.begin(), call.sizes.end(), result.sizes + 2);
  o.check(call, o.b.sizes, result.sizes, o.a.sizes);
  finish(call, result, o.a);
}

} // namespace weft
