#include "codegen/cpu/strided.h"

namespace weft::cpu {
using llvm::Value;

// The last vector ends with the last lane, so it may overlap the one before it.
StridedLanes::StridedLanes(int width, int64_t stride) : width_(width) {
  const int64_t step = std::abs(stride), span = (width - 1) * step + 1;
  const int64_t low = stride < 0 ? 1 - span : 0;
  for (int64_t start = 0; start < span; start += width)
    starts_.push_back(low + std::min(start, span - width));
  for (int lane = 0; lane < width; ++lane) {
    const int64_t at = lane * stride - low;
    const auto vector = size_t(at / width);
    places_.push_back({vector, int(at + low - starts_[vector])});
  }
}

llvm::SmallVector<int, 64> StridedLanes::lanesOf(size_t vector, int none) const {
  llvm::SmallVector<int, 64> lanes(width_, none);
  for (int lane = 0; lane < width_; ++lane)
    if (places_[lane].vector == vector) lanes[places_[lane].element] = lane;
  return lanes;
}

Value* StridedLanes::address(llvm::IRBuilder<>& b, llvm::Type* element, Value* first,
                             size_t vector) const {
  return b.CreateGEP(element, first, b.getInt64(starts_[vector]));
}

// The lanes of `mask` where they lie in a vector; what lies between them is off.
Value* StridedLanes::maskOf(llvm::IRBuilder<>& b, Value* mask, size_t vector) const {
  auto* type = llvm::FixedVectorType::get(b.getInt1Ty(), width_);
  if (!mask) mask = llvm::Constant::getAllOnesValue(type);
  return b.CreateShuffleVector(mask, llvm::Constant::getNullValue(type), lanesOf(vector, width_));
}

Value* StridedLanes::load(llvm::IRBuilder<>& b, llvm::Type* element, Value* first,
                          Value* mask) const {
  auto* type = llvm::FixedVectorType::get(element, width_);
  const llvm::Align align(element->getPrimitiveSizeInBits() / 8);
  Value* all = nullptr;
  for (size_t k = 0; k < starts_.size(); ++k) {
    Value* from = address(b, element, first, k);
    Value* part;
    if (mask)
      part = b.CreateMaskedLoad(type, from, align, maskOf(b, mask, k),
                                llvm::Constant::getNullValue(type));
    else
      part = b.CreateAlignedLoad(type, from, align);
    llvm::SmallVector<int, 64> picks;
    for (int lane = 0; lane < width_; ++lane)
      picks.push_back(places_[lane].vector == k  ? width_ + places_[lane].element
                      : places_[lane].vector < k ? lane
                                                 : llvm::PoisonMaskElem);
    all = b.CreateShuffleVector(all ? all : llvm::PoisonValue::get(type), part, picks);
  }
  return all;
}

void StridedLanes::store(llvm::IRBuilder<>& b, Value* value, Value* first, Value* mask) const {
  llvm::Type* element = value->getType()->getScalarType();
  const llvm::Align align(element->getPrimitiveSizeInBits() / 8);
  for (size_t k = 0; k < starts_.size(); ++k)
    b.CreateMaskedStore(b.CreateShuffleVector(value, lanesOf(k, llvm::PoisonMaskElem)),
                        address(b, element, first, k), align, maskOf(b, mask, k));
}

} // namespace weft::cpu
