// Tensors put together from others by their sizes: grids of coordinates, choices of elements,
// blocks along a diagonal.

#include "runtime/composite/index_operands.h"
#include "runtime/core/rules.h"

namespace weft {

using composite::fail;

namespace {

// Throws unless all are lists, or 0-d where that counts as one, of one dtype.
void require_lists(const char* op, const std::vector<Tensor>& tensors, int least, const Loc& loc) {
  if (tensors.empty()) fail(op, ErrorKind::value, "there must be at least one tensor", loc);
  for (const Tensor& t : tensors) {
    const Meta& m = composite::require_defined(op, "every tensor", t, loc);
    if (m.rank < least || m.rank > 1)
      fail(op, ErrorKind::shape, "tensors must have one dim, got " + describe(m), loc);
    if (m.dtype != tensors[0].dtype())
      fail(op, ErrorKind::dtype,
           "tensors must have one dtype, got " + describe(tensors[0].impl()->meta) + " and " +
               describe(m),
           loc);
  }
}

std::vector<Tensor> grid(const std::vector<Tensor>& tensors, const Loc& loc) {
  Shape all;
  for (const Tensor& t : tensors)
    all.push_back(t.numel());
  std::vector<Tensor> r;
  for (int k = 0; k < all.size(); k++) {
    Shape along = Ints::filled(all.size(), 1);
    along[k] = all[k];
    r.push_back(expand(Arg(reshape(tensors[static_cast<size_t>(k)], along), loc), all));
  }
  return r;
}

} // namespace

std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  Meta all = make_meta({}, f32);
  for (const Tensor& t : tensors) {
    const Meta& m = composite::require_defined("broadcast_tensors", "every tensor", t, loc);
    if (!broadcast_into(all, m.sizes, m.rank))
      fail("broadcast_tensors", ErrorKind::shape,
           "tensors must broadcast, got " + describe(m) + " for " + all.shape().str(), loc);
  }
  std::vector<Tensor> r;
  for (const Tensor& t : tensors)
    r.push_back(expand(Arg(t, loc), all.shape()));
  return r;
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, std::string_view indexing,
                             Loc loc) {
  OpScope scope(loc);
  require_lists("meshgrid", tensors, 0, loc);
  if (indexing != "ij" && indexing != "xy")
    fail("meshgrid", ErrorKind::value, "indexing must be ij or xy, got " + std::string(indexing),
         loc);
  if (indexing == "ij" || tensors.size() < 2) return grid(tensors, loc);
  std::vector<Tensor> swapped = tensors;
  std::swap(swapped[0], swapped[1]);
  std::vector<Tensor> r = grid(swapped, loc);
  std::swap(r[0], r[1]);
  return r;
}

Tensor cartesian_prod(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  require_lists("cartesian_prod", tensors, 1, loc);
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> columns;
  for (const Tensor& t : grid(tensors, loc))
    columns.push_back(reshape(t, {-1}));
  return stack(columns, 1, loc);
}

Tensor combinations(const Arg& x, int64_t r, bool with_replacement) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "combinations").meta;
  if (m.rank != 1 || r < 0)
    fail("combinations", ErrorKind::value,
         "x must have one dim and r not be negative, got " + describe(m) + " and " +
             std::to_string(r),
         x.loc());
  const int64_t n = m.sizes[0];
  if (r == 0) return slice(x, 0, 0, 0);
  if (n == 0 || (!with_replacement && r > n)) return reshape(slice(x, 0, 0, 0), {0, r});
  constexpr int64_t kMost = int64_t{1} << 31;
  auto refuse_more = [&] {
    fail("combinations", ErrorKind::value,
         "there must be at most 2^31 elements, got more for r " + std::to_string(r) + " and " +
             describe(m),
         x.loc());
  };
  if (r > kMost) refuse_more();
  std::vector<int64_t> chosen, all; // positions of one choice; of all, one after the other
  for (int64_t k = 0; k < r; k++)
    chosen.push_back(with_replacement ? 0 : k);
  for (bool more = true; more;) {
    all.insert(all.end(), chosen.begin(), chosen.end());
    if (static_cast<int64_t>(all.size()) > kMost) refuse_more();
    int64_t at = r - 1; // the last position that can move on
    auto last = [&](int64_t k) { return with_replacement ? n - 1 : n - r + k; };
    while (at >= 0 && chosen[static_cast<size_t>(at)] == last(at))
      at--;
    more = at >= 0;
    if (!more) break;
    chosen[static_cast<size_t>(at)]++;
    for (int64_t k = at + 1; k < r; k++)
      chosen[static_cast<size_t>(k)] = chosen[static_cast<size_t>(k) - 1] + !with_replacement;
  }
  const auto count = static_cast<int64_t>(all.size());
  Tensor list = tensor(all, Shape{count}, x.loc()).to(m.device);
  return reshape(index_select(x, 0, list), {count / r, r});
}

Tensor block_diag(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  if (tensors.empty()) return zeros({1, 0}, f32, std::nullopt, loc);
  std::vector<Tensor> blocks;
  int64_t columns = 0, before = 0;
  DType dtype{};
  for (const Tensor& t : tensors) {
    const Meta& m = composite::require_defined("block_diag", "every tensor", t, loc);
    if (m.rank > 2)
      fail("block_diag", ErrorKind::shape, "tensors must have at most two dims, got " + describe(m),
           loc);
    dtype = blocks.empty() ? m.dtype : promote_types(dtype, m.dtype);
    blocks.push_back(atleast_2d(t));
    columns += blocks.back().size(1);
  }
  for (Tensor& block : blocks) {
    const int64_t own = block.size(1);
    block = pad(block.to(dtype, loc), {before, columns - before - own});
    before += own;
  }
  return concatenate(blocks, 0, loc);
}

} // namespace weft
