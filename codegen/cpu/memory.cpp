// Loads and stores: contiguous lanes as one vector, lanes that share an address as a scalar, those
// a few elements apart as parts of vectors, the rest as a gather.
#include "codegen/cpu/part_emitter.h"

#include "codegen/cpu/scalar_ops.h"
#include "codegen/cpu/strided.h"
#include "ir/loom/near.h"

#include "llvm/IR/Intrinsics.h"

using namespace mlir;
using namespace weft::loom;

namespace weft::cpu {
using llvm::Value;

// bf16 and f16 are i16 and bool is i8 in memory.
llvm::Type* PartEmitter::memoryType(mlir::Type element) {
  if (element.isInteger(1)) return b.getInt8Ty();
  if (isa<IntegerType>(element)) return b.getIntNTy(element.getIntOrFloatBitWidth());
  return typeOf(element);
}

bool isMoved(LoadOp load) {
  mlir::Type element = elementType(load.getMemory().getType());
  return !load.getMask() && !load.getWithin() && !load->use_empty() &&
         llvm::all_of(load->getUsers(), [&](Operation* user) {
           auto store = dyn_cast<StoreOp>(user);
           return store && elementType(store.getMemory().getType()) == element;
         });
}

Value* PartEmitter::fromMemory(Value* value, mlir::Type element) {
  if (element.isBF16()) return extendBf16(b, value);
  if (element.isF16()) return extendF16(b, value, target.has("f16c"));
  if (element.isInteger(1))
    return b.CreateICmpNE(value, llvm::Constant::getNullValue(value->getType()));
  if (!isa<IntegerType>(element)) return value;
  llvm::Type* wide = value->getType()->getWithNewBitWidth(64);
  return element.isUnsignedInteger() ? b.CreateZExt(value, wide) : b.CreateSExt(value, wide);
}

Value* PartEmitter::toMemory(Value* value, mlir::Type element) {
  if (element.isBF16()) return roundToBf16(b, value);
  if (element.isF16()) return roundToF16(b, value, target.has("f16c"));
  if (element.isInteger(1)) return b.CreateZExt(value, value->getType()->getWithNewBitWidth(8));
  if (!isa<IntegerType>(element)) return value;
  return b.CreateTrunc(value,
                       value->getType()->getWithNewBitWidth(element.getIntOrFloatBitWidth()));
}

Value* PartEmitter::inMemory(Value* value, mlir::Type element) {
  const bool moved = value->getType()->getScalarType() == memoryType(element);
  return moved ? value : toMemory(value, element);
}

Value* PartEmitter::address(Value* base, Value* offset, mlir::Type element) {
  return b.CreateGEP(memoryType(element), base, offset);
}

// The lanes that take part: those of the tail, and of those the ones that `mask` names; null means
// all.
Value* PartEmitter::activeLanes(Value* mask) {
  if (!mask || !lanes_.mask) return mask ? mask : lanes_.mask;
  return b.CreateAnd(lanes_.mask, mask);
}

bool PartEmitter::isTiledByLanes(mlir::Value memory) {
  return isa<LocalType>(memory.getType()) && plan.lane_axis >= 0;
}

// A local of a part with a lane axis holds a vector for each block of lanes at each of its
// elements.
LaneValue PartEmitter::placeInLocal(const LaneValue& offset) {
  int64_t width = plan.lanes, tile = width * plan.blocks;
  if (!lanes_.active) return scaleIndex(offset, tile);
  if (offset.kind == LaneValue::Kind::uniform) {
    LaneValue place{LaneValue::Kind::linear, {}, 1, 1};
    Value* first = b.CreateMul(offset.parts[0], b.getInt64(tile), "", false, true);
    for (int i = 0; i < lanes_.blocks; ++i)
      place.parts.push_back(b.CreateAdd(first, b.getInt64(i * width), "", false, true));
    return place;
  }
  return byBlock([&](unsigned i) {
    Value* scaled =
        b.CreateMul(vectorOf(offset, i), b.CreateVectorSplat(lanes_.width, b.getInt64(tile)));
    Value* lane = b.CreateAdd(iota(1), b.CreateVectorSplat(lanes_.width, b.getInt64(i * width)));
    return b.CreateAdd(scaled, lane);
  });
}

bool PartEmitter::isStrided(const LaneValue& offset) {
  return offset.kind == LaneValue::Kind::linear && lanes_.width > 1 && offset.stride != 0 &&
         isNear(offset.stride);
}

// One block of lanes in memory's type; lanes outside `mask` are zero.
Value* PartEmitter::loadLanes(Value* base, const LaneValue& offset, unsigned block, Value* mask,
                              mlir::Type element) {
  llvm::Type* type = memoryType(element);
  auto* vector = llvm::FixedVectorType::get(type, lanes_.width);
  llvm::Align align(type->getScalarSizeInBits() / 8);
  if (offset.kind == LaneValue::Kind::linear && offset.stride == 1) {
    Value* pointer = address(base, offset.parts[block], element);
    if (!mask) return b.CreateAlignedLoad(vector, pointer, align);
    return b.CreateMaskedLoad(vector, pointer, align, mask, llvm::Constant::getNullValue(vector));
  }
  if (isStrided(offset))
    return StridedLanes(lanes_.width, offset.stride)
        .load(b, type, address(base, offset.parts[block], element), mask);
  Value* pointers = address(base, vectorOf(offset, block), element);
  if (!mask)
    mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b.getInt1Ty(), lanes_.width));
  return b.CreateMaskedGather(vector, pointers, align, mask, llvm::Constant::getNullValue(vector));
}

// Where the indices of a load lie in its set. Along the lanes, whose numbers are small, bounds are
// compared in 32 bits, of which those beyond are all the same.
LaneValue PartEmitter::isWithin(LoadOp op) {
  LaneValues dims;
  for (mlir::Value index : op.getIndices())
    dims.push_back(get(index));
  LaneValue all = LaneValue::uniform(b.getTrue());
  for (AffineExpr expr : op.getWithin()->getConstraints()) {
    LaneValue bound = evaluate(expr, dims);
    if (bound.isUniform() && all.isUniform()) {
      Value* inside = b.CreateICmpSGE(bound.parts[0], b.getInt64(0));
      all = LaneValue::uniform(b.CreateAnd(all.parts[0], inside));
      continue;
    }
    all = byBlock([&](unsigned i) {
      Value* inside;
      if (bound.kind == LaneValue::Kind::linear) {
        Value* least = b.CreateBinaryIntrinsic(llvm::Intrinsic::smax, b.CreateNeg(bound.parts[i]),
                                               b.getInt64(INT32_MIN));
        least = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, least, b.getInt64(INT32_MAX));
        least = b.CreateTrunc(least, b.getInt32Ty());
        inside = b.CreateICmpSGE(iota(bound.stride, 32), b.CreateVectorSplat(lanes_.width, least));
      } else {
        Value* numbers = vectorOf(bound, i);
        inside = b.CreateICmpSGE(numbers, llvm::Constant::getNullValue(numbers->getType()));
      }
      return b.CreateAnd(vectorOf(all, i), inside);
    });
  }
  return all;
}

// Fetches for the next point; where its row is too long the line at hand, which costs little.
void PartEmitter::prefetch(const PartPlan::Prefetch& next, Value* base, const LaneValue& offset,
                           mlir::Type element) {
  Value* fits = b.CreateICmpSLE(size(next.row), b.getInt64(kPrefetchedRow));
  Value* ahead = b.CreateSelect(fits, size(next.ahead), b.getInt64(0));
  for (Value* first : offset.parts)
    b.CreateIntrinsic(llvm::Intrinsic::prefetch, {b.getPtrTy()},
                      {address(base, b.CreateAdd(first, ahead), element), b.getInt32(0),
                       b.getInt32(3), b.getInt32(1)});
}

PartEmitter::LoadPlace PartEmitter::placeOf(LoadOp op) {
  mlir::Value memory = op.getMemory();
  LoadPlace place{memory_.find(memory)->second,
                  evaluate(op.getMap(), op.getIndices()),
                  elementType(memory.getType()),
                  isMoved(op),
                  op.getMask() || op.getWithin(),
                  {},
                  {}};
  if (isTiledByLanes(memory)) place.offset = placeInLocal(place.offset);
  if (op.getMask()) {
    place.mask = get(op.getMask());
    place.other = get(op.getOther());
  } else if (op.getWithin()) {
    place.mask = isWithin(op);
    place.other = LaneValue::uniform(llvm::Constant::getNullValue(typeOf(op.getType())));
  }
  return place;
}

Value* PartEmitter::loadScalar(const LoadPlace& place, unsigned block) {
  llvm::Type* type = memoryType(place.element);
  Value* loaded =
      b.CreateAlignedLoad(type, address(place.base, place.offset.parts[block], place.element),
                          llvm::Align(type->getScalarSizeInBits() / 8));
  return place.moved ? loaded : fromMemory(loaded, place.element);
}

LaneValue PartEmitter::loadUniform(const LoadPlace& place) {
  if (!place.masked) return LaneValue::uniform(loadScalar(place, 0));
  Values loaded = ifElse(
      place.mask.parts[0], [&] { return Values{loadScalar(place, 0)}; },
      [&] { return Values{place.other.parts[0]}; });
  return LaneValue::uniform(loaded[0]);
}

// A mask that all lanes share: a branch. A load with all lanes off is slow where its address is no
// memory's, as it is for most parts of a concatenation.
LaneValue PartEmitter::loadAllOrNone(const LoadPlace& place) {
  LaneValue result = byBlock([&](unsigned i) { return vectorOf(place.other, i); });
  Values loaded = ifElse(
      place.mask.parts[0],
      [&] {
        LaneValue all = byBlock([&](unsigned i) {
          return fromMemory(loadLanes(place.base, place.offset, i, lanes_.mask, place.element),
                            place.element);
        });
        return Values(all.parts.begin(), all.parts.end());
      },
      [&] { return Values(result.parts.begin(), result.parts.end()); });
  result.parts.assign(loaded.begin(), loaded.end());
  return result;
}

// A vector for each block. Where an address may be no memory's, no vector with all lanes off is
// loaded, which would be slow.
LaneValue PartEmitter::loadVectors(const LoadPlace& place, bool may_be_nowhere) {
  // What a masked load leaves out is 0 already.
  auto* fill = place.masked && place.other.isUniform()
                   ? llvm::dyn_cast<llvm::Constant>(place.other.parts[0])
                   : nullptr;
  const bool isZero = fill && fill->isNullValue();
  return byBlock([&](unsigned i) -> Value* {
    // Lanes of a block that share an address: at least one is active.
    if (!place.masked && place.offset.kind == LaneValue::Kind::linear && place.offset.stride == 0)
      return b.CreateVectorSplat(lanes_.width, loadScalar(place, i));
    Value* wanted = place.masked ? vectorOf(place.mask, i) : nullptr;
    Value* active = activeLanes(wanted);
    auto load = [&] {
      Value* lanes = loadLanes(place.base, place.offset, i, active, place.element);
      return place.moved ? lanes : fromMemory(lanes, place.element);
    };
    auto nothing = [&] {
      return Values{llvm::Constant::getNullValue(vectorOf(place.other, i)->getType())};
    };
    Value* loaded = may_be_nowhere
                        ? ifElse(
                              b.CreateOrReduce(active), [&] { return Values{load()}; }, nothing)[0]
                        : load();
    return place.masked && !isZero ? b.CreateSelect(wanted, loaded, vectorOf(place.other, i))
                                   : loaded;
  });
}

LaneValue PartEmitter::emitLoad(LoadOp op) {
  if (tile_row_ && tiles_.count(op)) return loadStaged(op);
  if (auto run = runs_.find(op); run != runs_.end()) return loadOfRun(run->second);
  const LoadPlace place = placeOf(op);
  if (place.isUniform()) return loadUniform(place);
  auto ahead = plan.prefetches.find(op);
  if (ahead != plan.prefetches.end() && place.offset.kind == LaneValue::Kind::linear)
    prefetch(ahead->second, place.base, place.offset, place.element);
  if (place.masked && place.mask.isUniform()) return loadAllOrNone(place);
  return loadVectors(place, bool(op.getMask()));
}

// Says whether a buffer is overwritten by what is made of its elements. LLVM stores what is chosen
// between such an element and something else under a mask, which takes dozens of cycles on AMD's
// processors before AVX-512; it leaves volatile stores as they are.
bool PartEmitter::needsWholeStores(mlir::Value memory) const {
  return target.masksAreVectors() &&
         llvm::any_of(memory.getUsers(), [](Operation* user) { return isa<LoadOp>(user); });
}

void PartEmitter::storeLanes(Value* value, Value* base, const LaneValue& offset, unsigned block,
                             Value* mask, mlir::Type element, StoreKind to) {
  llvm::Align align(memoryType(element)->getScalarSizeInBits() / 8);
  if (offset.kind == LaneValue::Kind::linear && offset.stride == 1) {
    Value* pointer = address(base, offset.parts[block], element);
    if (mask) {
      b.CreateMaskedStore(value, pointer, align, mask);
      return;
    }
    llvm::StoreInst* store = b.CreateAlignedStore(value, pointer, align, to.is_whole);
    if (to.is_nontemporal) {
      streams_ = true;
      store->setAlignment(llvm::Align(value->getType()->getPrimitiveSizeInBits() / 8));
      store->setMetadata(
          llvm::LLVMContext::MD_nontemporal,
          llvm::MDNode::get(b.getContext(), llvm::ConstantAsMetadata::get(b.getInt32(1))));
    }
    return;
  }
  if (isStrided(offset))
    return StridedLanes(lanes_.width, offset.stride)
        .store(b, value, address(base, offset.parts[block], element), mask);
  if (!mask)
    mask = llvm::Constant::getAllOnesValue(llvm::FixedVectorType::get(b.getInt1Ty(), lanes_.width));
  b.CreateMaskedScatter(value, address(base, vectorOf(offset, block), element), align, mask);
}

void PartEmitter::emitStore(StoreOp op) {
  if (auto together = plan.interleaved.find(op);
      together != plan.interleaved.end() && lanes_.active)
    return together->second.empty() ? void() : emitInterleaved(together->second);
  mlir::Value memory = op.getMemory();
  mlir::Type element = elementType(memory.getType());
  Value* base = memory_.find(memory)->second;
  LaneValue value = get(op.getValue()), offset = evaluate(op.getMap(), op.getIndices());
  if (isTiledByLanes(memory)) offset = placeInLocal(offset);
  if (!lanes_.active) {
    auto store = [&]() -> Values {
      llvm::Align align(memoryType(element)->getScalarSizeInBits() / 8);
      b.CreateAlignedStore(inMemory(value.parts[0], element),
                           address(base, offset.parts[0], element), align);
      return {};
    };
    if (op.getMask())
      ifElse(get(op.getMask()).parts[0], store, [] { return Values{}; });
    else
      store();
    return;
  }
  LaneValue mask = op.getMask() ? get(op.getMask()) : LaneValue();
  const StoreKind kind{.is_nontemporal = op.getNontemporal() && lanes_.streaming,
                       .is_whole = needsWholeStores(memory)};
  for (int i = 0; i < lanes_.blocks; ++i) {
    Value* wanted = activeLanes(op.getMask() ? vectorOf(mask, i) : nullptr);
    storeLanes(inMemory(vectorOf(value, i), element), base, offset, i, wanted, element, kind);
  }
}

} // namespace weft::cpu
