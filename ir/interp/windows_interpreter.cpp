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

// The positions of a dim that the window at a place sees.
SmallVector<int64_t> seen(ArrayRef<int64_t> structure, size_t k, int64_t place, int64_t size,
                          int64_t places) {
  SmallVector<int64_t> list;
  if (structure.empty()) { // part `place` of `places`
    for (int64_t p = place * size / places; p * places < (place + 1) * size; p++)
      list.push_back(p);
    return list;
  }
  ArrayRef<int64_t> w = structure.slice(structure.size() / 5 + 4 * k, 4);
  for (int64_t t = 0; t < structure[k]; t++)
    if (int64_t p = place * w[0] - w[1] + t * w[3]; p >= 0 && p < size) list.push_back(p);
  return list;
}

// The numbers of the greatest elements, of which NaN is greater than all and counts for the last.
void maxPositions(ArrayRef<int64_t> structure, size_t spatial, const Array& x, Array& y) {
  size_t outer = x.shape.size() - spatial;
  for (int64_t i = 0; i < y.count(); i++) {
    Index place = unflatten(i, y.shape);
    SmallVector<SmallVector<int64_t>> spans;
    SmallVector<int64_t> counts;
    for (size_t k = 0; k < spatial; k++) {
      spans.push_back(seen(structure, k, place[outer + k], x.shape[outer + k], y.shape[outer + k]));
      counts.push_back(spans.back().size());
    }
    double greatest = 0;
    int64_t best = -1, total = 1;
    for (int64_t n : counts)
      total *= n;
    for (int64_t j = 0; j < total; j++) {
      Index tap = unflatten(j, counts), at(place);
      for (size_t k = 0; k < spatial; k++)
        at[outer + k] = spans[k][tap[k]];
      double v = x.at(flatten(at, x.shape));
      if (best >= 0 && !(v > greatest) && v == v) continue;
      greatest = v;
      best = flatten(ArrayRef(at).drop_front(outer), ArrayRef(x.shape).drop_front(outer));
    }
    put<int64_t>(y, i, best);
  }
}

} // namespace

bool runWindows(Operation* op, ValueOf valueOf, Array& y) {
  if (isa<ir::MaxPoolPositions>(op)) {
    SmallVector<int64_t> structure(ir::structureOf(op));
    size_t spatial = structure.empty() ? ir::sizesOf(op).size() : structure.size() / 5;
    maxPositions(structure, spatial, valueOf(op->getOperand(0)), y);
    return true;
  }
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
