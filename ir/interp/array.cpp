#include "ir/interp/array.h"

#include "ir/interp/loom_scalars.h"

using namespace mlir;

namespace weft::interp {

using expr::ScalarValue;

namespace {

int64_t bytesOf(Type element) { return std::max<int64_t>(1, element.getIntOrFloatBitWidth() / 8); }

int64_t integerAt(const Array& a, int64_t i) {
  return readInteger(a.bytes.data() + i * bytesOf(a.element), a.element);
}
void putInteger(Array& a, int64_t i, int64_t v) {
  writeInteger(a.bytes.data() + i * bytesOf(a.element), a.element, v);
}

int64_t saturate(double v) {
  if (v != v) return 0;
  if (v >= 0x1p63) return std::numeric_limits<int64_t>::max();
  return v < -0x1p63 ? std::numeric_limits<int64_t>::min() : static_cast<int64_t>(v);
}

} // namespace

Array::Array(Type element, ArrayRef<int64_t> shape) : element(element), shape(shape) {
  bytes.resize(count() * bytesOf(element));
}

int64_t Array::count() const {
  int64_t n = 1;
  for (int64_t size : shape)
    n *= size;
  return n;
}

double Array::at(int64_t i) const {
  if (element.isF64()) return get<double>(*this, i);
  if (element.isF32()) return get<float>(*this, i);
  if (element.isBF16()) return extendBf16(get<uint16_t>(*this, i));
  if (element.isF16()) return extendF16(get<uint16_t>(*this, i));
  return element.isInteger(1) ? get<uint8_t>(*this, i) : static_cast<double>(integerAt(*this, i));
}

void Array::set(int64_t i, double v) {
  if (element.isF64())
    put(*this, i, v);
  else if (element.isF32())
    put(*this, i, static_cast<float>(v));
  else if (element.isBF16())
    put(*this, i, roundToBf16(static_cast<float>(v)));
  else if (element.isF16())
    put(*this, i, roundToF16(static_cast<float>(v)));
  else if (element.isInteger(1))
    put<uint8_t>(*this, i, v != 0);
  else
    putInteger(*this, i, static_cast<int64_t>(v));
}

template <class T> ScalarValue<T> load(const Array& a, int64_t i) {
  ScalarValue<T> v;
  if (a.element.isInteger(1))
    v.x = static_cast<T>(v.i = get<uint8_t>(a, i));
  else if (isa<IntegerType>(a.element))
    v.x = static_cast<T>(integerAt(a, i));
  else if (std::is_integral_v<T>)
    v.x = static_cast<T>(saturate(a.at(i)));
  else
    v.x = static_cast<T>(a.at(i));
  return v;
}
template <class T> void store(Array& a, int64_t i, ScalarValue<T> v, bool isMask) {
  if (a.element.isInteger(1))
    put<uint8_t>(a, i, isMask ? v.i != 0 : v.x != 0);
  else if (isa<IntegerType>(a.element))
    putInteger(a, i,
               std::is_integral_v<T> ? static_cast<int64_t>(v.x)
                                     : saturate(static_cast<double>(v.x)));
  else if (a.element.isF64())
    put<double>(a, i, static_cast<double>(v.x));
  else if (a.element.isF32())
    put<float>(a, i, static_cast<float>(v.x));
  else
    put<uint16_t>(a, i,
                  a.element.isF16() ? roundToF16(static_cast<float>(v.x))
                                    : roundToBf16(static_cast<float>(v.x)));
}

template ScalarValue<float> load<float>(const Array&, int64_t);
template ScalarValue<double> load<double>(const Array&, int64_t);
template ScalarValue<int64_t> load<int64_t>(const Array&, int64_t);
template void store<float>(Array&, int64_t, ScalarValue<float>, bool);
template void store<double>(Array&, int64_t, ScalarValue<double>, bool);
template void store<int64_t>(Array&, int64_t, ScalarValue<int64_t>, bool);

void convert(const Array& x, int64_t i, Array& y, int64_t j) {
  if (y.element.isF64())
    store(y, j, load<double>(x, i), false);
  else if (y.element.isInteger(1))
    put<uint8_t>(y, j, x.element.isInteger(64) ? get<int64_t>(x, i) != 0 : x.at(i) != 0);
  else if (isa<IntegerType>(y.element))
    store(y, j, load<int64_t>(x, i), false);
  else
    store(y, j, load<float>(x, i), false);
}

void saturate(double v, Array& y, int64_t j) {
  unsigned width = y.element.getIntOrFloatBitWidth();
  bool isUnsigned = y.element.isUnsignedInteger();
  int64_t most = width == 64 ? std::numeric_limits<int64_t>::max()
                             : (int64_t(1) << (isUnsigned ? width : width - 1)) - 1;
  int64_t least = isUnsigned ? 0 : -most - 1;
  putInteger(y, j, std::clamp(saturate(v), least, most));
}

void copy(const Array& x, int64_t i, Array& y, int64_t j) {
  int64_t n = bytesOf(y.element);
  std::memcpy(y.bytes.data() + j * n, x.bytes.data() + i * n, n);
}

Index unflatten(int64_t linear, ArrayRef<int64_t> shape) {
  Index index(shape.size());
  for (size_t k = shape.size(); k-- > 0;) {
    index[k] = shape[k] ? linear % shape[k] : 0;
    linear = shape[k] ? linear / shape[k] : 0;
  }
  return index;
}
int64_t flatten(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  int64_t linear = 0;
  for (size_t k = 0; k < shape.size(); k++)
    linear = linear * shape[k] + index[k];
  return linear;
}
int64_t broadcast(const Index& index, ArrayRef<int64_t> shape) {
  Index own;
  for (size_t k = 0; k < shape.size(); k++)
    own.push_back(shape[k] == 1 ? 0 : index[index.size() - shape.size() + k]);
  return flatten(own, shape);
}

} // namespace weft::interp
