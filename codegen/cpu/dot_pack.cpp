// Copies a panel of A or B so that the register tile reads it front to back.
#include "codegen/cpu/dot_parts.h"

#include <algorithm>
#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

constexpr int64_t kPrefetchGroups = 8, kPrefetchLines = 48; // the least of both

class PackEmitter {
public:
  PackEmitter(IRBuilderBase& builder, const DotPlan& plan, const DotPanel& panel,
              Function* function)
      : b(builder), plan(plan), panel(panel), types(builder.getContext(), plan), lanes(plan.lanes),
        group(plan.group), width(panel.width), from(function->getArg(0)),
        lane_stride(constantOr(panel.lane_stride, function->getArg(1))),
        step_stride(constantOr(panel.step_stride, function->getArg(2))), valid(function->getArg(3)),
        steps(function->getArg(4)), to(function->getArg(5)) {
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
    zero = b.getInt64(0);
    whole_groups = group == 1 ? steps : b.CreateUDiv(steps, b.getInt64(group));
    groups = group == 1
                 ? steps
                 : b.CreateUDiv(b.CreateNSWAdd(steps, b.getInt64(group - 1)), b.getInt64(group));
  }

  void emit() {
    if (panel.count > 1)
      copySeveral();
    else if (panel.lane_stride == 1)
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

  // The first step of a group, or one further on.
  Value* stepOf(Value* number, int64_t within = 0) {
    return emitDotOffset(b, b.getInt64(within), number, b.getInt64(group));
  }

  void store(Value* value, Value* lane, Value* number) {
    if (plan.shiftsColumns() && !panel.is_left) // 128 more is the sign bit flipped
      value = b.CreateXor(value, ConstantInt::get(value->getType(), 0x80808080));
    b.CreateAlignedStore(value, target(lane, number), Align(types.sum->getScalarSizeInBits() / 8));
  }

  Value* target(Value* lane, Value* number) {
    return b.CreateGEP(types.sum, to, emitDotOffset(b, lane, number, b.getInt64(width)));
  }

  // Lanes lie side by side: whole vectors, masked where they pass the last valid lane. The surplus
  // of a last, partial vector is overwritten by the next group.
  void copyVectors() {
    auto copy = [&](function_ref<Value*(int64_t)> mask) {
      emitDotLoop(b, zero, whole_groups, 1, [&](Value* number) {
        prefetch(number);
        for (int64_t lane = 0; lane < width; lane += lanes)
          store(loadVector(lane, number, mask(lane)), b.getInt64(lane), number);
      });
      emitDotLoop(b, whole_groups, groups, 1, [&](Value* number) {
        for (int64_t lane = 0; lane < width; lane += lanes)
          store(loadVector(lane, number, mask(lane), true), b.getInt64(lane), number);
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
      masks.push_back(firstLanesDot(b, lanes, b.CreateNSWSub(valid, b.getInt64(lane))));
    copy([&](int64_t lane) { return masks[lane / lanes]; });
    b.CreateBr(done);
    done->moveAfter(b.GetInsertBlock());
    b.SetInsertPoint(done);
  }

  // Several panels whose lanes lie side by side: each line of memory is read once, where one panel
  // after the other would read it for each. The surplus of a panel's last step falls on the first
  // lanes of the panel behind it, which are copied again.
  void copySeveral() {
    emitDotLoop(b, zero, steps, 1, [&](Value* number) {
      prefetch(number);
      for (int64_t i = 0; i < panel.count; ++i)
        for (int64_t lane = 0; lane < width; lane += lanes)
          store(loadVector(i * width + lane, number, nullptr), laneOf(i, lane), number);
    });
    int64_t surplus = roundUp(width, lanes) - width;
    if (surplus == 0) return;
    emitDotIf(b, b.CreateICmpSGT(steps, zero), [&] {
      for (int64_t i = 1; i < panel.count; ++i)
        store(emitDotLoad(b, types, source(b.getInt64(i * width), zero), unsigned(surplus)),
              laneOf(i, 0), zero);
    });
  }

  // Where a lane of a panel lies at its first step.
  Value* laneOf(int64_t panel_number, int64_t lane) {
    return b.getInt64(panel_number * width * plan.panelSteps() + lane);
  }

  // Lanes from `lane` on of a group. A partial group reads 0 for the steps that it lacks.
  Value* loadVector(int64_t lane, Value* number, Value* mask, bool partial = false) {
    if (group == 1) return emitDotLoad(b, types, source(b.getInt64(lane), number), lanes, mask);
    std::vector<Value*> rows;
    for (int64_t k = 0; k < group; ++k) {
      Value *step = stepOf(number, k), *seen = mask;
      if (partial) {
        seen = b.CreateVectorSplat(lanes, b.CreateICmpSLT(step, steps));
        if (mask) seen = b.CreateAnd(seen, mask);
      }
      rows.push_back(stepOfPanel(loadStored(source(b.getInt64(lane), step), types.row, seen)));
    }
    return interleaveDot(b, types, rows);
  }

  // An element, or a vector of them, as a panel has it.
  Value* stepOfPanel(Value* stored) {
    if (!plan.widensSteps()) return stored;
    return b.CreateSExt(stored, stored->getType()->getWithNewBitWidth(16));
  }

  // A lane of each of so many groups of steps that lie side by side.
  Value* loadGroups(Value* address) {
    auto* all = FixedVectorType::get(types.stored, unsigned(lanes * group));
    return b.CreateBitCast(stepOfPanel(loadStored(address, all)), types.vec);
  }

  Value* loadStored(Value* address, Type* type, Value* mask = nullptr) {
    Align align(types.stored->getScalarSizeInBits() / 8);
    return mask ? b.CreateMaskedLoad(type, address, align, mask, Constant::getNullValue(type))
                : static_cast<Value*>(b.CreateAlignedLoad(type, address, align));
  }

  // Steps are often a page or more apart, where no hardware prefetcher follows.
  void prefetch(Value* number) {
    int64_t line = 64 * 8 / types.stored->getScalarSizeInBits();
    int64_t all = width * panel.count, lines = group * ((all + line - 1) / line);
    int64_t groups_ahead = std::max(kPrefetchGroups, kPrefetchLines / lines);
    for (int64_t k = 0; k < group; ++k) {
      Value* ahead = stepOf(number, groups_ahead * group + k);
      for (int64_t lane = 0; lane < all; lane += line)
        b.CreateIntrinsic(
            Intrinsic::prefetch, {types.ptr},
            {source(b.getInt64(lane), ahead), b.getInt32(0), b.getInt32(3), b.getInt32(1)});
    }
  }

  // Steps lie side by side, and so does a group: squares of lanes x lanes go through registers.
  void transpose() {
    BasicBlock *part = block("part"), *whole = block("whole"), *done = block("done");
    b.CreateCondBr(b.CreateICmpSGE(valid, b.getInt64(width)), whole, part);
    b.SetInsertPoint(whole);
    Value* squares = b.CreateAnd(whole_groups, b.getInt64(-int64_t(lanes)));
    int64_t whole_lanes = width / lanes * lanes;
    // The surplus of a partial square falls on the first lanes of the next group: it goes first.
    if (whole_lanes < width) copyStrip(b.getInt64(whole_lanes), width - whole_lanes, squares);
    emitDotLoop(b, zero, b.getInt64(whole_lanes), lanes,
                [&](Value* lane) { copyStrip(lane, lanes, squares); });
    if (!knowsSteps()) copyScalars(squares);
    b.CreateBr(done);
    b.SetInsertPoint(part);
    copyScalars(zero);
    b.CreateBr(done);
    done->moveAfter(b.GetInsertBlock());
    b.SetInsertPoint(done);
  }

  bool knowsSteps() const { return panel.steps > 0 && group == 1; }

  // Squares of the same lanes one after the other: few rows are read at a time, each of them on.
  void copyStrip(Value* first_lane, int64_t count, Value* squares) {
    emitDotLoop(b, zero, squares, lanes,
                [&](Value* number) { copySquare(first_lane, count, number, lanes); });
    if (knowsSteps() && panel.steps % lanes != 0)
      copySquare(first_lane, count, squares, panel.steps % lanes);
  }

  void copySquare(Value* first_lane, int64_t count, Value* number, int64_t deep) {
    std::vector<Value*> rows;
    Value* mask = deep < lanes ? firstLanesDot(b, lanes, b.getInt64(deep)) : nullptr;
    Value* corner = source(first_lane, stepOf(number));
    for (int64_t i = 0; i < lanes; ++i) {
      Value* row =
          b.CreateGEP(types.stored, corner, emitDotOffset(b, zero, b.getInt64(i), lane_stride));
      rows.push_back(i >= count  ? static_cast<Value*>(PoisonValue::get(types.vec))
                     : group > 1 ? loadGroups(row)
                                 : emitDotLoad(b, types, row, lanes, mask));
    }
    transposeDot(b, rows);
    for (int i = 0; i < deep; ++i)
      store(rows[i], first_lane, b.CreateNSWAdd(number, b.getInt64(i)));
  }

  // Any strides, from group `first` on.
  void copyScalars(Value* first) {
    emitDotLoop(b, first, groups, 1, [&](Value* number) {
      emitDotLoop(b, zero, b.CreateBinaryIntrinsic(Intrinsic::smin, valid, b.getInt64(width)), 1,
                  [&](Value* lane) { store(loadLane(lane, number), lane, number); });
      emitDotLoop(b, valid, b.getInt64(width), 1,
                  [&](Value* lane) { store(Constant::getNullValue(types.sum), lane, number); });
    });
  }

  Value* loadLane(Value* lane, Value* number) {
    if (group == 1) return emitDotLoad(b, types, source(lane, number), 1);
    Value* none = stepOfPanel(Constant::getNullValue(types.stored));
    auto* all = FixedVectorType::get(none->getType(), unsigned(group));
    Value *steps_of_lane = PoisonValue::get(all), *last = b.CreateNSWSub(steps, b.getInt64(1));
    for (int64_t k = 0; k < group; ++k) {
      Value* step = stepOf(number, k);
      Value* place = source(lane, b.CreateBinaryIntrinsic(Intrinsic::smin, step, last));
      Value* x = stepOfPanel(loadStored(place, types.stored));
      x = b.CreateSelect(b.CreateICmpSLT(step, steps), x, none);
      steps_of_lane = b.CreateInsertElement(steps_of_lane, x, k);
    }
    return b.CreateBitCast(steps_of_lane, types.sum);
  }

  BasicBlock* block(const char* name) {
    return BasicBlock::Create(b.getContext(), name, b.GetInsertBlock()->getParent());
  }

  IRBuilderBase& b;
  const DotPlan& plan;
  const DotPanel& panel;
  DotTypes types;
  int lanes, group;
  int64_t width;
  Value *from, *lane_stride, *step_stride, *valid, *steps, *to, *zero = nullptr;
  Value *groups = nullptr, *whole_groups = nullptr; // of steps, with and without a last partial one
};

} // namespace

Function* dotPackFunction(IRBuilderBase& b, const DotPlan& plan, const DotPanel& panel) {
  DotTypes types(b.getContext(), plan);
  auto text = [](int64_t stride) { return stride == kDynamic ? "x" : std::to_string(stride); };
  std::string name = std::string("weft.dot.pack.") + nameOfElement(plan.shape.element) + "." +
                     std::to_string(panel.width) + "x" + std::to_string(plan.group) + "." +
                     text(panel.lane_stride) + "." + text(panel.step_stride);
  if (panel.steps > 0) name += ".n" + std::to_string(panel.steps);
  if (panel.count > 1)
    name += ".x" + std::to_string(panel.count) + "." + std::to_string(plan.panelSteps());
  if (plan.shiftsColumns() && !panel.is_left) name += ".shifted";
  return dotFunction(b, name, {types.ptr, types.i64, types.i64, types.i64, types.i64, types.ptr},
                     [&](Function* function) { PackEmitter(b, plan, panel, function).emit(); });
}

} // namespace weft::cpu
