// Lanes that lie a few elements apart: read and written as whole vectors of which lanes are picked,
// instead of one by one. Internal to the CPU emitter.
#pragma once

#include "llvm/IR/IRBuilder.h"

namespace weft::cpu {

/// Where each lane lies among a few vectors that cover all lanes and nothing else.
class StridedLanes {
public:
  /// For a stride that isNear() (ir/loom/near.h).
  StridedLanes(int width, int64_t stride);

  /// Loads the lanes of `mask`, all where it is null, from `first` on, the address of lane 0; the
  /// others are zero. Without a mask what lies between lanes is read too.
  llvm::Value* load(llvm::IRBuilder<>& b, llvm::Type* element, llvm::Value* first,
                    llvm::Value* mask) const;
  /// Stores the lanes of `mask`, all where it is null.
  void store(llvm::IRBuilder<>& b, llvm::Value* value, llvm::Value* first, llvm::Value* mask) const;

private:
  // For each element of a vector, the lane that it is, or `none`.
  llvm::SmallVector<int, 64> lanesOf(size_t vector, int none) const;
  llvm::Value* address(llvm::IRBuilder<>& b, llvm::Type* element, llvm::Value* first,
                       size_t vector) const;
  llvm::Value* maskOf(llvm::IRBuilder<>& b, llvm::Value* mask, size_t vector) const;

  int width_;
  llvm::SmallVector<int64_t, 4> starts_; // of the vectors, in elements from lane 0 on
  struct Place {
    size_t vector;
    int element;
  };
  llvm::SmallVector<Place, 64> places_; // of the lanes
};

} // namespace weft::cpu
