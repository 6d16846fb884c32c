// Copies a panel of A or B so that the register tile reads it front to back.
#include "codegen/cpu/dot_parts.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

constexpr int64_t kPrefetchSteps = 8;

class PackEmitter {
public:
  PackEmitter(IRBuilderBase& builder, const DotPlan& plan, const DotPanel& panel,
              Function* function)
      : b(builder), types(builder.getContext(), plan), lanes(plan.lanes), width(panel.width),
        from(function->getArg(0)), lane_stride(constantOr(panel.lane_stride, function->getArg(1))),
        step_stride(constantOr(panel.step_stride, function->getArg(2))), valid(function->getArg(3)),
        steps(function->getArg(4)), to(function->getArg(5)) {
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
    zero = b.getInt64(0);
  }

  void emit(const DotPanel& panel) {
    if (panel.lane_stride == 1)
      copyVectors();
    else if (panel.step_stride == 1)
      transpose();
    else
      copyScalars(zero);
    b.CreateRetVoid();
  }

private:
  Value* constantOr(int64_t constant, Value* value) {
    return constant == kDynamic ? value : b.getInt64(constant);
  }

  Value* source(Value* lane, Value* step) {
    Value* offset = emitDotOffset(b, emitDotOffset(b, zero, lane, lane_stride), step, step_stride);
    return b.CreateGEP(types.stored, from, offset);
  }

  Value* target(Value* lane, Value* step) {
    return b.CreateGEP(types.sum, to, emitDotOffset(b, lane, step, b.getInt64(width)));
  }

  void store(Value* value, Value* lane, Value* step) {
    b.CreateAlignedStore(value, target(lane, step), Align(types.sum->getScalarSizeInBits() / 8));
  }

  // Lanes lie side by side: whole vectors, masked where they pass the last valid lane. The surplus
  // of a last, partial vector is overwritten by the next step.
  void copyVectors() {
    auto copy = [&](function_ref<Value*(int64_t)> mask) {
      emitDotLoop(b, zero, steps, 1, [&](Value* step) {
        prefetch(step);
        for (int64_t lane = 0; lane < width; lane += lanes)
          store(emitDotLoad(b, types, source(b.getInt64(lane), step), lanes, mask(lane)),
                b.getInt64(lane), step);
      });
    };
    BasicBlock *part = block("part"), *whole = block("whole"), *done = block("done");
    int64_t read = (width + lanes - 1) / lanes * lanes;
    b.CreateCondBr(b.CreateICmpSGE(valid, b.getInt64(read)), whole, part);
    b.SetInsertPoint(whole);
    copy([](int64_t) -> Value* { return nullptr; });
    b.CreateBr(done);
    b.SetInsertPoint(part);
    std::vector<Value*> masks;
    for (int64_t lane = 0; lane < width; lane += lanes)
      masks.push_back(firstLanes(b.CreateNSWSub(valid, b.getInt64(lane))));
    copy([&](int64_t lane) { return masks[lane / lanes]; });
    b.CreateBr(done);
    done->moveAfter(b.GetInsertBlock());
    b.SetInsertPoint(done);
  }

  // Steps are often a page or more apart, where no hardware prefetcher follows.
  void prefetch(Value* step) {
    Value* ahead = b.CreateNSWAdd(step, b.getInt64(kPrefetchSteps));
    int64_t line = 64 * 8 / types.stored->getScalarSizeInBits();
    for (int64_t lane = 0; lane < width; lane += line)
      b.CreateIntrinsic(
          Intrinsic::prefetch, {types.ptr},
          {source(b.getInt64(lane), ahead), b.getInt32(0), b.getInt32(3), b.getInt32(1)});
  }

  // Mask of the first `count` lanes, which may be any number.
  Value* firstLanes(Value* count) {
    std::vector<Constant*> ids;
    for (int i = 0; i < lanes; ++i)
      ids.push_back(b.getInt64(i));
    return b.CreateICmpSLT(ConstantVector::get(ids), b.CreateVectorSplat(lanes, count));
  }

  // Steps lie side by side: squares of lanes x lanes go through registers.
  void transpose() {
    BasicBlock *part = block("part"), *whole = block("whole"), *done = block("done");
    b.CreateCondBr(b.CreateICmpSGE(valid, b.getInt64(width)), whole, part);
    b.SetInsertPoint(whole);
    Value* squares = b.CreateAnd(steps, b.getInt64(-int64_t(lanes)));
    int64_t whole_lanes = width / lanes * lanes;
    emitDotLoop(b, zero, squares, lanes, [&](Value* step) {
      // The surplus of a partial square falls on the first lanes of the next step: it goes first.
      if (whole_lanes < width) copySquare(b.getInt64(whole_lanes), width - whole_lanes, step);
      emitDotLoop(b, zero, b.getInt64(whole_lanes), lanes,
                  [&](Value* lane) { copySquare(lane, lanes, step); });
    });
    copyScalars(squares);
    b.CreateBr(done);
    b.SetInsertPoint(part);
    copyScalars(zero);
    b.CreateBr(done);
    done->moveAfter(b.GetInsertBlock());
    b.SetInsertPoint(done);
  }

  void copySquare(Value* first_lane, int64_t count, Value* step) {
    std::vector<Value*> rows;
    Value* corner = source(first_lane, step);
    for (int64_t i = 0; i < lanes; ++i) {
      Value* row =
          b.CreateGEP(types.stored, corner, emitDotOffset(b, zero, b.getInt64(i), lane_stride));
      rows.push_back(i < count ? emitDotLoad(b, types, row, lanes)
                               : static_cast<Value*>(PoisonValue::get(types.vec)));
    }
    // Invariant: after the stage of distance d, bit d of the lane and of the row are exchanged.
    for (int distance = lanes / 2; distance >= 1; distance /= 2)
      for (int i = 0; i < lanes; ++i)
        if (!(i & distance)) exchange(rows[i], rows[i + distance], distance);
    for (int i = 0; i < lanes; ++i)
      store(rows[i], first_lane, b.CreateNSWAdd(step, b.getInt64(i)));
  }

  void exchange(Value*& low, Value*& high, int distance) {
    std::vector<int> first, second;
    for (int i = 0; i < lanes; ++i) {
      first.push_back(i & distance ? lanes + i - distance : i);
      second.push_back(i & distance ? lanes + i : i + distance);
    }
    Value* a = b.CreateShuffleVector(low, high, first);
    high = b.CreateShuffleVector(low, high, second);
    low = a;
  }

  // Any strides, from step `first` on.
  void copyScalars(Value* first) {
    emitDotLoop(b, first, steps, 1, [&](Value* step) {
      emitDotLoop(
          b, zero, b.CreateBinaryIntrinsic(Intrinsic::smin, valid, b.getInt64(width)), 1,
          [&](Value* lane) { store(emitDotLoad(b, types, source(lane, step), 1), lane, step); });
      emitDotLoop(b, valid, b.getInt64(width), 1,
                  [&](Value* lane) { store(Constant::getNullValue(types.sum), lane, step); });
    });
  }

  BasicBlock* block(const char* name) {
    return BasicBlock::Create(b.getContext(), name, b.GetInsertBlock()->getParent());
  }

  IRBuilderBase& b;
  DotTypes types;
  int lanes;
  int64_t width;
  Value *from, *lane_stride, *step_stride, *valid, *steps, *to, *zero = nullptr;
};

} // namespace

Function* dotPackFunction(IRBuilderBase& b, const DotPlan& plan, const DotPanel& panel) {
  DotTypes types(b.getContext(), plan);
  auto text = [](int64_t stride) { return stride == kDynamic ? "x" : std::to_string(stride); };
  static const char* const names[] = {"f32", "f64", "bf16", "f16", "i64"};
  std::string name = std::string("weft.dot.pack.") + names[int(plan.shape.element)] + "." +
                     std::to_string(panel.width) + "." + text(panel.lane_stride) + "." +
                     text(panel.step_stride);
  bool created;
  Function* function = dotFunction(
      b, name, {types.ptr, types.i64, types.i64, types.i64, types.i64, types.ptr}, created);
  if (created) {
    IRBuilderBase::InsertPointGuard guard(b);
    PackEmitter(b, plan, panel, function).emit(panel);
  }
  return function;
}

} // namespace weft::cpu
