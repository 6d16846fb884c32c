// What it costs to keep a value in memory, and to make it again instead, in bytes.
#pragma once

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"

namespace weft {

/// Returns the value whose memory a value shows.
mlir::Value baseOf(mlir::Value v);

/// Says whether an op may run again: a view, an elementwise op that refuses no element, a product
/// with a short sum. Ops are pure, random ones are numbered: a second run computes the same.
bool isCheapToMake(mlir::Operation* op);

/// The prices of one function's values where a byte is worth some nanoseconds.
class MemoryPrices {
public:
  explicit MemoryPrices(double byteWorth) : byteWorth(byteWorth) {}

  /// Returns the price of a result that stays in memory: what nobody reads from there would not be
  /// written otherwise.
  double ofKeeping(mlir::Operation* op);
  /// Returns the price of one more run of an op.
  double ofMaking(mlir::Operation* op) const;
  /// Returns the price of writing a value for those who read it from memory.
  double ofWriting(mlir::Value v) const;
  /// Returns the bytes that a change must save to be made.
  double leastGain() const;
  /// To be called where the function has changed.
  void forget() { ofProducts.clear(); }

private:
  bool isEndOfProduct(mlir::Operation* op);
  bool isOfProducts(mlir::Value v);

  double byteWorth;
  llvm::DenseMap<mlir::Operation*, bool> ofProducts;
};

} // namespace weft
