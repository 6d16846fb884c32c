// Host arrays of the weft interpreter: elements in any compute type, row-major indices.
#pragma once

#include "ir/expr/scalar_algebra.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/SmallVector.h"

#include <cstring>
#include <vector>

namespace weft::interp {

/// A contiguous tensor in host memory; i1 takes one byte.
struct Array {
  mlir::Type element;
  llvm::SmallVector<int64_t> shape;
  std::vector<char> bytes;

  Array() = default;
  Array(mlir::Type element, llvm::ArrayRef<int64_t> shape);
  int64_t count() const;
  /// Reads an element as a number; exact for every element type but large i64.
  double at(int64_t i) const;
  void set(int64_t i, double v);
};

template <class T> T get(const Array& a, int64_t i) {
  T v;
  std::memcpy(&v, a.bytes.data() + i * sizeof(T), sizeof(T));
  return v;
}
template <class T> void put(Array& a, int64_t i, T v) {
  std::memcpy(a.bytes.data() + i * sizeof(T), &v, sizeof(T));
}

/// Returns an element in compute type T: float, double or int64_t.
template <class T> expr::ScalarValue<T> load(const Array& a, int64_t i);
/// Stores a number, rounded to the array's element type, or a truth value.
template <class T> void store(Array& a, int64_t i, expr::ScalarValue<T> v, bool isMask);
/// Converts one element as the op `cast` does.
void convert(const Array& x, int64_t i, Array& y, int64_t j);
/// Stores a number in an array of integers, limited to what they hold; NaN gives 0.
void saturate(double v, Array& y, int64_t j);
/// Copies one element between arrays of one type.
void copy(const Array& x, int64_t i, Array& y, int64_t j);

using Index = llvm::SmallVector<int64_t, 8>;
Index unflatten(int64_t linear, llvm::ArrayRef<int64_t> shape);
int64_t flatten(llvm::ArrayRef<int64_t> index, llvm::ArrayRef<int64_t> shape);
/// Returns the row-major number at which an operand that broadcasts is read.
int64_t broadcast(const Index& index, llvm::ArrayRef<int64_t> shape);

} // namespace weft::interp
