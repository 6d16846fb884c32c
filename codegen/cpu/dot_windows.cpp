// Copies a panel of B that sees its columns through windows (plan.h). What lies apart for each
// column is found once a panel, what is inside of the image once a step of the period; all periods
// then read the same lanes.
#include "codegen/cpu/dot_windows.h"

#include "codegen/cpu/dot_parts.h"

#include "llvm/IR/IntrinsicsX86.h"

#include <limits>
#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

class WindowEmitter {
public:
  WindowEmitter(IRBuilderBase& builder, const DotPlan& plan, const ProductWindow& window,
                Function* function)
      : b(builder), plan(plan), window(window), types(builder.getContext(), plan),
        lanes(plan.lanes), width(plan.tileColumns()), from(function->getArg(0)),
        column(function->getArg(1)), valid(function->getArg(2)), first(function->getArg(3)),
        steps(function->getArg(4)), to(function->getArg(5)) {
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
    zero = b.getInt64(0);
    numbers = b.CreateAlloca(FixedVectorType::get(b.getInt32Ty(), lanes));
  }

  void emit() {
    for (int v = 0; v < plan.tile_vectors; ++v)
      emitDotIf(b, b.CreateICmpSGT(valid, b.getInt64(v * lanes)), [&] { emitVector(v * lanes); });
    b.CreateRetVoid();
  }

private:
  // How the lanes of a vector lie in memory: side by side, within two vectors in ascending order,
  // or anywhere.
  enum class Lie { line, pair, apart };

  void emitVector(int64_t lane) {
    own_lane = lane;
    Value* p = b.CreateAdd(splat(b.CreateAdd(column, b.getInt64(lane))), iota());
    live = b.CreateICmpSLT(iota(), splat(b.CreateSub(valid, b.getInt64(lane))));
    Value* places = evaluate(window.by_column, p);
    Value* start = b.CreateExtractElement(places, uint64_t(0));
    base = at(types.stored, from, b.CreateSExt(start, types.i64));
    ahead = b.CreateSub(places, b.CreateVectorSplat(lanes, start));
    bounds.clear();
    for (const ProductWindow::Bound& bound : window.bounds)
      bounds.push_back(evaluate(bound.by_column, p));
    Value* is_line = holds(b.CreateICmpEQ(ahead, iota()));
    emitDotIf(b, is_line, [&] { emitSteps(Lie::line); });
    Value* is_other = b.CreateNot(is_line);
    if (plan.target.vector_bytes != 64) {
      emitDotIf(b, is_other, [&] { emitSteps(Lie::apart); });
      return;
    }
    std::vector<int> previous;
    for (int i = 0; i < lanes; ++i)
      previous.push_back(std::max(i - 1, 0));
    Value* before = b.CreateShuffleVector(ahead, previous);
    Value* ascends = b.CreateOr(b.CreateICmpSGT(ahead, before),
                                b.CreateICmpEQ(iota(), ConstantInt::get(iota()->getType(), 0)));
    Value* near = b.CreateICmpULT(ahead, ConstantInt::get(ahead->getType(), 2 * lanes));
    Value* is_pair = holds(b.CreateAnd(ascends, near));
    emitDotIf(b, b.CreateAnd(is_other, is_pair), [&] {
      b.CreateStore(ahead, numbers);
      Value* inside = isInside();
      emitDotIf(b, inside, [&] { emitSteps(Lie::pair, true); });
      emitDotIf(b, b.CreateNot(inside), [&] { emitSteps(Lie::pair); });
    });
    emitDotIf(b, b.CreateAnd(is_other, b.CreateNot(is_pair)), [&] { emitSteps(Lie::apart); });
  }

  // Whether all lanes are columns that see nothing but the image, whatever the step.
  Value* isInside() {
    Value* all = live;
    for (auto [bound, by_column] : zip(window.bounds, bounds)) {
      int64_t least = std::numeric_limits<int64_t>::min();
      for (int64_t step = 0; step < window.period; ++step)
        least = std::max(least, -numberOf(bound.by_step, step));
      all = b.CreateAnd(all, b.CreateICmpSGE(by_column, splat(b.getInt64(least))));
    }
    return b.CreateAndReduce(all);
  }

  // For each step of the period: the places of periods whose number of k lies in first .. first +
  // steps.
  void emitSteps(Lie lie, bool is_inside = false) {
    Value* end = b.CreateAdd(first, steps);
    if (is_inside) {
      seen = Constant::getAllOnesValue(live->getType());
      findPair();
    }
    emitDotLoop(b, zero, b.getInt64(window.period), 1, [&](Value* step) {
      Value* source = at(types.stored, base, evaluate(window.by_step, step));
      if (!is_inside) {
        seen = seenAt(step);
        if (lie == Lie::pair) findPair();
      }
      emitDotLoop(b, periodFrom(first, step), periodFrom(end, step), 1, [&](Value* period) {
        Value* address =
            at(types.stored, source, b.CreateMul(period, b.getInt64(window.period_stride)));
        Value* k = b.CreateAdd(b.CreateMul(period, b.getInt64(window.period)), step);
        Value* row = b.CreateMul(b.CreateSub(k, first), b.getInt64(width));
        b.CreateAlignedStore(load(lie, address),
                             at(types.sum, to, b.CreateAdd(row, b.getInt64(own_lane))),
                             Align(plan.sumBytes()));
      });
    });
  }

  // The lanes that are columns and see the image at a step.
  Value* seenAt(Value* step) {
    Value* seen = live;
    for (auto [bound, by_column] : zip(window.bounds, bounds)) {
      Value* least = b.CreateNeg(evaluate(bound.by_step, step));
      seen = b.CreateAnd(seen, b.CreateICmpSGE(by_column, splat(least)));
    }
    return seen;
  }

  // The first period whose step lies at k or behind it.
  Value* periodFrom(Value* k, Value* step) {
    Value* left = b.CreateBinaryIntrinsic(Intrinsic::smax, b.CreateSub(k, step), zero);
    return b.CreateUDiv(b.CreateAdd(left, b.getInt64(window.period - 1)),
                        b.getInt64(window.period));
  }

  // The elements of two vectors between the first and the last that is seen: a lane before or
  // behind them may lie outside of memory.
  void findPair() {
    Type* bits = b.getIntNTy(lanes);
    Value* mask = b.CreateZExt(b.CreateBitCast(seen, bits), types.i64);
    Value* none = b.CreateICmpEQ(mask, zero);
    Value* some = b.CreateOr(mask, b.CreateZExt(none, types.i64));
    Value* low = b.CreateBinaryIntrinsic(Intrinsic::cttz, some, b.getTrue());
    Value* high =
        b.CreateSub(b.getInt64(63), b.CreateBinaryIntrinsic(Intrinsic::ctlz, some, b.getTrue()));
    auto number = [&](Value* lane) {
      Value* value = b.CreateLoad(b.getInt32Ty(), at(b.getInt32Ty(), numbers, lane));
      return b.CreateZExt(value, types.i64);
    };
    Value* below = b.CreateSub(b.CreateShl(b.getInt64(1), number(low)), b.getInt64(1));
    Value* upto = b.CreateSub(b.CreateShl(b.getInt64(2), number(high)), b.getInt64(1));
    Value* range = b.CreateSelect(none, zero, b.CreateAnd(upto, b.CreateNot(below)));
    auto half = [&](Value* from) {
      return b.CreateBitCast(b.CreateTrunc(from, bits), seen->getType());
    };
    pair[0] = half(range);
    pair[1] = half(b.CreateLShr(range, b.getInt64(lanes)));
  }

  Value* load(Lie lie, Value* address) {
    if (lie == Lie::line) return emitDotLoad(b, types, address, lanes, seen);
    if (lie == Lie::pair) {
      Value* low = emitDotLoad(b, types, address, lanes, pair[0]);
      Value* high =
          emitDotLoad(b, types, at(types.stored, address, b.getInt64(lanes)), lanes, pair[1]);
      bool is_single = plan.sumBytes() == 4;
      Value* index =
          is_single ? ahead : b.CreateZExt(ahead, FixedVectorType::get(types.i64, lanes));
      Value* both = b.CreateIntrinsic(is_single ? Intrinsic::x86_avx512_vpermi2var_ps_512
                                                : Intrinsic::x86_avx512_vpermi2var_pd_512,
                                      {}, {low, index, high});
      return b.CreateSelect(seen, both, Constant::getNullValue(types.vec));
    }
    auto* stored = FixedVectorType::get(types.stored, lanes);
    Value* gathered = b.CreateMaskedGather(stored, b.CreateGEP(types.stored, address, ahead),
                                           Align(types.stored->getScalarSizeInBits() / 8), seen,
                                           Constant::getNullValue(stored));
    return widenDot(b, types, gathered);
  }

  // Whether a condition holds for all lanes that are columns.
  Value* holds(Value* condition) {
    return b.CreateAndReduce(b.CreateOr(condition, b.CreateNot(live)));
  }

  static int64_t numberOf(mlir::AffineExpr e, int64_t dim) {
    mlir::AffineExpr number = mlir::getAffineConstantExpr(dim, e.getContext());
    e = mlir::simplifyAffineExpr(e.replaceDims(number), 0, 0);
    return mlir::cast<mlir::AffineConstantExpr>(e).getValue();
  }

  // An affine function of dim 0: in 32 bits of a vector, or in 64 of a scalar.
  Value* evaluate(mlir::AffineExpr e, Value* dim) {
    if (auto constant = mlir::dyn_cast<mlir::AffineConstantExpr>(e))
      return ConstantInt::getSigned(dim->getType(), constant.getValue());
    auto binary = mlir::dyn_cast<mlir::AffineBinaryOpExpr>(e);
    if (!binary) return dim;
    Value *x = evaluate(binary.getLHS(), dim), *y = evaluate(binary.getRHS(), dim);
    switch (e.getKind()) {
    case mlir::AffineExprKind::Add:
      return b.CreateAdd(x, y);
    case mlir::AffineExprKind::Mul:
      return b.CreateMul(x, y);
    case mlir::AffineExprKind::Mod: // of what is never negative
      return b.CreateURem(x, y);
    default:
      return b.CreateUDiv(x, y);
    }
  }

  Constant* iota() {
    std::vector<Constant*> ids;
    for (int i = 0; i < lanes; ++i)
      ids.push_back(b.getInt32(i));
    return ConstantVector::get(ids);
  }
  Value* splat(Value* number) {
    return b.CreateVectorSplat(lanes, b.CreateTrunc(number, b.getInt32Ty()));
  }
  Value* at(Type* type, Value* place, Value* index) { return b.CreateGEP(type, place, index); }

  IRBuilderBase& b;
  const DotPlan& plan;
  const ProductWindow& window;
  DotTypes types;
  int lanes;
  int64_t width, own_lane = 0;
  Value *from, *column, *valid, *first, *steps, *to, *zero = nullptr;
  Value *live = nullptr, *base = nullptr, *ahead = nullptr, *seen = nullptr, *numbers = nullptr;
  Value* pair[2] = {};
  std::vector<Value*> bounds;
};

std::string textOf(const ProductWindow& window) {
  std::string text;
  raw_string_ostream stream(text);
  stream << window.period << "." << window.period_stride << "." << window.by_column << "."
         << window.by_step;
  for (const ProductWindow::Bound& bound : window.bounds)
    stream << "." << bound.by_column << "." << bound.by_step;
  return text;
}

} // namespace

Function* dotWindowFunction(IRBuilderBase& b, const DotPlan& plan, const ProductWindow& window) {
  DotTypes types(b.getContext(), plan);
  // The name is what the function depends on.
  std::string name = "weft.dot.window." + std::to_string(int(plan.shape.element)) + "." +
                     std::to_string(plan.tile_vectors) + "." + textOf(window);
  return dotFunction(b, name, {types.ptr, types.i64, types.i64, types.i64, types.i64, types.ptr},
                     [&](Function* function) { WindowEmitter(b, plan, window, function).emit(); });
}

} // namespace weft::cpu
