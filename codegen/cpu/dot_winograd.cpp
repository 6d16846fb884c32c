// chunk -> points of the image -> tile of rows -> [points of weights] -> point -> tile of squares,
// then places of the tile's sums. Each point is a product whose lanes run along rows, by the tile
// of dot_lines.cpp: it reads one number for each square and channel.
#include "codegen/cpu/dot_winograd.h"

#include "codegen/cpu/dot_lines.h"

using namespace llvm;

namespace weft::cpu {
namespace {

class WinogradEmitter {
public:
  WinogradEmitter(IRBuilderBase& builder, const DotProblem& problem, const WinogradPlan& plan,
                  int64_t channel_stride, Value* scratch, const DotEpilogue& epilogue)
      : b(builder), problem(problem), dot(problem.plan), plan(plan), p(plan.point),
        channel_stride(channel_stride), types(builder.getContext(), dot), epilogue(epilogue),
        image(scratch), panel(bytesBehind(scratch, plan.panelOffset())),
        sums(bytesBehind(scratch, plan.sumsOffset())),
        places(bytesBehind(scratch, plan.placesOffset())), zero(b.getInt64(0)) {}

  void emitChunks(Value* begin, Value* end) {
    seen = b.CreateAlloca(types.vec);
    emitDotLoop(b, begin, end, 1, [&](Value* chunk) {
      Value* piece = b.CreateURem(chunk, b.getInt64(plan.line_pieces));
      Value* rest = b.CreateUDiv(chunk, b.getInt64(plan.line_pieces));
      Value* row_chunk = b.CreateURem(rest, b.getInt64(p.rowChunks()));
      batch = b.CreateUDiv(rest, b.getInt64(p.rowChunks()));
      first_line = firstLine(piece);
      lines = b.CreateNSWSub(firstLine(b.CreateNSWAdd(piece, b.getInt64(1))), first_line);
      from = at(types.stored, emitDotEntry(b, types, problem.b, batch), plan.windows.origin);
      b.CreateCall(winogradImageFunction(b, dot, plan, channel_stride),
                   {from, first_line, lines, image});
      Value* first_row = times(row_chunk, p.rows_per_chunk);
      Value* end_row = least(b.CreateNSWAdd(first_row, b.getInt64(p.rows_per_chunk)), p.rows);
      emitDotLoop(b, first_row, end_row, p.tileRows(), [&](Value* row) { emitRows(row); });
    });
  }

private:
  // All squares of the chunk for a tile of rows.
  void emitRows(Value* row) {
    Value* left = b.CreateNSWSub(b.getInt64(p.rows), row);
    Value* weights = b.CreateGEP(types.stored, emitDotEntry(b, types, problem.a, batch),
                                 emitDotOffset(b, zero, row, emitDotSize(b, problem.a.row_stride)));
    Value* panels =
        emitDotPanel(b, types, dot, problem.panels, row, zero, b.getInt64(plan.panelSteps()),
                     p.tileRows(), panel, [&] {
                       b.CreateCall(winogradWeightsFunction(b, dot, plan), {weights, left, panel});
                     });
    emitDotLoop(b, zero, b.getInt64(WinogradPlan::kPoints), 1, [&](Value* point) {
      emitProduct(at(types.sum, image, times(point, plan.imagePitch())),
                  at(types.sum, panels, times(point, p.channels * p.tileRows())),
                  at(types.sum, sums, times(point, plan.sumsPitch())));
    });
    b.CreateCall(winogradPlacesFunction(b, dot, plan), {sums, lines, places, seen});
    Value* first = times(first_line, WinogradPlan::kPlaces);
    Value* count = b.CreateNSWSub(
        least(times(b.CreateNSWAdd(first_line, lines), WinogradPlan::kPlaces), plan.windows.count),
        first);
    Value* marks = b.CreateLoad(types.vec, seen);
    emitDotIf(b, b.CreateOrReduce(b.CreateFCmpUNO(marks, marks)), [&] {
      b.CreateCall(winogradDirectFunction(b, dot, plan, channel_stride),
                   {from, weights, left, first, count, sums, places});
    });
    int64_t length = plan.windows.length;
    bool has_whole_vectors =
        WinogradPlan::kPlaces * length % p.lanes == 0 && plan.windows.count * length % p.lanes == 0;
    Value* end_row = least(b.CreateNSWAdd(row, b.getInt64(p.tileRows())), p.rows);
    emitDotRows(b, dot,
                DotRows{places, plan.placesPitch(), batch, row, end_row, times(first, length),
                        times(count, length), has_whole_vectors},
                epilogue);
  }

  // The last tile is moved back so that it ends with the squares. Panels lie one after another:
  // each tile asks for its share of the next point's.
  void emitProduct(Value* image, Value* weights, Value* sums) {
    Value* squares = times(lines, plan.squaresOfLine());
    Value* last = b.CreateNSWSub(squares, b.getInt64(p.tile_places));
    emitDotLoop(b, zero, squares, p.tile_places, [&](Value* square) {
      Value* first = b.CreateBinaryIntrinsic(Intrinsic::smin, square, last);
      Value* share = times(b.CreateUDiv(square, b.getInt64(p.tile_places)),
                           p.linesAhead() * kCacheLine / p.sum_bytes);
      Value* ahead =
          at(types.sum, weights, b.CreateNSWAdd(share, b.getInt64(p.channels * p.tileRows())));
      b.CreateCall(linesTileFunction(b, dot, p), {at(types.sum, image, first), weights,
                                                  at(types.sum, sums, times(first, p.tileRows())),
                                                  b.getInt64(p.channels), b.getTrue(), ahead});
    });
  }

  Value* firstLine(Value* piece) {
    return b.CreateUDiv(times(piece, plan.squareLines()), b.getInt64(plan.line_pieces));
  }
  Value* least(Value* number, int64_t most) {
    return b.CreateBinaryIntrinsic(Intrinsic::smin, number, b.getInt64(most));
  }
  Value* times(Value* number, int64_t factor) { return b.CreateNSWMul(number, b.getInt64(factor)); }
  Value* at(Type* type, Value* base, Value* index) { return b.CreateGEP(type, base, index); }
  Value* at(Type* type, Value* base, int64_t index) {
    return b.CreateConstGEP1_64(type, base, index);
  }
  Value* bytesBehind(Value* base, int64_t bytes) {
    return b.CreateConstGEP1_64(b.getInt8Ty(), base, bytes);
  }

  IRBuilderBase& b;
  const DotProblem& problem;
  const DotPlan& dot;
  const WinogradPlan& plan;
  const LinesPlan& p;
  int64_t channel_stride;
  DotTypes types;
  const DotEpilogue& epilogue;
  Value *image, *panel, *sums, *places, *zero;
  Value *seen = nullptr, *from = nullptr, *batch = nullptr;
  Value *first_line = nullptr, *lines = nullptr; // of squares, of the chunk
};

} // namespace

void emitDotWinograd(IRBuilderBase& builder, const DotProblem& problem, const WinogradPlan& plan,
                     int64_t channel_stride, Value* scratch, Value* begin, Value* end,
                     const DotEpilogue& epilogue) {
  WinogradEmitter(builder, problem, plan, channel_stride, scratch, epilogue).emitChunks(begin, end);
}

} // namespace weft::cpu
