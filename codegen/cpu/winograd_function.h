// What the functions of minimal filtering have in common. Internal to it.
#pragma once

#include "codegen/cpu/dot_winograd.h"

#include "llvm/IR/Module.h"

#include <array>

namespace weft::cpu {

inline constexpr int kPlaces = WinogradPlan::kPlaces, kSeen = WinogradPlan::kSeen;
inline constexpr int kTaps = WinogradPlan::kTaps;
inline constexpr int64_t kAllTaps = kTaps * kTaps;

/// Names a function, or a constant, that depends on these numbers.
std::string winogradName(const char* part, const DotPlan& dot,
                         std::initializer_list<int64_t> numbers);

/// Emits the body of a function; what is derived from it has one `emit`.
class WinogradFunction {
public:
  WinogradFunction(llvm::IRBuilderBase& builder, const DotPlan& dot, const WinogradPlan& plan,
                   llvm::Function* function)
      : b(builder), dot(dot), plan(plan), p(plan.point), types(builder.getContext(), dot),
        function(function), zero(builder.getInt64(0)), align(plan.point.sum_bytes) {
    b.SetInsertPoint(llvm::BasicBlock::Create(b.getContext(), "entry", function));
  }

protected:
  llvm::Value* at(llvm::Value* base, llvm::Value* sums) {
    return b.CreateGEP(types.sum, base, sums);
  }
  llvm::Value* at(llvm::Value* base, int64_t sums) {
    return b.CreateConstGEP1_64(types.sum, base, sums);
  }
  llvm::Value* load(llvm::Value* address) { return b.CreateAlignedLoad(types.vec, address, align); }
  void store(llvm::Value* value, llvm::Value* address) {
    b.CreateAlignedStore(value, address, align);
  }
  llvm::Value* times(llvm::Value* number, int64_t factor) {
    return b.CreateNSWMul(number, b.getInt64(factor));
  }
  // Hands over the first row of each vector of a tile's rows.
  void eachVector(llvm::function_ref<void(llvm::Value* row)> each) {
    emitDotLoop(b, zero, b.getInt64(p.tileRows()), p.lanes, each);
  }

  // A line of zeros, as long as vectors of squares see one.
  llvm::Constant* zeros() {
    int64_t length = (plan.vectorsOfLine() * p.lanes + 1) * kPlaces;
    std::string name = winogradName("zeros", dot, {length});
    llvm::Module* module = function->getParent();
    if (auto* there = module->getGlobalVariable(name, true)) return there;
    auto* type = llvm::ArrayType::get(types.stored, uint64_t(length));
    return new llvm::GlobalVariable(*module, type, true, llvm::GlobalValue::InternalLinkage,
                                    llvm::Constant::getNullValue(type), name);
  }

  llvm::IRBuilderBase& b;
  const DotPlan& dot;
  const WinogradPlan& plan;
  const LinesPlan& p;
  DotTypes types;
  llvm::Function* function;
  llvm::Value* zero;
  llvm::Align align;
};

} // namespace weft::cpu
