// Reductions: brings any set of dims into one of the two forms that kernels take, columns (kept
// elements are adjacent) or rows (reduced ones are), by merging dims. Rows whose elements lie in
// several runs are gathered a piece at a time, and elements of dtypes that no kernel is compiled
// for converted; what fits neither form is copied first. How a row is cut does not depend on the
// number of threads.

#include "kernels/kernel_table.h"
#include "runtime/core/execute.h"
#include "runtime/core/parallel.h"

#include <cstring>
#include <memory>

namespace weft {

namespace {

using kernels::kReductionPiece;
using kernels::kReductionStateBytes;
using kernels::ReductionKernel;

constexpr int64_t kGrain = 1 << 15; // elements worth handing to another thread
constexpr int64_t kColumnBlock = 256;
constexpr int64_t kConvertedColumns = 64;            // of a block
constexpr int64_t kMostConverted = int64_t{1} << 14; // elements of a column in one
constexpr int64_t kLeastRun = 4;      // reduced elements that lie together, for rows of such runs
constexpr int64_t kLeastColumns = 16; // kept ones, unless the columns are short
constexpr int64_t kShortColumn = 256;

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
  int64_t outer() const { return numel / std::max<int64_t>(inner(), 1); }
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
  int64_t in_item, wide_item, out_item;
  Side kept, reduced;

  /// Says whether kernels cannot read the elements of a row where they are.
  bool is_indirect() const { return widen || reduced.rank > 1; }
};

// Elements of rows and their results as the kernel takes them, in memory that stays in the caches.
class Converter {
public:
  explicit Converter(const Problem& p) : p_(p) {
    const auto piece = static_cast<size_t>(std::min(kReductionPiece, p.reduced.numel));
    if (p.widen) elements_ = std::make_unique_for_overwrite<int64_t[]>(piece);
    if (p.reduced.rank > 1)
      gathered_ = std::make_unique_for_overwrite<char[]>(piece * static_cast<size_t>(p.in_item));
  }
  /// Returns elements first .. first + n of the row at `in`; n is at most kReductionPiece.
  const void* elements(const char* in, int64_t first, int64_t n) {
    const char* from = in + first * p_.in_item;
    if (p_.reduced.rank > 1) {
      gather(in, first, n);
      from = gathered_.get();
    }
    if (!p_.widen) return from;
    p_.widen(from, kernels::kArray, elements_.get(), n);
    return elements_.get();
  }
  /// Reduces a row of any length.
  void row(const char* in, int64_t n, char* out) {
    int64_t pieces = std::max<int64_t>(1, (n + kReductionPiece - 1) / kReductionPiece);
    if (pieces == 1) {
      p_.kernel->rows(elements(in, 0, n), 1, n, n, result(out));
      return store(out);
    }
    std::vector<char> states(static_cast<size_t>(pieces * kReductionStateBytes));
    for (int64_t k = 0, first = 0; k < pieces; k++, first += kReductionPiece) {
      int64_t count = std::min(kReductionPiece, n - first);
      p_.kernel->piece(elements(in, first, count), first, count,
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
  // Copies the runs of which the row's innermost dim is one.
  void gather(const char* in, int64_t first, int64_t n) {
    const Side& side = p_.reduced;
    const int64_t inner = side.inner();
    for (int64_t done = 0; done < n;) {
      const int64_t at = first + done, skipped = at % inner,
                    run = std::min(n - done, inner - skipped);
      std::memcpy(gathered_.get() + done * p_.in_item,
                  in + (side.outer_offset(at / inner) + skipped) * p_.in_item,
                  static_cast<size_t>(run * p_.in_item));
      done += run;
    }
  }

  const Problem& p_;
  std::unique_ptr<char[]> gathered_;
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
        p.kernel->piece(converter.elements(in, first, count), first, count,
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
                   const bool one_by_one = p.is_indirect();
                   if (!one_by_one) p.kernel->rows(in, run, p.kept.inner_stride(), n, out);
                   for (int64_t r = 0; one_by_one && r < run; r++)
                     converter.row(in + r * p.kept.inner_stride() * p.in_item, n,
                                   out + r * p.out_item);
                   begin += run;
                 }
               });
}

// Calls f(begin, end, blocks of one outer kept position) for runs of blocks of columns, on several
// threads.
template <class F> void each_block(const Problem& p, int64_t width, F f) {
  int64_t n = p.reduced.numel, columns = p.kept.inner();
  int64_t blocks = (columns + width - 1) / width;
  int64_t unit = std::max<int64_t>(n * std::min(columns, width), 1);
  parallel_for(p.kept.outer() * blocks, std::max<int64_t>(1, kGrain / unit),
               [&](int64_t begin, int64_t end) { f(begin, end, blocks); });
}

// Where the runs of a column's elements start.
std::vector<int64_t> starts_of(const Side& reduced) {
  std::vector<int64_t> starts(static_cast<size_t>(reduced.outer()));
  for (size_t k = 0; k < starts.size(); k++)
    starts[k] = reduced.outer_offset(static_cast<int64_t>(k));
  return starts;
}

void reduce_columns(const Problem& p) {
  const int64_t columns = p.kept.inner();
  const std::vector<int64_t> starts = starts_of(p.reduced);
  const kernels::ColumnPlaces places{starts.data(), p.reduced.inner(), p.reduced.inner_stride()};
  each_block(p, kColumnBlock, [&](int64_t begin, int64_t end, int64_t blocks) {
    while (begin < end) {
      // Neighbouring blocks of one outer position are one run of columns.
      int64_t outer = begin / blocks, block = begin % blocks;
      int64_t last = std::min(blocks, block + end - begin);
      int64_t from = block * kColumnBlock, to = std::min(columns, last * kColumnBlock);
      p.kernel->columns(p.in + (p.kept.outer_offset(outer) + from) * p.in_item, p.reduced.numel,
                        places, to - from, p.out + (outer * columns + from) * p.out_item);
      begin += last - block;
    }
  });
}

// The same where elements are converted, a block of columns at a time.
void reduce_converted_columns(const Problem& p) {
  const int64_t n = p.reduced.numel, columns = p.kept.inner();
  const std::vector<int64_t> starts = starts_of(p.reduced);
  each_block(p, kConvertedColumns, [&](int64_t begin, int64_t end, int64_t blocks) {
    const auto wide = std::make_unique_for_overwrite<char[]>(
        static_cast<size_t>(n * std::min(kConvertedColumns, columns) * p.wide_item));
    int64_t results[kConvertedColumns];
    for (; begin < end; begin++) {
      const int64_t outer = begin / blocks, from = begin % blocks * kConvertedColumns;
      const int64_t width = std::min(kConvertedColumns, columns - from);
      const char* in = p.in + (p.kept.outer_offset(outer) + from) * p.in_item;
      char* to = wide.get();
      for (int64_t start : starts)
        for (int64_t k = 0; k < p.reduced.inner(); k++, to += width * p.wide_item)
          p.widen(in + (start + k * p.reduced.inner_stride()) * p.in_item, kernels::kArray, to,
                  width);
      char* out = p.out + (outer * columns + from) * p.out_item;
      const int64_t origin = 0;
      p.kernel->columns(wide.get(), n, {&origin, n, width}, width,
                        p.narrow ? results : static_cast<void*>(out));
      if (p.narrow) p.narrow(results, kernels::kArray, out, width);
    }
  });
}

bool are_columns(const Problem& p) {
  const bool is_wide = p.kept.inner() >= kLeastColumns || p.reduced.numel < kShortColumn;
  return p.kernel->columns && p.kept.rank && p.kept.inner_stride() == 1 && is_wide;
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
  p.wide_item = static_cast<int64_t>(size_of(native));
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
  if (p.reduced.rank == 1 && p.reduced.inner_stride() == 1) return reduce_rows(p);
  if (are_columns(p)) {
    if (!p.widen) return reduce_columns(p);
    if (p.reduced.numel <= kMostConverted) return reduce_converted_columns(p);
  }
  if (p.reduced.inner_stride() == 1 && p.reduced.inner() >= kLeastRun) return reduce_rows(p);
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
