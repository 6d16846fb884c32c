// Places of the sums at points, and places by their definition.
#include "codegen/cpu/winograd_function.h"

#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

using Four = std::array<Value*, kSeen>;

class PlacesEmitter : WinogradFunction {
public:
  using WinogradFunction::WinogradFunction;

  void emit() {
    Value *sums = function->getArg(0), *count = function->getArg(1), *to = function->getArg(2);
    seen = b.CreateAlloca(types.vec);
    b.CreateStore(Constant::getNullValue(types.vec), seen);
    int64_t length = plan.windows.length, whole = length / p.lanes * p.lanes;
    eachVector([&](Value* row) {
      Value *from = at(sums, row), *rows = at(to, times(row, plan.placesPitch()));
      emitDotLoop(b, zero, count, 1, [&](Value* line) {
        Value* squares = at(from, times(line, plan.squaresOfLine() * p.tileRows()));
        Value* places = at(rows, times(line, kPlaces * length));
        emitDotLoop(b, zero, b.getInt64(whole), p.lanes, [&](Value* place) {
          emitPlaces(at(squares, times(place, p.tileRows() / kPlaces)), at(places, place), p.lanes);
        });
        if (whole < length)
          emitPlaces(at(squares, whole / kPlaces * p.tileRows()), at(places, whole),
                     length - whole);
      });
    });
    b.CreateAlignedStore(b.CreateLoad(types.vec, seen), function->getArg(3), align);
    b.CreateRetVoid();
  }

private:
  // A: of points 0 to 3 the sum of the first three, and 1 - 2 - 3.
  std::array<Value*, kPlaces> placesOf(const Four& m) {
    return {b.CreateFAdd(b.CreateFAdd(m[0], m[1]), m[2]),
            b.CreateFSub(b.CreateFSub(m[1], m[2]), m[3])};
  }

  // So many places of two lines, for a vector of rows.
  void emitPlaces(Value* sums, Value* to, int64_t count) {
    std::array<std::vector<Value*>, kPlaces> lines;
    lines.fill(std::vector<Value*>(p.lanes, PoisonValue::get(types.vec)));
    for (int64_t square = 0; square < ceilDiv(count, kPlaces); ++square) {
      std::array<std::array<Value*, kPlaces>, kSeen> rows;
      for (int i = 0; i < kSeen; ++i) {
        Four points;
        for (int j = 0; j < kSeen; ++j)
          points[j] = load(at(sums, (i * kSeen + j) * plan.sumsPitch() + square * p.tileRows()));
        rows[i] = placesOf(points);
      }
      for (int x = 0; x < kPlaces; ++x) {
        auto column = placesOf({rows[0][x], rows[1][x], rows[2][x], rows[3][x]});
        for (int y = 0; y < kPlaces; ++y) {
          lines[y][square * kPlaces + x] = column[y];
          look(column[y]);
        }
      }
    }
    for (int y = 0; y < kPlaces; ++y) {
      transposeDot(b, lines[y]);
      for (int row = 0; row < p.lanes; ++row)
        storePlaces(lines[y][row], at(to, y * plan.windows.length + row * plan.placesPitch()),
                    count);
    }
  }

  // Any number times 0 is 0, but for infinities and NaN.
  void look(Value* places) {
    Value* none = Constant::getNullValue(types.vec);
    b.CreateStore(multiplyAddDot(b, dot, places, none, b.CreateLoad(types.vec, seen)), seen);
  }

  void storePlaces(Value* places, Value* to, int64_t count) {
    if (count == p.lanes) return store(places, to);
    b.CreateMaskedStore(places, to, align, firstLanesDot(b, p.lanes, b.getInt64(count)));
  }

  Value* seen = nullptr;
};

class DirectEmitter : WinogradFunction {
public:
  DirectEmitter(IRBuilderBase& builder, const DotPlan& dot, const WinogradPlan& plan,
                int64_t channel_stride, Function* function)
      : WinogradFunction(builder, dot, plan, function), w(plan.windows),
        channel_stride(channel_stride) {}

  // Channel by channel and tap by tap, as products without minimal filtering add up.
  void emit() {
    Value *image = function->getArg(0), *weights = function->getArg(1), *rows = function->getArg(2);
    Value *first = function->getArg(3), *count = function->getArg(4), *sums = function->getArg(5);
    const DotLayout& a = dot.shape.a;
    Function* pack = dotPackFunction(
        b, dot, DotPanel{p.tileRows(), a.row_stride, a.column_stride, true, kAllTaps});
    auto* taps = b.CreateAlloca(types.sum, b.getInt64(kAllTaps * p.tileRows() + p.lanes));
    Value* places = times(count, w.length);
    emitDotLoop(b, zero, times(places, p.tileRows()), p.lanes,
                [&](Value* i) { store(Constant::getNullValue(types.vec), at(sums, i)); });
    emitDotLoop(b, zero, b.getInt64(p.channels), 1, [&](Value* channel) {
      Value* from = b.CreateGEP(types.stored, image, times(channel, channel_stride));
      b.CreateCall(pack,
                   {b.CreateGEP(types.stored, weights, times(channel, kAllTaps * a.column_stride)),
                    b.getInt64(a.row_stride), b.getInt64(a.column_stride), rows,
                    b.getInt64(kAllTaps), taps});
      emitDotLoop(b, zero, count, 1, [&](Value* line) {
        emitDotLoop(b, zero, b.getInt64(w.length), 1, [&](Value* place) {
          Value* number = b.CreateNSWAdd(times(line, w.length), place);
          addTaps(from, b.CreateNSWAdd(first, line), place, taps,
                  at(sums, times(number, p.tileRows())));
        });
      });
    });
    emitDotLoop(b, zero, places, 1, [&](Value* place) {
      emitDotLoop(b, zero, b.getInt64(p.tileRows()), 1, [&](Value* row) {
        Value* sum = at(sums, b.CreateNSWAdd(times(place, p.tileRows()), row));
        Value* to = at(function->getArg(6), b.CreateNSWAdd(times(row, plan.placesPitch()), place));
        b.CreateAlignedStore(b.CreateAlignedLoad(types.sum, sum, align), to, align);
      });
    });
    b.CreateRetVoid();
  }

private:
  void addTaps(Value* channel, Value* line, Value* place, Value* taps, Value* sums) {
    std::vector<Value*> numbers;
    for (int r = 0; r < kTaps; ++r)
      for (int t = 0; t < kTaps; ++t)
        numbers.push_back(numberAt(channel, b.CreateNSWAdd(line, b.getInt64(r)),
                                   b.CreateNSWAdd(place, b.getInt64(t))));
    eachVector([&](Value* row) {
      Value* sum = load(at(sums, row));
      for (auto [tap, number] : enumerate(numbers)) {
        Value* weight = load(at(taps, b.CreateNSWAdd(row, b.getInt64(tap * p.tileRows()))));
        sum = multiplyAddDot(b, dot, b.CreateVectorSplat(p.lanes, number), weight, sum);
      }
      store(sum, at(sums, row));
    });
  }

  Value* numberAt(Value* channel, Value* line, Value* position) {
    Value* is_inside = b.CreateAnd(isWithin(line, w.first_line, w.end_line),
                                   isWithin(position, w.first_position, w.end_position));
    Value* place = b.CreateNSWAdd(times(line, w.pitch), position);
    Value* there = b.CreateGEP(types.stored, channel, place);
    return emitDotLoad(b, types, b.CreateSelect(is_inside, there, zeros()), 1);
  }

  Value* isWithin(Value* number, int64_t first, int64_t end) {
    return b.CreateAnd(b.CreateICmpSGE(number, b.getInt64(first)),
                       b.CreateICmpSLT(number, b.getInt64(end)));
  }

  const WindowLines& w;
  int64_t channel_stride;
};

} // namespace

Function* winogradPlacesFunction(IRBuilderBase& b, const DotPlan& dot, const WinogradPlan& plan) {
  std::string name = winogradName(
      "places", dot,
      {plan.point.tileRows(), plan.windows.length, plan.sumsPitch(), plan.placesPitch()});
  DotTypes types(b.getContext(), dot);
  return dotFunction(b, name, {types.ptr, types.i64, types.ptr, types.ptr},
                     [&](Function* f) { PlacesEmitter(b, dot, plan, f).emit(); });
}

Function* winogradDirectFunction(IRBuilderBase& b, const DotPlan& dot, const WinogradPlan& plan,
                                 int64_t channel_stride) {
  const WindowLines& w = plan.windows;
  const DotLayout& a = dot.shape.a;
  std::string name =
      winogradName("direct", dot,
                   {plan.point.channels, channel_stride, plan.point.tileRows(), plan.placesPitch(),
                    a.row_stride, a.column_stride, w.length, w.pitch, w.first_line, w.end_line,
                    w.first_position, w.end_position});
  DotTypes types(b.getContext(), dot);
  return dotFunction(b, name,
                     {types.ptr, types.ptr, types.i64, types.i64, types.i64, types.ptr, types.ptr},
                     [&](Function* f) { DirectEmitter(b, dot, plan, channel_stride, f).emit(); });
}

} // namespace weft::cpu
