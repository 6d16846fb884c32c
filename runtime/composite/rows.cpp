#include "runtime/composite/rows.h"

#include "kernels/kernel_table.h"
#include "runtime/composite/composite.h"
#include "runtime/composite/parts.h"
#include "runtime/core/execute.h"
#include "runtime/core/profile.h"
#include "runtime/core/tensor_impl.h"

#include <algorithm>
#include <memory>
#include <vector>

namespace weft::composite {

namespace {

constexpr int64_t kGrain = 1 << 15;       // elements worth handing to another thread
constexpr int64_t kMostWidened = 1 << 17; // elements of a row of halves, which is widened whole
constexpr int64_t kLongRow = 1 << 17;     // ops share out the pieces of such a row

bool has_contents(const TensorImpl& t) { return t.storage->data && !t.storage->poison; }

// Rows of floating elements that lie one after the other.
bool are_rows(const Tensor& x, int64_t n) {
  const TensorImpl& impl = *x.impl();
  const Meta& m = impl.meta;
  return m.contiguous && is_floating(m.dtype) && n > 0 && m.numel() > 0 && has_contents(impl);
}

// The same, such that each is one thread's.
bool are_whole_rows(const Tensor& x, int64_t n) {
  if (!are_rows(x, n) || (is_half(x.dtype()) && n > kMostWidened)) return false;
  return n < kLongRow || x.numel() / n >= 2 * num_threads();
}

// A weight as the kernel reads it; no contents where it would decide the dtype of the ops.
struct Factors {
  Tensor kept;
  const void* data = nullptr;
  bool is_fit = true;

  Factors(const Tensor& t, DType wide) {
    if (!t.defined()) return;
    is_fit = has_contents(*t.impl()) && compute_dtype(t.dtype()) == wide;
    if (!is_fit) return;
    kept = widened(t);
    if (!kept.impl()->meta.contiguous) kept = kept.clone();
    data = kept.impl()->data();
  }
};

// A profiler sees the composite where it would see its ops.
class Seen {
public:
  explicit Seen(const char* op)
      : label_(op, profile::Place(LocScope::resolve(Loc::current()))),
        span_(profile::Kind::op, op, label_.place) {}

private:
  const profile::Label label_;
  const profile::Span span_;
};

Tensor make_result(const Shape& shape, DType dtype) {
  return Tensor::adopt(make_tensor(make_meta(shape, dtype), LocScope::resolve(Loc::current())));
}

// Calls f(rows, first row, count) for rows that cover x, on several threads; halves are widened
// row by row.
template <class F> void each_rows(const Tensor& x, int64_t n, F f) {
  const TensorImpl& impl = *x.impl();
  const DType dtype = impl.meta.dtype;
  const int64_t item = static_cast<int64_t>(size_of(dtype));
  const int64_t rows = impl.meta.numel() / n, grain = std::max<int64_t>(1, kGrain / n);
  const char* in = impl.data();
  auto run = [&](int64_t begin, int64_t end) {
    if (!is_half(dtype)) return f(in + begin * n * item, begin, end - begin);
    const auto wide = std::make_unique_for_overwrite<float[]>(static_cast<size_t>(n));
    const kernels::CastKernel widen = kernels::cast_kernel(dtype, f32);
    for (int64_t row = begin; row < end; row++) {
      widen(in + row * n * item, kernels::kArray, wide.get(), n);
      f(reinterpret_cast<char*>(wide.get()), row, 1);
    }
  };
  if (rows <= grain) return run(0, rows);
  parallel_for(rows, grain, run);
}

// The same with a result like x: f(rows, first row, count, results).
template <class F> Tensor map_rows(const Tensor& x, int64_t n, F f) {
  const DType dtype = x.dtype();
  Tensor result = make_result(x.shape(), dtype);
  char* out = result.impl()->data();
  const int64_t bytes = n * static_cast<int64_t>(size_of(dtype));
  each_rows(x, n, [&](const char* in, int64_t first, int64_t count) {
    char* to = out + first * bytes;
    if (!is_half(dtype)) return f(in, first, count, to);
    char* wide = const_cast<char*>(in); // of each_rows, which reads it no more
    f(in, first, count, wide);
    kernels::cast_kernel(f32, dtype)(wide, kernels::kArray, to, n);
  });
  return result;
}

// One row after the other, its pieces on all threads.
void reduce_in_pieces(const kernels::ReductionKernel& kernel, const Tensor& x, int64_t n,
                      char* out) {
  const int64_t item = static_cast<int64_t>(size_of(x.dtype()));
  const int64_t pieces = (n + kernels::kReductionPiece - 1) / kernels::kReductionPiece;
  std::vector<char> states(static_cast<size_t>(pieces * kernels::kReductionStateBytes));
  const char* row = x.impl()->data();
  for (int64_t left = x.numel() / n; left > 0; left--, row += n * item, out += item) {
    parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; k++) {
        const int64_t first = k * kernels::kReductionPiece;
        kernel.piece(row + first * item, first, std::min(kernels::kReductionPiece, n - first),
                     states.data() + k * kernels::kReductionStateBytes);
      }
    });
    kernel.finish(states.data(), pieces, n, out);
  }
}

} // namespace

Tensor normalized_rows(const char* op, const Tensor& x, int64_t n, kernels::RowNorm norm,
                       double eps, const RowScaling& scaling) {
  if (!is_unseen(x, {&scaling.weight, &scaling.bias}) || !are_whole_rows(x, n)) return {};
  const DType wide = compute_dtype(x.dtype());
  const Factors weight(scaling.weight, wide), bias(scaling.bias, wide);
  if (!weight.is_fit || !bias.is_fit) return {};
  const Seen seen(op);
  const kernels::RowNormCall call{norm, eps, {weight.data, bias.data, scaling.run, scaling.period}};
  return map_rows(x, n, [&](const char* in, int64_t first, int64_t count, char* out) {
    kernels::normalize_rows(call, wide, in, first, count, n, out);
  });
}

Tensor softmax_of_rows(const char* op, const Tensor& x, kernels::RowSoftmax kind) {
  const int rank = x.impl()->meta.rank;
  const int64_t n = rank ? x.size(rank - 1) : 1;
  if (!is_unseen(x, {}) || !are_whole_rows(x, n)) return {};
  const DType wide = compute_dtype(x.dtype());
  const Seen seen(op);
  return map_rows(x, n, [&](const char* in, int64_t, int64_t count, char* out) {
    kernels::softmax_rows(kind, wide, in, count, n, out);
  });
}

Tensor lengths_of_rows(const char* op, const Tensor& x, int64_t n, const Shape& shape) {
  if (!is_unseen(x, {}) || !are_rows(x, n) || is_half(x.dtype())) return {};
  const Seen seen(op);
  Tensor squares = make_result(shape, x.dtype());
  char* out = squares.impl()->data();
  const kernels::ReductionKernel& kernel = kernels::square_sum_kernel(x.dtype());
  if (are_whole_rows(x, n))
    each_rows(x, n, [&](const char* in, int64_t first, int64_t count) {
      kernel.rows(in, count, n, n, out + first * static_cast<int64_t>(size_of(x.dtype())));
    });
  else
    reduce_in_pieces(kernel, x, n, out);
  return sqrt(std::move(squares));
}

RowSums softmax_sums(const char* op, const Tensor& x) {
  const int64_t n = x.size(-1);
  if (!is_unseen(x, {}) || !are_whole_rows(x, n)) return {};
  const DType wide = compute_dtype(x.dtype());
  const int64_t item = static_cast<int64_t>(size_of(wide));
  const Seen seen(op);
  Shape rows = x.shape();
  rows[rows.size() - 1] = 1;
  RowSums r{make_result(rows, wide), make_result(rows, wide)};
  char *highest = r.highest.impl()->data(), *totals = r.totals.impl()->data();
  each_rows(x, n, [&](const char* in, int64_t first, int64_t count) {
    kernels::softmax_sums(wide, in, count, n, highest + first * item, totals + first * item);
  });
  return r;
}

} // namespace weft::composite
