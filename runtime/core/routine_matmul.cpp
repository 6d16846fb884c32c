// matmul: slices of the batch, cut further into pieces of rows and columns where they are large,
// each piece one single-threaded product.

#include "kernels/gemm_bf16.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"

#include <optional>

namespace weft {

namespace {

using kernels::Matrix;

constexpr int64_t kPieceWork = int64_t{1} << 21; // multiplications worth handing to another thread

// One operand: the matrix of the first slice and the steps to those of the others.
struct MatrixOperand {
  Tensor copy; // owns a row-major copy where the strides fit no Matrix
  View view;
  int64_t rows = 1, columns = 1, row_stride = 0, column_stride = 0;

  MatrixOperand(const View& v, bool is_left) : view(v) {
    const Meta& m = *v.meta;
    if (m.rank == 1) {
      (is_left ? columns : rows) = m.sizes[0];
      (is_left ? column_stride : row_stride) = m.strides[0];
      return;
    }
    rows = m.sizes[m.rank - 2];
    columns = m.sizes[m.rank - 1];
    row_stride = m.strides[m.rank - 2];
    column_stride = m.strides[m.rank - 1];
  }
  // A stride is free where the dim has one element.
  bool fits() const {
    bool plain = (columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns);
    bool transposed = (rows == 1 || row_stride == 1) && (columns == 1 || column_stride >= rows);
    return plain || transposed;
  }
  Matrix matrix(int64_t offset, int64_t row, int64_t column) const {
    const char* data = view.as<char>() + (offset + row * row_stride + column * column_stride) *
                                             static_cast<int64_t>(size_of(view.meta->dtype));
    bool plain = (columns == 1 || column_stride == 1) && (rows == 1 || row_stride >= columns);
    if (plain) return {data, rows == 1 ? std::max<int64_t>(columns, 1) : row_stride, false};
    return {data, columns == 1 ? std::max<int64_t>(rows, 1) : column_stride, true};
  }
  int batch_rank() const { return std::max(view.meta->rank - 2, 0); }
  // Offset of slice number k of the result, whose batch dims are `batch`.
  int64_t slice_offset(int64_t k, const Ints& batch) const {
    const Meta& m = *view.meta;
    int64_t offset = 0;
    for (int d = batch.size() - 1, own = batch_rank() - 1; d >= 0; d--, own--) {
      if (own >= 0 && m.sizes[own] != 1) offset += k % batch[d] * m.strides[own];
      k /= batch[d];
    }
    return offset;
  }
};

MatrixOperand prepare(const View& v, bool is_left, DType computed, const Loc& loc) {
  MatrixOperand o(v, is_left);
  if (v.meta->dtype == computed && o.fits()) return o;
  Tensor copy = Tensor::adopt(make_tensor(make_meta(v.meta->shape(), computed), loc));
  copy_elements(v, copy.impl()->view());
  MatrixOperand c(copy.impl()->view(), is_left);
  c.copy = std::move(copy);
  return c;
}

// Makes one tall matrix of a whole left batch where the right operand is the same for all slices.
bool fold_batch(MatrixOperand& a, const MatrixOperand& b) {
  const Meta& m = *a.view.meta;
  if (b.view.meta->rank > 2 || m.rank < 3 || a.column_stride != 1) return false;
  int64_t step = a.row_stride * a.rows, rows = a.rows;
  for (int d = m.rank - 3; d >= 0; d--) {
    if (m.sizes[d] != 1 && m.strides[d] != step) return false;
    step *= m.sizes[d];
    rows *= m.sizes[d];
  }
  a.rows = rows;
  return a.fits();
}

// How a product is cut: by its shape alone, so that results do not depend on the number of threads.
// Pieces that are wide and not too low lose 2-4 % against one whole product in OpenBLAS, which
// packs each operand once per piece.
struct Cut {
  int64_t rows, columns; // of a piece
};
Cut cut_product(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kRows = 256, kColumns = 1024, kLeast = 64, kEnough = 4;
  auto parts_of = [](int64_t size, int64_t piece) { return (size + piece - 1) / piece; };
  auto piece_of = [](int64_t size, int64_t parts, int64_t unit) {
    int64_t piece = (size + parts - 1) / parts;
    return std::min(size, (piece + unit - 1) / unit * unit);
  };
  Cut cut{piece_of(m, parts_of(m, kRows), 16), piece_of(n, parts_of(n, kColumns), 32)};
  while (parts_of(m, cut.rows) * parts_of(n, cut.columns) < kEnough) {
    Cut half = cut;
    if (cut.rows > cut.columns)
      half.rows = piece_of(cut.rows, 2, 16);
    else
      half.columns = piece_of(cut.columns, 2, 32);
    bool is_same = half.rows == cut.rows && half.columns == cut.columns;
    if (is_same || std::max(half.rows, half.columns) < kLeast ||
        half.rows * half.columns < kPieceWork / std::max<int64_t>(k, 1))
      break;
    cut = half;
  }
  return cut;
}

// Sums of products of narrow integers wrap alike in 32 bits and in 64.
DType product_dtype(DType t) {
  return is_integer(t) && t != DType::i64 ? DType::i32 : compute_dtype(t);
}

} // namespace

bool routine_matmul(const RoutineCall& call) {
  const Meta& result = *call.result.meta;
  bool is_native = result.dtype == DType::bf16 && kernels::has_bf16_gemm();
  DType computed = is_native ? DType::bf16 : product_dtype(result.dtype);
  MatrixOperand a = prepare(call.operands[0], true, computed, *call.loc);
  MatrixOperand b = prepare(call.operands[1], false, computed, *call.loc);
  Tensor wide;
  View out = call.result;
  if (computed != result.dtype) {
    wide = Tensor::adopt(make_tensor(make_meta(result.shape(), computed), *call.loc));
    out = wide.impl()->view();
  }
  Ints batch;
  if (!fold_batch(a, b)) {
    int matrix_dims = (call.operands[0].meta->rank > 1) + (call.operands[1].meta->rank > 1);
    for (int d = 0; d < result.rank - matrix_dims; d++)
      batch.push_back(result.sizes[d]);
  }
  int64_t m = a.rows, n = b.columns, k = a.columns, slices = 1;
  for (int64_t size : batch)
    slices *= size;
  if (result.numel() == 0) return true;
  Cut cut = cut_product(m, n, k);
  int64_t across = (n + cut.columns - 1) / cut.columns;
  int64_t pieces = (m + cut.rows - 1) / cut.rows * across;
  int64_t work = std::max<int64_t>(1, cut.rows * cut.columns * std::max<int64_t>(k, 1));
  auto item = static_cast<int64_t>(size_of(computed));
  parallel_for(slices * pieces, std::max<int64_t>(1, kPieceWork / work),
               [&](int64_t begin, int64_t end) {
                 std::optional<Scratch> scratch;
                 if (is_native)
                   scratch.emplace(kernels::gemm_bf16_scratch_bytes(cut.rows, k), *call.loc);
                 for (int64_t p = begin; p < end; p++) {
                   int64_t slice = p / pieces, piece = p % pieces;
                   int64_t row = piece / across * cut.rows, column = piece % across * cut.columns;
                   const int64_t rows = std::min(cut.rows, m - row);
                   const int64_t columns = std::min(cut.columns, n - column);
                   const Matrix left = a.matrix(a.slice_offset(slice, batch), row, 0);
                   const Matrix right = b.matrix(b.slice_offset(slice, batch), 0, column);
                   char* to = out.as<char>() + (slice * m * n + row * n + column) * item;
                   if (is_native)
                     kernels::gemm_bf16(rows, columns, k, left, right, to, n, scratch->data());
                   else
                     kernels::gemm(computed, rows, columns, k, left, right, to, n);
                 }
               });
  if (wide.defined()) copy_elements(out, call.result);
  return true;
}

} // namespace weft
