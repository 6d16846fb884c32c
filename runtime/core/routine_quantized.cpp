// quantized_matmul: the rows of the matrix, which are columns of the result, are made numbers one
// by one in front of few rows of x, else some at a time for a product of matrices.

#include "kernels/gemm.h"
#include "kernels/quantized.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/scratch.h"

namespace weft {

namespace {

constexpr int64_t kFewRows = 4;                  // of x
constexpr int64_t kColumns = 64;                 // made numbers at a time in front of more rows
constexpr int64_t kPieceWork = int64_t{1} << 18; // numbers worth handing to another thread

template <class T> struct QuantizedProduct {
  const char* codes;
  const T *x, *scales;
  T* y;
  int64_t rows, columns, steps, blocks, row_bytes;
  bool is_packed;

  void make_numbers(int64_t column, T* to) const {
    kernels::dequantize_row({codes + column * row_bytes, scales + column * blocks, blocks,
                             blocks ? steps / blocks : 0, is_packed},
                            to);
  }
  // Columns [begin, end) of the result, one after the other.
  void sum_columns(int64_t begin, int64_t end, T* numbers) const {
    for (int64_t n = begin; n < end; n++) {
      make_numbers(n, numbers);
      for (int64_t m = 0; m < rows; m++)
        y[m * columns + n] = kernels::dot(x + m * steps, numbers, steps);
    }
  }
  void multiply_columns(int64_t begin, int64_t end, T* numbers) const {
    for (int64_t n = begin; n < end; n++)
      make_numbers(n, numbers + (n - begin) * steps);
    constexpr DType dtype = std::is_same_v<T, float> ? DType::f32 : DType::f64;
    kernels::gemm(dtype, rows, end - begin, steps, {x, steps, false}, {numbers, steps, true},
                  y + begin, columns);
  }
  void run(const Loc& loc) const {
    const bool has_few = rows <= kFewRows;
    const int64_t width = has_few ? 1 : kColumns;
    const int64_t pieces = (columns + width - 1) / width;
    const int64_t work = std::max<int64_t>(1, width * rows * steps);
    parallel_for(pieces, std::max<int64_t>(1, kPieceWork / work), [&](int64_t begin, int64_t end) {
      Scratch numbers(width * steps * static_cast<int64_t>(sizeof(T)), loc);
      auto* to = static_cast<T*>(numbers.data());
      if (has_few) return sum_columns(begin, end, to);
      for (int64_t p = begin; p < end; p++)
        multiply_columns(p * width, std::min(columns, (p + 1) * width), to);
    });
  }
};

template <class T> void multiply(const RoutineCall& call, DType computed) {
  const View &codes = call.operands[1], &scales = call.operands[2];
  CompactOperand x(call.operands[0], computed, *call.loc);
  CompactOperand integers(codes, codes.meta->dtype, *call.loc);
  CompactOperand factors(scales, computed, *call.loc);
  WideResult y(call.result, computed, *call.loc);
  const Meta &mx = *call.operands[0].meta, &mc = *codes.meta;
  const int64_t steps = mx.sizes[mx.rank - 1], columns = mc.sizes[0];
  QuantizedProduct<T>{integers.data,
                      reinterpret_cast<const T*>(x.data),
                      reinterpret_cast<const T*>(factors.data),
                      reinterpret_cast<T*>(y.data()),
                      call.result.meta->numel() / columns,
                      columns,
                      steps,
                      scales.meta->sizes[1],
                      mc.sizes[1],
                      mc.dtype == DType::u8}
      .run(*call.loc);
  y.finish();
}

} // namespace

bool routine_quantized_matmul(const RoutineCall& call) {
  if (call.result.meta->numel() == 0) return true;
  const DType computed = compute_dtype(call.result.meta->dtype);
  if (computed == DType::f64)
    multiply<double>(call, computed);
  else
    multiply<float>(call, computed);
  return true;
}

} // namespace weft
