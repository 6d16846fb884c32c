#include "runtime/composite/parts.h"

#include "runtime/autograd/tape_slot.h"
#include "runtime/autograd/view_history.h"
#include "runtime/core/region_hook.h"

namespace weft::composite {

namespace {

constexpr int64_t kPart = 1 << 14;      // elements of a part: what a few ops hold fits in L2
constexpr int64_t kLeastRun = 64;       // elements that lie together in memory
constexpr int64_t kLargePart = 1 << 18; // beyond it a part would be no better than the whole
constexpr int64_t kLarge = 1 << 16;     // elements below which all of x is such a part

bool is_plain(const Tensor& t) {
  if (!t.defined()) return true;
  TensorImpl& impl = *t.impl();
  if (grad_mode && impl.is_view) refresh_view(&impl);
  return !impl.session && impl.meta.device == Device::cpu() &&
         !(grad_mode && impl.meta.requires_grad);
}

// The dim to cut along: the longest of those that f keeps apart; -1 where there is none.
int dim_of_parts(const Meta& m, const Dims& dims) {
  bool is_taken[kMaxRank] = {};
  for (int64_t d : dims) {
    if (d < 0) d += m.rank;
    if (d < 0 || d >= m.rank || is_taken[d]) return -1; // f says what is wrong
    is_taken[d] = true;
  }
  int best = -1;
  for (int d = 0; d < m.rank; d++)
    if (!is_taken[d] && (best < 0 || m.sizes[d] > m.sizes[best])) best = d;
  return dims.empty() ? -1 : best;
}

// The dim of the result that dim d of x has become: those in `dims` vanish or stay.
int dim_in_result(int rank, int result_rank, const Dims& dims, int d) {
  int before = 0;
  for (int64_t other : dims)
    before += (other < 0 ? other + rank : other) < d;
  return rank == result_rank ? d : d - before;
}

} // namespace

bool is_unseen(const Tensor& x, std::initializer_list<const Tensor*> others) {
  bool all = !current_session && is_plain(x);
  for (const Tensor* t : others)
    all = all && is_plain(*t);
  return all;
}

Tensor in_parts(const Tensor& x, const Dims& dims, std::initializer_list<const Tensor*> others,
                FunctionRef<Tensor(const Tensor& part)> f, int64_t growth) {
  growth = std::max<int64_t>(growth, 1);
  if (x.numel() < (kLarge + growth - 1) / growth || !is_unseen(x, others)) return f(x);
  const Meta& m = x.impl()->meta;
  const int d = dim_of_parts(m, dims);
  if (d < 0) return f(x);
  const int64_t size = m.sizes[d], slab = m.numel() / size * growth;
  const int64_t count = std::max<int64_t>(m.strides[d] == 1 ? kLeastRun : 1, kPart / slab);
  if ((growth == 1 && slab > kLargePart) || count >= size) return f(x);

  const Loc loc = LocScope::resolve(Loc::current());
  NoGrad no_grad;
  auto part = [&](int64_t first) { return f(slice(x, d, first, first + count, 1)); };
  const Tensor first = part(0);
  const int at = dim_in_result(m.rank, first.impl()->meta.rank, dims, d);
  Shape shape = first.shape();
  shape[at] = size;
  Tensor result = empty(shape, first.dtype());
  slice(result, at, 0, count, 1).copy_(first);
  parallel_for((size - 1) / count, 1, [&](int64_t begin, int64_t end) {
    LocScope scope(loc);
    NoGrad here;
    for (int64_t k = (begin + 1) * count; k < std::min(size, (end + 1) * count); k += count)
      slice(result, at, k, k + count, 1).copy_(part(k));
  });
  return result;
}

} // namespace weft::composite
