// Reductions: brings any set of dims into one of the two forms that kernels take, rows (the reduced
// elements are adjacent) or columns (the kept ones are), by merging dims; what fits neither is
// copied first. How a row is cut does not depend on the number of threads. Elements of dtypes that
// no kernel is compiled for are converted a piece at a time, as rows.

#include "kernels/kernel_table.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"

#include <memory>

namespace weft {

namespace {

using kernels::kReductionPiece;
using kernels::kReductionStateBytes;
using kernels::ReductionKernel;

constexpr int64_t kGrain = 1 << 15; // elements worth handing to another thread
constexpr int64_t kColumnBlock = 256;

// Merged dims of one side of the reduction, in elements.
struct Side {
  int rank = 0;
  int64_t sizes[kMaxRank], strides[kMaxRank];
  int64_t numel = 1;

  void add(int64_t size, int64_t stride) {
    numel *= size;
    if (size == 1) return;
    if (rank && strides[rank - 1] == stride * size)
      sizes[rank - 1] *= size;
    else
      sizes[rank++] = size;
    strides[rank - 1] = stride;
  }
  int64_t inner() const { return rank ? sizes[rank - 1] : 1; }
  int64_t inner_stride() const { return rank ? strides[rank - 1] : 1; }
  // Offset of the k-th position among all dims but the innermost.
  int64_t outer_offset(int64_t k) const {
    int64_t offset = 0;
    for (int d = rank - 2; d >= 0; d--) {
      offset += k % sizes[d] * strides[d];
      k /= sizes[d];
    }
    return offset;
  }
};

using kernels::CastKernel;

struct Problem {
  const ReductionKernel* kernel;
  CastKernel widen = nullptr, narrow = nullptr; // to the kernel's dtype, and from its result's
  const char* in;
  char* out;
  int64_t in_item, out_item;
  Side kept, reduced;
};

// Elements and results in the kernel's dtypes, in memory that stays in the caches.
class Converter {
public:
  explicit Converter(const Problem& p) : p_(p) {
    if (p.widen)
      elements_ = std::make_unique_for_overwrite<int64_t[]>(static_cast<size_t>(kReductionPiece));
  }
  /// Returns `n` elements, at most kReductionPiece, as the kernel takes them.
  const void* elements(const char* in, int64_t n) {
    if (!p_.widen) return in;
    p_.widen(in, kernels::kArray, elements_.get(), n);
    return elements_.get();
  }
  /// Reduces a row of any length.
  void row(const char* in, int64_t n, char* out) {
    int64_t pieces = std::max<int64_t>(1, (n + kReductionPiece - 1) / kReductionPiece);
    if (pieces == 1) {
      p_.kernel->rows(elements(in, n), 1, n, n, result(out));
      return store(out);
    }
    std::vector<char> states(static_cast<size_t>(pieces * kReductionStateBytes));
    for (int64_t k = 0, first = 0; k < pieces; k++, first += kReductionPiece) {
      int64_t count = std::min(kReductionPiece, n - first);
      p_.kernel->piece(elements(in + first * p_.in_item, count), first, count,
                       states.data() + k * kReductionStateBytes);
    }
    p_.kernel->finish(states.data(), pieces, n, result(out));
    store(out);
  }
  /// Where the kernel puts the result for `out`, which store() then writes.
  void* result(char* out) { return p_.narrow ? static_cast<void*>(&result_) : out; }
  void store(char* out) const {
    if (p_.narrow) p_.narrow(&result_, kernels::kArray, out, 1);
  }

private:
  const Problem& p_;
  std::unique_ptr<int64_t[]> elements_;
  int64_t result_ = 0;
};

// One long row after the other, its pieces on all threads.
void reduce_long_rows(const Problem& p) {
  int64_t n = p.reduced.numel;
  int64_t pieces = (n + kReductionPiece - 1) / kReductionPiece;
  std::vector<char> states(static_cast<size_t>(pieces * kReductionStateBytes));
  for (int64_t row = 0; row < p.kept.numel; row++) {
    int64_t inner = p.kept.inner();
    const char* in =
        p.in + (p.kept.outer_offset(row / inner) + row % inner * p.kept.inner_stride()) * p.in_item;
    parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
      Converter converter(p);
      for (int64_t k = begin; k < end; k++) {
        int64_t first = k * kReductionPiece, count = std::min(kReductionPiece, n - first);
        p.kernel->piece(converter.elements(in + first * p.in_item, count), first, count,
                        states.data() + k * kReductionStateBytes);
      }
    });
    Converter converter(p);
    char* out = p.out + row * p.out_item;
    p.kernel->finish(states.data(), pieces, n, converter.result(out));
    converter.store(out);
  }
}

void reduce_rows(const Problem& p) {
  int64_t n = p.reduced.numel, rows = p.kept.numel, inner = p.kept.inner();
  if (n > kReductionPiece && rows < 2 * num_threads() && p.kernel->piece)
    return reduce_long_rows(p);
  parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(n, 1)),
               [&](int64_t begin, int64_t end) {
                 Converter converter(p);
                 while (begin < end) {
                   int64_t run = std::min(end - begin, inner - begin % inner);
                   int64_t offset =
                       p.kept.outer_offset(begin / inner) + begin % inner * p.kept.inner_stride();
                   const char* in = p.in + offset * p.in_item;
                   char* out = p.out + begin * p.out_item;
                   if (!p.widen) p.kernel->rows(in, run, p.kept.inner_stride(), n, out);
                   for (int64_t r = 0; p.widen && r < run; r++)
                     converter.row(in + r * p.kept.inner_stride() * p.in_item, n,
                                   out + r * p.out_item);
                   begin += run;
                 }
               });
}

void reduce_columns(const Problem& p) {
  int64_t n = p.reduced.numel, columns = p.kept.inner();
  int64_t blocks = (columns + kColumnBlock - 1) / kColumnBlock;
  int64_t units = p.kept.numel / columns * blocks;
  int64_t unit = std::max<int64_t>(n * std::min(columns, kColumnBlock), 1);
  parallel_for(units, std::max<int64_t>(1, kGrain / unit), [&](int64_t begin, int64_t end) {
    while (begin < end) {
      // Neighbouring blocks of one outer position are one run of columns.
      int64_t outer = begin / blocks, block = begin % blocks;
      int64_t last = std::min(blocks, block + end - begin);
      int64_t from = block * kColumnBlock, to = std::min(columns, last * kColumnBlock);
      p.kernel->columns(p.in + (p.kept.outer_offset(outer) + from) * p.in_item, n,
                        p.reduced.inner_stride(), to - from,
                        p.out + (outer * columns + from) * p.out_item);
      begin += last - block;
    }
  });
}

// A row-major copy of x with the reduced dims last.
Tensor reduced_last(const OpCall& call, const TensorImpl& x, const bool* is_reduced) {
  Meta from = x.meta;
  int to = 0;
  for (bool reduced : {false, true})
    for (int k = 0; k < x.meta.rank; k++)
      if (is_reduced[k] == reduced) {
        from.sizes[to] = x.meta.sizes[k];
        from.strides[to++] = x.meta.strides[k];
      }
  from.finish_strided();
  Tensor copy = Tensor::adopt(make_tensor(make_meta(from.shape(), from.dtype), *call.loc));
  copy_elements({x.data(), &from}, copy.impl()->view());
  return copy;
}

} // namespace

void execute_reduction(const OpCall& call, TensorImpl& result) {
  const TensorImpl& x = *call.operands[0];
  Problem p;
  DType native = kernels::native_dtype(x.meta.dtype);
  p.kernel = &kernels::reduction_kernel(call.op, native);
  if (!p.kernel->rows)
    fail(call, ErrorKind::dtype,
         "the operand must have a supported dtype, got " + describe(x.meta));
  if (native != x.meta.dtype) {
    p.widen = kernels::cast_kernel(x.meta.dtype, native);
    if (result.meta.dtype == x.meta.dtype) p.narrow = kernels::cast_kernel(native, x.meta.dtype);
  }
  p.in = x.data();
  p.out = result.data();
  p.in_item = static_cast<int64_t>(size_of(x.meta.dtype));
  p.out_item = static_cast<int64_t>(size_of(result.meta.dtype));
  bool is_reduced[kMaxRank] = {};
  for (int64_t d : call.structure.subspan(1))
    is_reduced[d] = true;
  for (int k = 0; k < x.meta.rank; k++)
    (is_reduced[k] ? p.reduced : p.kept).add(x.meta.sizes[k], x.meta.strides[k]);
  if (p.kept.numel == 0) return;
  if (p.reduced.numel == 0) { // nothing is read
    std::vector<int64_t> nothing(1);
    Converter converter(p);
    for (int64_t k = 0; k < p.kept.numel; k++) {
      char* out = p.out + k * p.out_item;
      p.kernel->rows(nothing.data(), 1, 0, 0, converter.result(out));
      converter.store(out);
    }
    return;
  }
  if (p.reduced.rank <= 1 && p.reduced.inner_stride() == 1 && p.reduced.rank) return reduce_rows(p);
  if (p.reduced.rank <= 1 && p.kept.inner_stride() == 1 && p.kernel->columns && !p.widen)
    return reduce_columns(p);
  Tensor copy = reduced_last(call, x, is_reduced);
  p.in = copy.impl()->data();
  int64_t rows = p.kept.numel, n = p.reduced.numel;
  p.kept = {};
  p.kept.add(rows, n);
  p.reduced = {};
  p.reduced.add(n, 1);
  reduce_rows(p);
}

} // namespace weft
