// Points of weights and of the image. With B, G and A of F(2, 3), a square of places is
// A (G g G' * B d B') A' of a channel's taps g and numbers d.
#include "codegen/cpu/winograd_function.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

using Four = std::array<Value*, kSeen>;

class WeightsEmitter : WinogradFunction {
public:
  using WinogradFunction::WinogradFunction;

  // As many channels at a time as there are lanes: their taps are whole squares to be turned.
  void emit() {
    Value *from = function->getArg(0), *rows = function->getArg(1), *to = function->getArg(2);
    const DotLayout& a = dot.shape.a;
    DotPanel panel{p.tileRows(), a.row_stride, a.column_stride, true};
    Function* pack = dotPackFunction(b, dot, panel);
    auto* taps = b.CreateAlloca(types.sum, b.getInt64(kAllTaps * p.lanes * p.tileRows() + p.lanes));
    taps->setAlignment(Align(kCacheLine));
    emitDotLoop(b, zero, b.getInt64(p.channels), p.lanes, [&](Value* first) {
      Value* count = b.CreateBinaryIntrinsic(
          Intrinsic::smin, b.CreateNSWSub(b.getInt64(p.channels), first), b.getInt64(p.lanes));
      b.CreateCall(pack, {b.CreateGEP(types.stored, from, times(first, kAllTaps * a.column_stride)),
                          b.getInt64(a.row_stride), b.getInt64(a.column_stride), rows,
                          times(count, kAllTaps), taps});
      emitDotLoop(b, zero, count, 1, [&](Value* channel) {
        Value* seen = at(taps, times(channel, kAllTaps * p.tileRows()));
        Value* points = at(to, times(b.CreateNSWAdd(first, channel), p.tileRows()));
        eachVector([&](Value* row) { emitPoints(at(seen, row), at(points, row)); });
      });
    });
    b.CreateRetVoid();
  }

private:
  // G: of taps 0, 1, 2 the first, half of their sum, the same with 1 subtracted, the last.
  Four pointsOf(Value* first, Value* second, Value* third) {
    Value* half = ConstantFP::get(types.vec, 0.5);
    Value* ends = b.CreateFAdd(first, third);
    return {first, b.CreateFMul(b.CreateFAdd(ends, second), half),
            b.CreateFMul(b.CreateFSub(ends, second), half), third};
  }

  void emitPoints(Value* taps, Value* to) {
    std::array<Four, kTaps> lines;
    for (int i = 0; i < kTaps; ++i) {
      auto tap = [&](int j) { return load(at(taps, (i * kTaps + j) * p.tileRows())); };
      lines[i] = pointsOf(tap(0), tap(1), tap(2));
    }
    for (int j = 0; j < kSeen; ++j) {
      Four column = pointsOf(lines[0][j], lines[1][j], lines[2][j]);
      for (int i = 0; i < kSeen; ++i)
        store(column[i], at(to, (i * kSeen + j) * p.channels * p.tileRows()));
    }
  }
};

class ImageEmitter : WinogradFunction {
public:
  ImageEmitter(IRBuilderBase& builder, const DotPlan& dot, const WinogradPlan& plan,
               int64_t channel_stride, Function* function)
      : WinogradFunction(builder, dot, plan, function), w(plan.windows),
        channel_stride(channel_stride) {}

  void emit() {
    Value *image = function->getArg(0), *first = function->getArg(1), *count = function->getArg(2);
    Value* to = function->getArg(3);
    emitDotLoop(b, zero, b.getInt64(p.channels), 1, [&](Value* channel) {
      Value* from = b.CreateGEP(types.stored, image, times(channel, channel_stride));
      Value* points = at(to, times(channel, p.channelPitch()));
      emitDotLoop(b, zero, count, 1, [&](Value* line) {
        Value* seen = times(b.CreateNSWAdd(first, line), kPlaces);
        for (int i = 0; i < kSeen; ++i)
          lines[i] = lineOf(from, b.CreateNSWAdd(seen, b.getInt64(i)));
        emitLine(at(points, times(line, plan.squaresOfLine())));
      });
    });
    b.CreateRetVoid();
  }

private:
  // Squares that a vector holds see positions first .. first + positions(); vectors inside of the
  // image are a loop. What the last one holds behind the line is overwritten by the next line.
  void emitLine(Value* to) {
    int64_t vectors = plan.vectorsOfLine(), inside_first = vectors, inside_end = vectors;
    for (int64_t v = vectors - 1; v >= 0; --v) {
      int64_t first = v * positions();
      bool is_inside = first >= w.first_position && first + positions() + kPlaces <= w.end_position;
      if (is_inside) inside_first = v;
      if (is_inside && inside_end == vectors) inside_end = v + 1;
    }
    for (int64_t v = 0; v < inside_first; ++v)
      emitVector(b.getInt64(v * p.lanes), to, v * positions());
    emitDotLoop(b, b.getInt64(inside_first * p.lanes), b.getInt64(inside_end * p.lanes), p.lanes,
                [&](Value* square) { emitVector(square, to, {}); });
    for (int64_t v = inside_end; v < vectors; ++v)
      emitVector(b.getInt64(v * p.lanes), to, v * positions());
  }

  int64_t positions() const { return int64_t(p.lanes) * kPlaces; }

  // B': of numbers 0 to 3 the differences 0 - 2, 2 - 1 and 1 - 3 and the sum 1 + 2.
  Four pointsOf(const Four& d) {
    return {b.CreateFSub(d[0], d[2]), b.CreateFAdd(d[1], d[2]), b.CreateFSub(d[2], d[1]),
            b.CreateFSub(d[1], d[3])};
  }

  void emitVector(Value* square, Value* to, std::optional<int64_t> edge) {
    std::array<Four, kSeen> rows;
    for (int i = 0; i < kSeen; ++i)
      rows[i] = pointsOf(numbersOf(lines[i], square, edge));
    for (int j = 0; j < kSeen; ++j) {
      Four column = pointsOf({rows[0][j], rows[1][j], rows[2][j], rows[3][j]});
      for (int i = 0; i < kSeen; ++i)
        store(column[i],
              at(to, b.CreateNSWAdd(square, b.getInt64((i * kSeen + j) * plan.imagePitch()))));
    }
  }

  // What a vector of squares sees of a line: positions 0, 1, 2 and 3 of each.
  Four numbersOf(Value* line, Value* square, std::optional<int64_t> edge) {
    Four seen;
    for (int half = 0; half < 2; ++half) {
      int64_t offset = half * kPlaces;
      Value* low = loadLine(line, square, offset, edge);
      Value* high = loadLine(line, square, offset + p.lanes, edge);
      for (int odd = 0; odd < 2; ++odd) {
        std::vector<int> order;
        for (int i = 0; i < p.lanes; ++i)
          order.push_back(2 * i + odd);
        seen[2 * half + odd] = b.CreateShuffleVector(low, high, order);
      }
    }
    return seen;
  }

  // A vector of a line; at an edge of the image, whose number of the first position is a constant,
  // only what lies inside.
  Value* loadLine(Value* line, Value* square, int64_t offset, std::optional<int64_t> edge) {
    Value* position = b.CreateNSWAdd(times(square, kPlaces), b.getInt64(offset));
    Constant* mask = nullptr;
    if (edge) {
      std::vector<Constant*> lanes;
      for (int64_t i = 0, at = *edge + offset; i < p.lanes; ++i)
        lanes.push_back(b.getInt1(at + i >= w.first_position && at + i < w.end_position));
      mask = ConstantVector::get(lanes);
      if (mask->isNullValue()) return Constant::getNullValue(types.vec);
      if (mask->isAllOnesValue()) mask = nullptr;
    }
    return emitDotLoad(b, types, b.CreateGEP(types.stored, line, position), p.lanes, mask);
  }

  // A line of the image, or one of zeros above and below it.
  Value* lineOf(Value* from, Value* line) {
    Value* is_inside = b.CreateAnd(b.CreateICmpSGE(line, b.getInt64(w.first_line)),
                                   b.CreateICmpSLT(line, b.getInt64(w.end_line)));
    Value* there = b.CreateGEP(types.stored, from, times(line, w.pitch));
    return b.CreateSelect(is_inside, there, zeros());
  }

  const WindowLines& w;
  int64_t channel_stride;
  Four lines;
};

} // namespace

std::string winogradName(const char* part, const DotPlan& dot,
                         std::initializer_list<int64_t> numbers) {
  std::string text =
      std::string("weft.dot.winograd.") + part + "." + nameOfElement(dot.shape.element);
  for (int64_t number : numbers)
    text += "." + std::to_string(number);
  return text;
}

Function* winogradWeightsFunction(IRBuilderBase& b, const DotPlan& dot, const WinogradPlan& plan) {
  const DotLayout& a = dot.shape.a;
  std::string name = winogradName(
      "weights", dot, {plan.point.channels, plan.point.tileRows(), a.row_stride, a.column_stride});
  DotTypes types(b.getContext(), dot);
  return dotFunction(b, name, {types.ptr, types.i64, types.ptr},
                     [&](Function* f) { WeightsEmitter(b, dot, plan, f).emit(); });
}

Function* winogradImageFunction(IRBuilderBase& b, const DotPlan& dot, const WinogradPlan& plan,
                                int64_t channel_stride) {
  const WindowLines& w = plan.windows;
  std::string name =
      winogradName("image", dot,
                   {plan.point.channels, channel_stride, plan.point.channelPitch(), w.length,
                    w.pitch, w.first_line, w.end_line, w.first_position, w.end_position});
  DotTypes types(b.getContext(), dot);
  return dotFunction(b, name, {types.ptr, types.i64, types.i64, types.ptr},
                     [&](Function* f) { ImageEmitter(b, dot, plan, channel_stride, f).emit(); });
}

} // namespace weft::cpu
