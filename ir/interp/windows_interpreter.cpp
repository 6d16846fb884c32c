// Plain and slow: every product of the one trilinear form that the three ops are parts of. Sums are
// doubles, so large i64 are not exact.
#include "ir/interp/windows_interpreter.h"

#include "ir/weft/weft.h"

using namespace mlir;

namespace weft::interp {
namespace {

// The form: each element of x [N, C, ...] that a tap of weight [O, C / groups, ...] sees for an
// element of dy [N, O, ...]. Calls f with the three row-major numbers.
template <class F>
void eachProduct(ArrayRef<int64_t> structure, ArrayRef<int64_t> x, ArrayRef<int64_t> weight,
                 ArrayRef<int64_t> dy, F f) {
  auto count = [](ArrayRef<int64_t> shape) {
    int64_t n = 1;
    for (int64_t size : shape)
      n *= size;
    return n;
  };
  int64_t rows = weight[0] / structure[0];
  for (int64_t i = 0; i < count(dy); i++)
    for (int64_t j = 0; j < count(weight.drop_front()); j++) {
      Index place = unflatten(i, dy), tap = unflatten(j, weight.drop_front()), at(place);
      int64_t output = place[1];
      at[1] = output / rows * weight[1] + tap[0];
      bool isInside = true;
      for (size_t k = 2; k < x.size(); k++) {
        ArrayRef<int64_t> w = structure.slice(4 * (k - 2) + 1, 4);
        at[k] = place[k] * w[0] - w[1] + tap[k - 1] * w[3];
        isInside &= at[k] >= 0 && at[k] < x[k];
      }
      if (isInside) f(flatten(at, x), output * count(weight.drop_front()) + j, i);
    }
}

} // namespace

bool runWindows(Operation* op, ValueOf valueOf, Array& y) {
  if (!isa<ir::Convolution, ir::ConvolutionInput, ir::ConvolutionWeight>(op)) return false;
  const Array &a = valueOf(op->getOperand(0)), &b = valueOf(op->getOperand(1));
  SmallVector<int64_t> structure(ir::structureOf(op));
  std::vector<double> sums(static_cast<size_t>(y.count()));
  if (isa<ir::Convolution>(op))
    eachProduct(structure, a.shape, b.shape, y.shape,
                [&](int64_t x, int64_t w, int64_t p) { sums[p] += a.at(x) * b.at(w); });
  else if (isa<ir::ConvolutionInput>(op))
    eachProduct(structure, y.shape, b.shape, a.shape,
                [&](int64_t x, int64_t w, int64_t p) { sums[x] += a.at(p) * b.at(w); });
  else
    eachProduct(structure, b.shape, y.shape, a.shape,
                [&](int64_t x, int64_t w, int64_t p) { sums[w] += a.at(p) * b.at(x); });
  for (int64_t i = 0; i < y.count(); i++)
    y.set(i, sums[i]);
  return true;
}

} // namespace weft::interp
