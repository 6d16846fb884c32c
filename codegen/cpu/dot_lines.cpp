// chunk -> copy of lines -> tile of rows -> block of channels -> [pack weights] -> tile of columns.
// Weights are panels along rows, so that a tile needs of the image one number for each column: it
// reads them from the copy, which has zeros around the image, as it moves over channels and taps.
#include "codegen/cpu/dot_lines.h"

#include "codegen/cpu/dot_parts.h"

#include <algorithm>
#include <vector>

using namespace llvm;

namespace weft::cpu {
namespace {

std::string textOf(std::initializer_list<int64_t> numbers) {
  std::string text;
  for (int64_t number : numbers)
    text += "." + std::to_string(number);
  return text;
}

// The parts of a function of such a product that all have in common.
class LinesFunction {
public:
  LinesFunction(IRBuilderBase& builder, const DotPlan& dot, const LinesPlan& plan,
                Function* function)
      : b(builder), dot(dot), plan(plan), windows(plan.windows), types(builder.getContext(), dot),
        function(function), zero(builder.getInt64(0)) {
    b.SetInsertPoint(BasicBlock::Create(b.getContext(), "entry", function));
  }

protected:
  Value* at(Type* type, Value* base, Value* index) { return b.CreateGEP(type, base, index); }
  Value* at(Value* base, int64_t sums) { return b.CreateConstGEP1_64(types.sum, base, sums); }
  Align align() const { return Align(plan.sum_bytes); }

  IRBuilderBase& b;
  const DotPlan& dot;
  const LinesPlan& plan;
  const WindowLines& windows;
  DotTypes types;
  Function* function;
  Value* zero;
};

// The register tile: [places][vectors of rows] sums over some channels and all taps.
class TileEmitter : LinesFunction {
public:
  using LinesFunction::LinesFunction;

  void emit() {
    Value *image = function->getArg(0), *panel = function->getArg(1), *sums = function->getArg(2);
    Value *channels = function->getArg(3), *is_fresh = function->getArg(4);
    Value* ahead = function->getArg(5);
    for (int i = 0; i < plan.tile_places * plan.tile_vectors; ++i) {
      in_registers.push_back(b.CreateAlloca(types.vec));
      b.CreateStore(Constant::getNullValue(types.vec), in_registers[i]);
    }
    if (plan.severalBlocks())
      emitDotIf(b, b.CreateNot(is_fresh), [&] {
        eachSum([&](Value* sum, int64_t place) {
          b.CreateStore(b.CreateAlignedLoad(types.vec, at(sums, place), align()), sum);
        });
      });
    int64_t line_panel = windows.tap_places * plan.tileRows();
    emitDotLoop(b, zero, channels, 1, [&](Value* channel) {
      Value* line = at(types.sum, image, b.CreateNSWMul(channel, b.getInt64(plan.channelPitch())));
      Value* weights =
          at(types.sum, panel, b.CreateNSWMul(channel, b.getInt64(plan.channelWeights())));
      for (int64_t line = 0; line < plan.linesAhead(); ++line)
        prefetch(at(types.sum, ahead, b.CreateNSWMul(channel, b.getInt64(plan.channelWeights()))),
                 line);
      int64_t step = windows.tap_line_step * windows.width();
      emitDotLoop(b, zero, b.getInt64(windows.tap_lines), 1, [&](Value* tap_line) {
        Value* seen = at(types.sum, line, b.CreateNSWMul(tap_line, b.getInt64(step)));
        Value* rows = at(types.sum, weights, b.CreateNSWMul(tap_line, b.getInt64(line_panel)));
        // A loop, since taps side by side see the same numbers: LLVM would keep these in registers
        // that it does not have.
        emitDotLoop(b, zero, b.getInt64(windows.tap_places), 1, [&](Value* tap) {
          emitTap(at(types.sum, seen, b.CreateNSWMul(tap, b.getInt64(windows.tap_step))),
                  at(types.sum, rows, b.CreateNSWMul(tap, b.getInt64(plan.tileRows()))));
        });
      });
    });
    eachSum([&](Value* sum, int64_t place) {
      b.CreateAlignedStore(b.CreateLoad(types.vec, sum), at(sums, place), align());
    });
    b.CreateRetVoid();
  }

private:
  void eachSum(function_ref<void(Value* sum, int64_t place)> each) {
    for (auto [i, sum] : enumerate(in_registers))
      each(sum, int64_t(i) * plan.lanes);
  }

  void prefetch(Value* base, int64_t line) {
    b.CreateIntrinsic(Intrinsic::prefetch, {types.ptr},
                      {at(base, line * kCacheLine / plan.sum_bytes), b.getInt32(0), b.getInt32(2),
                       b.getInt32(1)});
  }

  void emitTap(Value* seen, Value* weights) {
    std::vector<Value*> rows;
    for (int v = 0; v < plan.tile_vectors; ++v)
      rows.push_back(b.CreateAlignedLoad(types.vec, at(weights, v * plan.lanes), align()));
    for (int place = 0; place < plan.tile_places; ++place) {
      Value* number = b.CreateAlignedLoad(types.sum, at(seen, place * windows.place_step), align());
      Value* factor = b.CreateVectorSplat(plan.lanes, number);
      for (int v = 0; v < plan.tile_vectors; ++v) {
        Value* sum = in_registers[place * plan.tile_vectors + v];
        b.CreateStore(multiplyAddDot(b, dot, factor, rows[v], b.CreateLoad(types.vec, sum)), sum);
      }
    }
  }

  std::vector<Value*> in_registers;
};

// Turns a tile's sums: to[row][place], with a pitch for the rows. What a vector holds behind the
// places is unspecified.
class TurnEmitter : LinesFunction {
public:
  using LinesFunction::LinesFunction;

  void emit() {
    Value *sums = function->getArg(0), *to = function->getArg(1);
    for (int v = 0; v < plan.tile_vectors; ++v) {
      std::vector<Value*> rows(plan.lanes, PoisonValue::get(types.vec));
      for (int place = 0; place < plan.tile_places; ++place)
        rows[place] = b.CreateAlignedLoad(
            types.vec, at(sums, place * plan.tileRows() + v * plan.lanes), align());
      transposeDot(b, rows);
      for (int i = 0; i < plan.lanes; ++i)
        b.CreateAlignedStore(rows[i], at(to, (v * plan.lanes + i) * plan.sumsPitch()), align());
    }
    b.CreateRetVoid();
  }
};

// Copies lines of all channels, widened, with zeros where they pass the image.
class CopyEmitter : LinesFunction {
public:
  CopyEmitter(IRBuilderBase& builder, const DotPlan& dot, const LinesPlan& plan,
              int64_t channel_stride, Function* function)
      : LinesFunction(builder, dot, plan, function), channel_stride(channel_stride) {}

  void emit() {
    Value *image = function->getArg(0), *first = function->getArg(1), *count = function->getArg(2);
    Value* to = function->getArg(3);
    emitDotLoop(b, zero, b.getInt64(plan.channels), 1, [&](Value* channel) {
      Value* from = at(types.stored, image, b.CreateNSWMul(channel, b.getInt64(channel_stride)));
      Value* start = at(types.sum, to, b.CreateNSWMul(channel, b.getInt64(plan.channelPitch())));
      emitDotLoop(b, zero, count, 1, [&](Value* number) {
        Value* line = b.CreateNSWAdd(first, number);
        Value* is_inside = b.CreateAnd(b.CreateICmpSGE(line, b.getInt64(windows.first_line)),
                                       b.CreateICmpSLT(line, b.getInt64(windows.end_line)));
        Value* copy = at(types.sum, start, b.CreateNSWMul(number, b.getInt64(windows.width())));
        emitDotIf(b, is_inside, [&] {
          copyLine(at(types.stored, from, b.CreateNSWMul(line, b.getInt64(windows.pitch))), copy);
        });
        emitDotIf(b, b.CreateNot(is_inside), [&] { copyLine(nullptr, copy); });
      });
    });
    b.CreateRetVoid();
  }

private:
  // A vector that passes the end of a line is followed by the next line.
  void copyLine(Value* line, Value* copy) {
    int64_t width = windows.width(), lanes = plan.lanes;
    int64_t whole_first = std::min((windows.first_position + lanes - 1) / lanes * lanes, width);
    int64_t whole_end = std::max(windows.end_position / lanes * lanes, whole_first);
    copyVectors(line, copy, 0, whole_first, true);
    copyVectors(line, copy, whole_first, whole_end, false);
    copyVectors(line, copy, whole_end, width, true);
  }

  void copyVectors(Value* line, Value* copy, int64_t first, int64_t end, bool is_masked) {
    emitDotLoop(b, b.getInt64(first), b.getInt64(end), plan.lanes, [&](Value* position) {
      Value *value = Constant::getNullValue(types.vec), *mask = nullptr;
      if (is_masked)
        mask = b.CreateAnd(
            b.CreateNot(firstLanesDot(
                b, plan.lanes, b.CreateNSWSub(b.getInt64(windows.first_position), position))),
            firstLanesDot(b, plan.lanes,
                          b.CreateNSWSub(b.getInt64(windows.end_position), position)));
      if (line) value = emitDotLoad(b, types, at(types.stored, line, position), plan.lanes, mask);
      b.CreateAlignedStore(value, at(types.sum, copy, position), align());
    });
  }

  int64_t channel_stride;
};

class LinesEmitter {
public:
  LinesEmitter(IRBuilderBase& builder, const DotProblem& problem, const LinesPlan& plan,
               int64_t channel_stride, Value* scratch, const DotEpilogue& epilogue)
      : b(builder), problem(problem), dot(problem.plan), plan(plan), windows(plan.windows),
        channel_stride(channel_stride), types(builder.getContext(), dot), epilogue(epilogue),
        copy(scratch), panel(bytesBehind(scratch, plan.panelOffset())),
        waiting(bytesBehind(scratch, plan.waitingOffset())),
        turned(bytesBehind(scratch, plan.turnedOffset())), zero(b.getInt64(0)) {}

  void emitChunks(Value* begin, Value* end) {
    emitDotLoop(b, begin, end, 1, [&](Value* chunk) {
      Value* line_chunk = b.CreateURem(chunk, b.getInt64(plan.lineChunks()));
      Value* rest = b.CreateUDiv(chunk, b.getInt64(plan.lineChunks()));
      Value* row_chunk = b.CreateURem(rest, b.getInt64(plan.rowChunks()));
      batch = b.CreateUDiv(rest, b.getInt64(plan.rowChunks()));
      first_line = b.CreateNSWMul(line_chunk, b.getInt64(plan.lines_per_chunk));
      end_line = endOf(first_line, plan.lines_per_chunk, windows.count);
      copyLines();
      Value* first_row = b.CreateNSWMul(row_chunk, b.getInt64(plan.rows_per_chunk));
      Value* end_row = endOf(first_row, plan.rows_per_chunk, plan.rows);
      emitDotLoop(b, first_row, end_row, plan.tileRows(), [&](Value* row) { emitRows(row); });
    });
  }

private:
  struct Block { // of channels, for a tile of rows: its part of the copy, and its weights
    Value *image, *weights, *channels, *is_first, *is_last;
  };

  void copyLines() {
    Value* lines = b.CreateNSWSub(end_line, first_line);
    Value* count = b.CreateNSWAdd(
        b.CreateNSWMul(b.CreateNSWSub(lines, b.getInt64(1)), b.getInt64(windows.line_step)),
        b.getInt64(windows.seen(1)));
    Value* image =
        at(types.stored, emitDotEntry(b, types, problem.b, batch), b.getInt64(windows.origin));
    b.CreateCall(copyFunction(),
                 {image, b.CreateNSWMul(first_line, b.getInt64(windows.line_step)), count, copy});
  }

  // All columns of the chunk for a tile of rows.
  void emitRows(Value* row) {
    emitDotLoop(b, zero, b.getInt64(plan.channels), plan.channels_per_block, [&](Value* channel) {
      Value* channels = b.CreateBinaryIntrinsic(Intrinsic::smin,
                                                b.CreateNSWSub(b.getInt64(plan.channels), channel),
                                                b.getInt64(plan.channels_per_block));
      Value* weights = panelOf(row, channel, channels);
      Value* image = at(types.sum, copy, b.CreateNSWMul(channel, b.getInt64(plan.channelPitch())));
      Value* is_first = b.CreateICmpEQ(channel, zero);
      Value* is_last = b.CreateICmpEQ(b.CreateNSWAdd(channel, channels), b.getInt64(plan.channels));
      emitDotLoop(b, zero, b.CreateNSWSub(end_line, first_line), 1, [&](Value* line) {
        emitDotLoop(b, zero, b.getInt64(windows.length), plan.tile_places, [&](Value* place) {
          emitTile({image, weights, channels, is_first, is_last}, line, place);
        });
      });
    });
    Value* length = b.getInt64(windows.length);
    bool has_whole_vectors = plan.lines_per_chunk * windows.length % plan.lanes == 0 &&
                             windows.count * windows.length % plan.lanes == 0;
    emitDotRows(b, dot,
                DotRows{turned, plan.sumsPitch(), batch, row,
                        endOf(row, plan.tileRows(), plan.rows), b.CreateNSWMul(first_line, length),
                        b.CreateNSWMul(b.CreateNSWSub(end_line, first_line), length),
                        has_whole_vectors},
                epilogue);
  }

  // The last tile of a line is moved back so that it ends with it.
  void emitTile(const Block& block, Value* line, Value* place) {
    Value* first = place;
    if (windows.length % plan.tile_places != 0)
      first = b.CreateBinaryIntrinsic(Intrinsic::smin, place,
                                      b.getInt64(windows.length - plan.tile_places));
    Value* seen = emitDotOffset(
        b, emitDotOffset(b, zero, line, b.getInt64(windows.line_step * windows.width())), first,
        b.getInt64(windows.place_step));
    Value* tile = b.CreateNSWAdd(b.CreateNSWMul(line, b.getInt64(plan.tilesOfLine())),
                                 b.CreateUDiv(place, b.getInt64(plan.tile_places)));
    Value* sums = waiting;
    if (plan.severalBlocks())
      sums = at(types.sum, waiting,
                b.CreateNSWMul(tile, b.getInt64(plan.tile_places * plan.tileRows())));
    // Panels that are all there lie one after another: each tile asks for its share of the next
    // one.
    Value* share =
        b.CreateNSWMul(tile, b.getInt64(plan.linesAhead() * kCacheLine / plan.sum_bytes));
    Value* ahead =
        at(types.sum, block.weights,
           b.CreateNSWAdd(share, b.getInt64(plan.channels_per_block * plan.channelWeights())));
    b.CreateCall(linesTileFunction(b, dot, plan), {at(types.sum, block.image, seen), block.weights,
                                                   sums, block.channels, block.is_first, ahead});
    emitDotIf(b, block.is_last, [&] {
      Value* column = emitDotOffset(b, first, line, b.getInt64(windows.length));
      b.CreateCall(turnFunction(), {sums, at(types.sum, turned, column)});
    });
  }

  // Weights of a tile of rows and some channels, packed now or before.
  Value* panelOf(Value* row, Value* channel, Value* channels) {
    Value* step = b.CreateNSWMul(channel, b.getInt64(plan.taps()));
    Value* from = at(types.stored, emitDotEntry(b, types, problem.a, batch),
                     emitDotOffset(b, emitDotOffset(b, zero, row, value(problem.a.row_stride)),
                                   step, value(problem.a.column_stride)));
    DotPanel weights{plan.tileRows(), dot.shape.a.row_stride, dot.shape.a.column_stride, true};
    return emitDotPanel(b, types, dot, problem.panels, row, step,
                        b.getInt64(plan.channels * plan.taps()), plan.tileRows(), panel, [&] {
                          b.CreateCall(dotPackFunction(b, dot, weights),
                                       {from, value(problem.a.row_stride),
                                        value(problem.a.column_stride),
                                        b.CreateNSWSub(b.getInt64(plan.rows), row),
                                        b.CreateNSWMul(channels, b.getInt64(plan.taps())), panel});
                        });
  }

  Function* copyFunction() {
    const WindowLines& w = windows;
    std::string name =
        std::string("weft.dot.lines.copy.") + nameOfElement(dot.shape.element) +
        textOf({plan.channels, channel_stride, plan.channelPitch(), w.pitch, w.width(),
                w.first_line, w.end_line, w.first_position, w.end_position});
    return dotFunction(b, name, {types.ptr, types.i64, types.i64, types.ptr},
                       [&](Function* f) { CopyEmitter(b, dot, plan, channel_stride, f).emit(); });
  }

  Function* turnFunction() {
    std::string name = std::string("weft.dot.lines.turn.") + (plan.sum_bytes == 4 ? "f32" : "f64") +
                       textOf({plan.tile_places, plan.tile_vectors, plan.sumsPitch()});
    return dotFunction(b, name, {types.ptr, types.ptr},
                       [&](Function* f) { TurnEmitter(b, dot, plan, f).emit(); });
  }

  Value* endOf(Value* first, int64_t size, int64_t extent) {
    return b.CreateBinaryIntrinsic(Intrinsic::smin, b.CreateNSWAdd(first, b.getInt64(size)),
                                   b.getInt64(extent));
  }
  Value* value(const DotSize& size) { return emitDotSize(b, size); }
  Value* at(Type* type, Value* base, Value* index) { return b.CreateGEP(type, base, index); }
  Value* bytesBehind(Value* base, int64_t bytes) {
    return b.CreateConstGEP1_64(b.getInt8Ty(), base, bytes);
  }

  IRBuilderBase& b;
  const DotProblem& problem;
  const DotPlan& dot;
  const LinesPlan& plan;
  const WindowLines& windows;
  int64_t channel_stride;
  DotTypes types;
  const DotEpilogue& epilogue;
  Value *copy, *panel, *waiting, *turned, *zero;
  Value *batch = nullptr, *first_line = nullptr, *end_line = nullptr;
};

} // namespace

Function* linesTileFunction(IRBuilderBase& b, const DotPlan& dot, const LinesPlan& plan) {
  const WindowLines& w = plan.windows;
  std::string name = std::string("weft.dot.lines.tile.") + (plan.sum_bytes == 4 ? "f32" : "f64") +
                     textOf({plan.tile_places, plan.tile_vectors, w.place_step, w.tap_lines,
                             w.tap_places, w.tap_line_step * w.width(), w.tap_step,
                             plan.channelPitch(), plan.severalBlocks(), plan.linesAhead()});
  DotTypes types(b.getContext(), dot);
  return dotFunction(b, name,
                     {types.ptr, types.ptr, types.ptr, types.i64, b.getInt1Ty(), types.ptr},
                     [&](Function* f) { TileEmitter(b, dot, plan, f).emit(); });
}

void emitDotRows(IRBuilderBase& b, const DotPlan& dot, const DotRows& rows,
                 const DotEpilogue& epilogue) {
  DotTypes types(b.getContext(), dot);
  Value* whole = rows.has_whole_vectors
                     ? rows.columns
                     : b.CreateAnd(rows.columns, b.getInt64(-int64_t(dot.lanes)));
  Value* left = b.CreateNSWSub(rows.columns, whole);
  emitDotLoop(b, rows.first_row, rows.end_row, 1, [&](Value* row) {
    Value* number = b.CreateNSWSub(row, rows.first_row);
    Value* line = b.CreateGEP(types.sum, rows.sums, b.CreateNSWMul(number, b.getInt64(rows.pitch)));
    auto hand_over = [&](Value* place, Value* mask) {
      Value* sums = b.CreateAlignedLoad(types.vec, b.CreateGEP(types.sum, line, place),
                                        Align(uint64_t(dot.sumBytes())));
      epilogue.point(DotPoint{b.CreateNSWAdd(rows.first_column, place), sums, mask});
    };
    epilogue.row(rows.batch, row, [&] {
      emitDotLoop(b, b.getInt64(0), whole, dot.lanes,
                  [&](Value* place) { hand_over(place, nullptr); });
      if (rows.has_whole_vectors) return;
      emitDotIf(b, b.CreateICmpSGT(left, b.getInt64(0)),
                [&] { hand_over(whole, firstLanesDot(b, dot.lanes, left)); });
    });
  });
}

void emitDotLines(IRBuilderBase& builder, const DotProblem& problem, const LinesPlan& lines,
                  int64_t channel_stride, Value* scratch, Value* begin, Value* end,
                  const DotEpilogue& epilogue) {
  LinesEmitter(builder, problem, lines, channel_stride, scratch, epilogue).emitChunks(begin, end);
}

} // namespace weft::cpu
