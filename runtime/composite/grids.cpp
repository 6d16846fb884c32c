// Tensors put together from others by their sizes: grids of coordinates, choices of elements,
// blocks along a diagonal.

#include "runtime/composite/index_operands.h"
#include "runtime/core/rules.h"

namespace weft {

using composite::refuse;

namespace {

// Throws unless all are lists, or 0-d where that counts as one, of one dtype.
void require_lists(const char* op, const std::vector<Tensor>& tensors, int least, const Loc& loc) {
  if (tensors.empty()) refuse(op, ErrorKind::value, "there must be at least one tensor", loc);
  for (const Tensor& t : tensors) {
    const Meta& m = composite::require_defined(op, "every tensor", t, loc);
    if (m.rank < least || m.rank > 1)
      refuse(op, ErrorKind::shape, "tensors must have one dim, got " + describe(m), loc);
    if (m.dtype != tensors[0].dtype())
      refuse(op, ErrorKind::dtype,
             "tensors must have one dtype, got " + describe(tensors[0].impl()->meta) + " and " +
                 describe(m),
             loc);
  }
}

constexpr int64_t kEndless = std::numeric_limits<int64_t>::max();

// n over r; nothing where no int64_t holds it.
std::optional<int64_t> choices(__int128 n, int64_t r) {
  __int128 count = 1;
  for (int64_t k = 1; k <= std::min<__int128>(r, n - r); k++) {
    count = count * (n - k + 1) / k; // n over k: a whole number
    if (count > kEndless) return std::nullopt;
  }
  return static_cast<int64_t>(count);
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
      refuse("broadcast_tensors", ErrorKind::shape,
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
    refuse("meshgrid", ErrorKind::value, "indexing must be ij or xy, got " + std::string(indexing),
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
    refuse("combinations", ErrorKind::value,
           "x must have one dim and r not be negative, got " + describe(m) + " and " +
               std::to_string(r),
           x.loc());
  const int64_t n = m.sizes[0];
  if (r == 0) return slice(x, 0, 0, 0);
  if (n == 0 || (!with_replacement && r > n)) return reshape(slice(x, 0, 0, 0), {0, r});
  const std::optional<int64_t> count =
      choices(with_replacement ? static_cast<__int128>(n) + r - 1 : n, r);
  composite::require_possible("combinations", {count.value_or(kEndless), r}, m.dtype, x.loc());
  Tensor list = empty({*count, r}, i64, Device::cpu(), x.loc());
  auto* at = reinterpret_cast<int64_t*>(list.impl()->data());
  for (int64_t k = 0; k < r && *count; k++)
    at[k] = with_replacement ? 0 : k;
  for (int64_t* last = at + (*count - 1) * r; at < last; at += r) { // each from the one before
    auto most = [&](int64_t k) { return with_replacement ? n - 1 : n - r + k; };
    int64_t moved = r - 1; // the last position that can move on
    while (at[moved] == most(moved))
      moved--;
    std::copy_n(at, moved, at + r);
    at[r + moved] = at[moved] + 1;
    for (int64_t k = moved + 1; k < r; k++)
      at[r + k] = at[r + k - 1] + !with_replacement;
  }
  return reshape(index_select(x, 0, reshape(list, {-1}).to(m.device)), {*count, r});
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
      refuse("block_diag", ErrorKind::shape,
             "tensors must have at most two dims, got " + describe(m), loc);
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
