#include "codegen/cpu/dot.h"
#include "codegen/cpu/dot_parts.h"

using namespace llvm;

namespace weft::cpu {
namespace {

// chunk -> batch entry -> block of k -> [pack A] -> panel of columns -> [pack B] -> tile of rows;
// where panels are kept, ... -> [pack A] -> [pack B] -> tile of rows -> panel of columns
class DotEmitter {
public:
  DotEmitter(IRBuilderBase& builder, const DotProblem& problem, Value* scratch,
             const DotEpilogue& epilogue)
      : b(builder), plan(problem.plan), problem(problem), types(builder.getContext(), plan),
        epilogue(epilogue), m(value(problem.m)), n(value(problem.n)), k(value(problem.k)),
        batches(value(problem.batch)), tiles(scratch),
        b_panel(bytesBehind(scratch, plan.bPanelOffset())),
        a_panels(bytesBehind(scratch, plan.aPanelsOffset())),
        shifts(bytesBehind(scratch, plan.shiftsOffset())), zero(b.getInt64(0)) {}

  void emitChunks(Value* begin, Value* end) {
    if (plan.joinsChunks()) return emitJoined(begin, end);
    Value* row_chunks = ceilDiv(m, plan.rows_per_chunk);
    Value* column_chunks = ceilDiv(n, plan.columns_per_chunk);
    emitDotLoop(b, begin, end, 1, [&](Value* chunk) {
      Value* column_chunk = remainder(chunk, column_chunks);
      Value* rest = quotient(chunk, column_chunks);
      Range rows = piece(remainder(rest, row_chunks), plan.rows_per_chunk, m);
      Range columns = piece(column_chunk, plan.columns_per_chunk, n);
      Range entries = piece(quotient(rest, row_chunks), plan.batches_per_chunk, batches);
      emitDotLoop(b, entries.begin, entries.end, 1,
                  [&](Value* batch) { emitEntry(batch, rows, columns); });
    });
  }

private:
  // Chunks side by side, of all rows and one entry: as many columns at once as the plan says.
  void emitJoined(Value* begin, Value* end) {
    Value* size = b.getInt64(plan.columns_per_chunk);
    Value* last = smaller(b.CreateNSWMul(end, size), n);
    emitDotLoop(b, b.CreateNSWMul(begin, size), last, plan.joined_columns, [&](Value* first) {
      Value* behind = b.CreateNSWAdd(first, b.getInt64(plan.joined_columns));
      emitEntry(zero, {zero, m}, {first, smaller(behind, last)});
    });
  }

  struct Range {
    Value *begin, *end;
  };
  struct Block { // steps [first, first + count) of k
    Value *first, *count, *is_first, *is_last;
  };

  void emitEntry(Value* batch, const Range& rows, const Range& columns) {
    a_base = emitDotEntry(b, types, problem.a, batch);
    b_base = emitDotEntry(b, types, problem.b, batch);
    auto block_body = [&](const Block& block) {
      if (plan.packs_a) packRows(rows, block);
      auto each_column = [&](function_ref<void(Value*)> body) {
        emitDotLoop(b, columns.begin, columns.end, plan.tileColumns(), body);
      };
      auto each_row = [&](function_ref<void(Value*)> body) {
        emitDotLoop(b, rows.begin, rows.end, plan.tile_rows, body);
      };
      if (plan.keeps_panels) {
        each_column([&](Value* column) { columnPanel(column, columns, block, true); });
        each_row([&](Value* row) {
          each_column([&](Value* column) {
            Value* panel = columnPanel(column, columns, block, false);
            emitTile(batch, rows, columns, row, column, panel, block);
          });
        });
        return;
      }
      each_column([&](Value* column) {
        Value* panel = columnPanel(column, columns, block, true);
        each_row([&](Value* row) { emitTile(batch, rows, columns, row, column, panel, block); });
      });
    };
    if (!plan.severalBlocks()) return block_body({zero, k, b.getTrue(), b.getTrue()});
    // At least one block, which gives zeros where k is 0.
    Value* end = b.CreateBinaryIntrinsic(Intrinsic::smax, k, b.getInt64(1));
    emitDotLoop(b, zero, end, plan.k_block, [&](Value* first) {
      Value* left = b.CreateNSWSub(k, first);
      Value* size = b.getInt64(plan.k_block);
      block_body({first, b.CreateBinaryIntrinsic(Intrinsic::smin, left, size),
                  b.CreateICmpEQ(first, zero), b.CreateICmpSLE(left, size)});
    });
  }

  void emitTile(Value* batch, const Range& rows, const Range& columns, Value* row, Value* column,
                Value* panel, const Block& block) {
    Value *row_base = row, *a;
    int64_t bytes = plan.sumBytes(), stored = types.stored->getScalarSizeInBits() / 8;
    DotTileLayout layout{bytes, plan.tile_rows * bytes, plan.tileColumns() * bytes, 0,
                         plan.tileColumns()};
    if (plan.packs_a) {
      a = rowPanel(row, rows);
    } else {
      row_base = inside(row, plan.shape.m, plan.tile_rows);
      a = at(types.stored, a_base,
             offset(row_base, problem.a.row_stride, block.first, problem.a.column_stride));
      layout.a_row = plan.shape.a.row_stride * stored;
      layout.a_step = plan.shape.a.column_stride * plan.group * stored;
    }
    if (!plan.packs_b) {
      layout.b_row = plan.shape.b.row_stride * stored;
      layout.b_step = layout.b_row * plan.group;
    }
    Value *steps = ceilDiv(block.count, plan.group), *shift = PoisonValue::get(types.ptr);
    if (plan.shiftsColumns()) {
      // The first tile of these rows finds them in the cache behind their sums.
      shift = shiftOf(row_base, rows);
      emitDotIf(b, b.CreateICmpEQ(column, columns.begin), [&] {
        b.CreateCall(dotShiftFunction(b, plan), {a, steps, shift});
      });
    }
    Value* sums = tiles;
    if (plan.severalBlocks()) {
      // The tiles of a chunk, all rows of one column of tiles after the other.
      Value* from_row =
          b.CreateNSWMul(b.CreateNSWSub(row, rows.begin), b.getInt64(plan.tileColumns()));
      Value* from_column =
          b.CreateNSWMul(b.CreateNSWSub(column, columns.begin), b.getInt64(plan.rows_per_chunk));
      sums = at(types.sum, tiles, b.CreateNSWAdd(from_row, from_column));
    }
    callTile(layout, column, {a, panel, sums, steps, block.is_first, shift});
    emitDotIf(b, block.is_last,
              [&] { emitEpilogue(batch, rows, columns, row, row_base, column, sums); });
  }

  // Of the last column of tiles only the vectors that hold columns are multiplied.
  void callTile(const DotTileLayout& layout, Value* column, ArrayRef<Value*> arguments) {
    if (plan.lanes_along_k) {
      b.CreateCall(dotTileAlongKFunction(b, plan, layout), arguments);
      return;
    }
    Value* is_whole = b.getTrue();
    if (DotPlan edge = plan; int vectors = plan.edgeVectors()) {
      edge.tile_vectors = vectors;
      Value* first = b.getInt64(plan.shape.n / plan.tileColumns() * plan.tileColumns());
      is_whole = b.CreateICmpSLT(column, first);
      emitDotIf(b, b.CreateNot(is_whole),
                [&] { b.CreateCall(dotTileFunction(b, edge, layout), arguments); });
    }
    emitDotIf(b, is_whole, [&] { b.CreateCall(dotTileFunction(b, plan, layout), arguments); });
  }

  // Hands the tile's rows x columns inside the matrix to the epilogue, vector by vector.
  void emitEpilogue(Value* batch, const Range& rows, const Range& columns, Value* row,
                    Value* row_base, Value* column, Value* sums) {
    Value* column_base = plan.packs_b ? column : insideColumns(column);
    Value* row_end = smaller(b.CreateNSWAdd(row, b.getInt64(plan.tile_rows)), rows.end);
    Value* column_end =
        smaller(b.CreateNSWAdd(column, b.getInt64(plan.tileColumns())), columns.end);
    bool whole = plan.hasWholeVectors();
    Value* whole_end = whole ? column_end : b.CreateNSWSub(column_end, b.getInt64(plan.lanes - 1));
    emitDotLoop(b, row, row_end, 1, [&](Value* r) {
      Value* line = at(types.sum, sums,
                       b.CreateNSWMul(b.CreateNSWSub(r, row_base), b.getInt64(plan.tileColumns())));
      auto hand_over = [&](Value* c, Value* mask) {
        Value* address = at(types.sum, line, b.CreateNSWSub(c, column_base));
        Value* vector = b.CreateAlignedLoad(types.vec, address, Align(plan.sumBytes()));
        epilogue.point(DotPoint{c, vector, mask});
      };
      epilogue.row(batch, r, [&] {
        emitDotLoop(b, column, whole_end, plan.lanes, [&](Value* c) { hand_over(c, nullptr); });
        if (whole) return;
        Value* count = b.CreateNSWSub(column_end, column);
        Value* left = b.CreateAnd(count, b.getInt64(plan.lanes - 1));
        emitDotIf(b, b.CreateICmpSGT(left, zero), [&] {
          hand_over(b.CreateNSWSub(column_end, left), firstLanesDot(b, plan.lanes, left));
        });
      });
    });
  }

  void packRows(const Range& rows, const Block& block) {
    auto pack = [&](Value* row, int64_t panels) {
      Value* from = at(types.stored, a_base,
                       offset(row, problem.a.row_stride, block.first, problem.a.column_stride));
      DotPanel panel{plan.tile_rows, plan.shape.a.row_stride, plan.shape.a.column_stride, true};
      panel.count = panels;
      b.CreateCall(dotPackFunction(b, plan, panel),
                   {from, value(problem.a.row_stride), value(problem.a.column_stride),
                    b.CreateNSWSub(m, row), block.count, rowPanel(row, rows)});
    };
    auto pack_each = [&](Value* begin, Value* end) {
      emitDotLoop(b, begin, end, plan.tile_rows, [&](Value* row) { pack(row, 1); });
    };
    int64_t panels = plan.panelsPackedTogether();
    if (panels == 1) return pack_each(rows.begin, rows.end);
    int64_t together = panels * plan.tile_rows;
    emitDotLoop(b, rows.begin, rows.end, together, [&](Value* row) {
      Value* end = b.CreateNSWAdd(row, b.getInt64(together));
      // The last panel reads whole vectors.
      Value* read =
          b.CreateNSWAdd(end, b.getInt64(roundUp(plan.tile_rows, plan.lanes) - plan.tile_rows));
      Value* is_whole = b.CreateAnd(b.CreateICmpSLE(end, rows.end), b.CreateICmpSLE(read, m));
      emitDotIf(b, is_whole, [&] { pack(row, panels); });
      emitDotIf(b, b.CreateNot(is_whole), [&] { pack_each(row, smaller(end, rows.end)); });
    });
  }

  // What the sums of the tile of rows that starts at `row` start from.
  Value* shiftOf(Value* row, const Range& rows) {
    Value* number = b.CreateNSWAdd(b.CreateNSWSub(row, rows.begin), b.getInt64(plan.tile_rows));
    return at(types.sum, shifts, number);
  }

  // The panel of the rows, or columns, from `start` on, behind those of what comes before.
  Value* panelAt(Value* panels, Value* start, const Range& range) {
    return at(types.sum, panels,
              b.CreateNSWMul(b.CreateNSWSub(start, range.begin), b.getInt64(plan.panelSteps())));
  }

  // The packed panel of the tile of rows that starts at `row`.
  Value* rowPanel(Value* row, const Range& rows) { return panelAt(a_panels, row, rows); }

  // The panel of B that starts at `column`, packed now or before, or in place.
  Value* columnPanel(Value* column, const Range& columns, const Block& block, bool packs) {
    if (!plan.packs_b)
      return at(types.stored, b_base,
                offset(block.first, problem.b.row_stride, insideColumns(column),
                       problem.b.column_stride));
    Value* place = plan.keeps_panels ? panelAt(b_panel, column, columns) : b_panel;
    if (problem.b.pack) {
      if (packs)
        problem.b.pack(
            {b_base, column, b.CreateNSWSub(n, column), block.first, block.count, place});
      return place;
    }
    if (plan.lanes_along_k) {
      packAlongK(block);
      return b_panel;
    }
    Value* from = at(types.stored, b_base,
                     offset(block.first, problem.b.row_stride, column, problem.b.column_stride));
    DotPanel panel{plan.tileColumns(), plan.shape.b.column_stride, plan.shape.b.row_stride, false};
    return emitDotPanel(
        b, types, plan, problem.panels, column, block.first, k, plan.tileColumns(), place, [&] {
          if (packs)
            b.CreateCall(dotPackFunction(b, plan, panel),
                         {from, value(problem.b.column_stride), value(problem.b.row_stride),
                          b.CreateNSWSub(n, column), block.count, place});
        });
  }

  // All columns, with lanes along k: a panel [k / lanes][n][lanes].
  void packAlongK(const Block& block) {
    emitDotLoop(b, zero, block.count, plan.lanes, [&](Value* step) {
      Value* from = at(
          types.stored, b_base,
          emitDotOffset(b, zero, b.CreateNSWAdd(block.first, step), value(problem.b.row_stride)));
      DotPanel panel{plan.lanes, plan.shape.b.row_stride, plan.shape.b.column_stride, false,
                     plan.shape.n};
      b.CreateCall(dotPackFunction(b, plan, panel),
                   {from, value(problem.b.row_stride), value(problem.b.column_stride),
                    b.CreateNSWSub(block.count, step), n,
                    at(types.sum, b_panel, b.CreateNSWMul(step, n))});
    });
  }

  // Start of a tile moved back so that it ends inside the matrix; extent >= tile.
  Value* inside(Value* start, int64_t extent, int64_t tile) {
    return extent % tile == 0 ? start : smaller(start, b.getInt64(extent - tile));
  }

  // The same for columns, of which the last tile may have fewer.
  Value* insideColumns(Value* column) {
    if (plan.hasWholeVectors()) return column;
    int vectors = plan.edgeVectors() ? plan.edgeVectors() : plan.tile_vectors;
    return smaller(column, b.getInt64(plan.shape.n - int64_t(vectors) * plan.lanes));
  }

  Value* offset(Value* row, const DotSize& row_stride, Value* column,
                const DotSize& column_stride) {
    return emitDotOffset(b, emitDotOffset(b, zero, row, value(row_stride)), column,
                         value(column_stride));
  }

  Range piece(Value* index, int64_t size, Value* extent) {
    Value* begin = b.CreateNSWMul(index, b.getInt64(size));
    return {begin, smaller(b.CreateNSWAdd(begin, b.getInt64(size)), extent)};
  }

  Value* value(const DotSize& size) { return emitDotSize(b, size); }

  Value* ceilDiv(Value* extent, int64_t size) {
    if (size == 1) return extent;
    return b.CreateUDiv(b.CreateNSWAdd(extent, b.getInt64(size - 1)), b.getInt64(size));
  }

  static bool isOne(Value* v) {
    auto* constant = dyn_cast<ConstantInt>(v);
    return constant && constant->isOne();
  }

  Value* quotient(Value* a, Value* x) { return isOne(x) ? a : b.CreateUDiv(a, x); }
  Value* remainder(Value* a, Value* x) { return isOne(x) ? zero : b.CreateURem(a, x); }
  Value* smaller(Value* a, Value* x) { return b.CreateBinaryIntrinsic(Intrinsic::smin, a, x); }

  Value* at(Type* type, Value* base, Value* index) { return b.CreateGEP(type, base, index); }
  Value* bytesBehind(Value* base, int64_t bytes) {
    return b.CreateConstGEP1_64(b.getInt8Ty(), base, bytes);
  }

  IRBuilderBase& b;
  const DotPlan& plan;
  const DotProblem& problem;
  DotTypes types;
  const DotEpilogue& epilogue;
  Value *m, *n, *k, *batches, *tiles, *b_panel, *a_panels, *shifts, *zero;
  Value *a_base = nullptr, *b_base = nullptr;
};

} // namespace

void emitDot(IRBuilderBase& builder, const DotProblem& problem, Value* scratch, Value* begin,
             Value* end, const DotEpilogue& epilogue) {
  DotEmitter(builder, problem, scratch, epilogue).emitChunks(begin, end);
}

} // namespace weft::cpu
