// Positions of the elements that are not 0. Pieces of the tensor are counted first: so each knows
// where its positions go.

#include "kernels/kernel_table.h"
#include "runtime/core/parallel.h"
#include "runtime/core/routine.h"
#include "runtime/core/strided.h"

#include <bit>
#include <vector>

namespace weft {

namespace {

constexpr int64_t kBlock = 512;     // elements whose bits are at hand
constexpr int64_t kPiece = 1 << 14; // elements of a piece

// Bit k is set where byte k is not 0.
uint64_t bits_of(uint64_t bytes) {
  constexpr uint64_t kLow = 0x7F7F7F7F7F7F7F7F, kGather = 0x0102040810204080;
  const uint64_t high = (((bytes & kLow) + kLow) | bytes) & ~kLow;
  return (high >> 7) * kGather >> 56;
}

/// Calls f(position, bits) for up to 64 elements at a time of positions [begin, end), none
/// across the end of a line of the innermost dim.
template <class F>
void each_word(const View& x, const StridedLoop& loop, int64_t begin, int64_t end, F f) {
  const Meta& m = *x.meta;
  const int64_t line = m.rank ? m.sizes[m.rank - 1] : 1, item = loop.item[0];
  const kernels::CastKernel to_bool = kernels::cast_kernel(m.dtype, DType::boolean);
  alignas(64) char elements[kBlock * 8];
  alignas(64) char masks[kBlock + 8];
  StridedCursor cursor(loop, begin);
  while (begin < end) {
    const int64_t run = loop.rank ? cursor.run() : 1;
    const int64_t n = std::min({end - begin, line - begin % line, run, kBlock});
    copy_strided(elements, item, cursor.at(0), loop.inner_stride(0), n, item);
    to_bool(elements, kernels::kArray, masks, n);
    std::memset(masks + n, 0, 8);
    for (int64_t k = 0; k < n; k += 64) {
      uint64_t bits = 0;
      const int64_t count = std::min<int64_t>(64, n - k);
      for (int64_t byte = 0; byte < count; byte += 8) {
        uint64_t word;
        std::memcpy(&word, masks + k + byte, 8);
        bits |= bits_of(word) << byte;
      }
      f(begin + k, bits);
    }
    cursor.advance(n);
    begin += n;
  }
}

// Writes the positions of the set bits from element `position` on, all on one line.
int64_t* write_positions(const Meta& m, int64_t position, uint64_t bits, int64_t* to) {
  if (!bits) return to;
  int64_t index[kMaxRank];
  for (int d = m.rank - 1; d >= 0; d--) {
    index[d] = position % m.sizes[d];
    position /= m.sizes[d];
  }
  const int last = m.rank - 1;
  for (; bits; bits &= bits - 1) {
    for (int d = 0; d < last; d++)
      *to++ = index[d];
    if (last >= 0) *to++ = index[last] + std::countr_zero(bits);
  }
  return to;
}

} // namespace

bool routine_nonzero_positions(const RoutineCall& call) {
  const View& x = call.operands[0];
  const StridedLoop loop(call.operands.first(1));
  const int64_t n = x.meta->numel(), pieces = (n + kPiece - 1) / kPiece;
  std::vector<int64_t> starts(static_cast<size_t>(pieces) + 1);
  auto each_piece = [&](auto f) {
    parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++)
        f(static_cast<size_t>(p), p * kPiece, std::min(n, (p + 1) * kPiece));
    });
  };
  each_piece([&](size_t p, int64_t begin, int64_t end) {
    int64_t found = 0;
    each_word(x, loop, begin, end, [&](int64_t, uint64_t bits) { found += std::popcount(bits); });
    starts[p + 1] = found;
  });
  for (size_t p = 1; p < starts.size(); p++)
    starts[p] += starts[p - 1];
  if (starts.back() != call.sizes[0]) return false;
  each_piece([&](size_t p, int64_t begin, int64_t end) {
    int64_t* to = call.result.as<int64_t>() + starts[p] * x.meta->rank;
    each_word(x, loop, begin, end, [&](int64_t position, uint64_t bits) {
      to = write_positions(*x.meta, position, bits, to);
    });
  });
  return true;
}

} // namespace weft
