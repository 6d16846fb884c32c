// Pieces of tensors put together, taken apart and brought into another order of elements or dims.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

const Meta& require_dims(const char* op, const Arg& x, int least) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.rank < least)
    refuse(op, ErrorKind::shape,
           "the tensor must have at least " + std::to_string(least) +
               (least == 1 ? " dim" : " dims") + ", got " + describe(m),
           x.loc());
  return m;
}

// Before a list of them is made.
void require_few(const char* op, int64_t pieces, const Loc& loc) {
  if (pieces > composite::kMostPieces)
    refuse(op, ErrorKind::value, "there must be at most 2^24 pieces, got " + std::to_string(pieces),
           loc);
}

// Dims counted from the front, each once.
Ints distinct_dims(const char* op, const Dims& dims, int rank, const Loc& loc) {
  Ints r;
  for (int64_t d : dims) {
    int64_t k = normalize_dim(d, rank, op, loc);
    if (std::find(r.begin(), r.end(), k) != r.end())
      refuse(op, ErrorKind::index, "dims must differ, got " + dims.str(), loc);
    r.push_back(k);
  }
  return r;
}

} // namespace

Tensor stack(const std::vector<Tensor>& tensors, int64_t dim, Loc loc) {
  OpScope scope(loc);
  if (tensors.empty()) refuse("stack", ErrorKind::value, "there must be at least one tensor", loc);
  std::vector<Tensor> parts;
  for (const Tensor& t : tensors) {
    const Meta& m = composite::require_defined("stack", "every tensor", t, loc);
    if (m.shape() != tensors[0].shape())
      refuse("stack", ErrorKind::shape,
             "tensors must have one shape, got " + describe(tensors[0].impl()->meta) + " and " +
                 describe(m),
             loc);
    parts.push_back(unsqueeze(Arg(t, loc), dim));
  }
  return concatenate(parts, normalize_dim(dim, tensors[0].rank() + 1, "stack", loc), loc);
}

std::vector<Tensor> split(const Arg& x, const std::vector<int64_t>& split_sizes, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_dims("split", x, 1);
  int d = normalize_dim(dim, m.rank, "split", x.loc());
  int64_t left = m.sizes[d];
  bool fits = true;
  for (int64_t size : split_sizes)
    fits = fits && size >= 0 && size <= left && (left -= size) >= 0;
  if (!fits || left)
    refuse("split", ErrorKind::shape,
           "sizes must add up to that of dim " + std::to_string(d) + " of " + describe(m) +
               ", got others",
           x.loc());
  std::vector<Tensor> pieces;
  int64_t start = 0;
  for (int64_t size : split_sizes) {
    pieces.push_back(slice(Arg(x.tensor(), x.loc()), d, start, start + size));
    start += size;
  }
  return pieces;
}

std::vector<Tensor> split(const Arg& x, int64_t split_size, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_dims("split", x, 1);
  int d = normalize_dim(dim, m.rank, "split", x.loc());
  const int64_t size = m.sizes[d];
  if (split_size < 0 || (split_size == 0 && size > 0))
    refuse("split", ErrorKind::value,
           "split_size must be at least 1, got " + std::to_string(split_size), x.loc());
  if (size > 0) require_few("split", (size - 1) / split_size + 1, x.loc());
  std::vector<int64_t> sizes;
  for (int64_t left = size; left > 0 || sizes.empty(); left -= sizes.back())
    sizes.push_back(std::min(left, split_size));
  return split(x, sizes, d);
}

std::vector<Tensor> chunk(const Arg& x, int64_t chunks, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_dims("chunk", x, 1);
  int d = normalize_dim(dim, m.rank, "chunk", x.loc());
  if (chunks < 1)
    refuse("chunk", ErrorKind::value, "chunks must be at least 1, got " + std::to_string(chunks),
           x.loc());
  const int64_t size = m.sizes[d];
  require_few("chunk", size ? std::min(chunks, size) : chunks, x.loc());
  if (size == 0) return split(x, std::vector<int64_t>(static_cast<size_t>(chunks), 0), d);
  return split(x, (size - 1) / chunks + 1, d);
}

std::vector<Tensor> unbind(const Arg& x, int64_t dim) {
  OpScope scope(x.loc());
  const Meta m = require_dims("unbind", x, 1);
  int d = normalize_dim(dim, m.rank, "unbind", x.loc());
  require_few("unbind", m.sizes[d], x.loc());
  std::vector<Tensor> pieces;
  for (int64_t k = 0; k < m.sizes[d]; k++)
    pieces.push_back(select(Arg(x.tensor(), x.loc()), d, k));
  return pieces;
}

Tensor narrow(const Arg& x, int64_t dim, int64_t start, int64_t length) {
  OpScope scope(x.loc());
  const Meta& m = require_dims("narrow", x, 1);
  int d = normalize_dim(dim, m.rank, "narrow", x.loc());
  const int64_t size = m.sizes[d], from = start < 0 ? start + size : start;
  if (start < -size || start > size || length < 0 || length > size - from)
    refuse("narrow", ErrorKind::index,
           "start and length must lie in dim " + std::to_string(d) + " of " + describe(m) +
               ", got " + std::to_string(start) + " and " + std::to_string(length),
           x.loc());
  return slice(x, d, from, from + length);
}

Tensor movedim(const Arg& x, const Dims& source, const Dims& destination) {
  OpScope scope(x.loc());
  const int rank = require_tensor(x, "movedim").meta.rank;
  Ints from = distinct_dims("movedim", source, rank, x.loc()),
       to = distinct_dims("movedim", destination, rank, x.loc());
  if (from.size() != to.size())
    refuse("movedim", ErrorKind::value,
           "source and destination must be as many, got " + source.str() + " and " +
               destination.str(),
           x.loc());
  Ints order = Ints::filled(rank, -1);
  bool is_moved[kMaxRank] = {};
  for (int k = 0; k < from.size() && rank; k++) {
    order[static_cast<int>(to[k])] = from[k];
    is_moved[from[k]] = true;
  }
  int next = 0;
  for (int64_t& d : order) {
    if (d >= 0) continue;
    while (is_moved[next])
      next++;
    d = next++;
  }
  return permute(x, order);
}

Tensor swapaxes(const Arg& x, int64_t axis0, int64_t axis1) {
  OpScope scope(x.loc());
  return transpose(x, axis0, axis1);
}

// The view has negative strides: nothing else may see it.
Tensor flip(const Arg& x, const Dims& dims) {
  OpScope scope(x.loc());
  const int rank = require_tensor(x, "flip").meta.rank;
  Ints structure = distinct_dims("flip", dims, rank, x.loc());
  if (rank == 0 || structure.empty()) return x.tensor().clone(x.loc());
  return primitive(Op::flip_view, {&x}, {}, structure, {}, x.loc()).clone(x.loc());
}

Tensor fliplr(const Arg& x) {
  OpScope scope(x.loc());
  require_dims("fliplr", x, 2);
  return flip(x, 1);
}

Tensor flipud(const Arg& x) {
  OpScope scope(x.loc());
  require_dims("flipud", x, 1);
  return flip(x, 0);
}

Tensor rot90(const Arg& x, int64_t k, const Dims& dims) {
  OpScope scope(x.loc());
  const Meta& m = require_dims("rot90", x, 2);
  Ints plane = distinct_dims("rot90", dims, m.rank, x.loc());
  if (plane.size() != 2)
    refuse("rot90", ErrorKind::value, "dims must be two, got " + dims.str(), x.loc());
  switch ((k % 4 + 4) % 4) {
  case 1:
    return transpose(flip(x, plane[1]), plane[0], plane[1]);
  case 2:
    return flip(x, plane);
  case 3:
    return transpose(flip(x, plane[0]), plane[0], plane[1]);
  default:
    return x.tensor().clone(x.loc());
  }
}

Tensor roll(const Arg& x, const Dims& shifts, const Dims& dims) {
  OpScope scope(x.loc());
  const Meta m = require_tensor(x, "roll").meta;
  if (dims.empty() && shifts.size() == 1)
    return reshape(roll(reshape(x, {m.numel()}), shifts, 0), m.shape());
  if (shifts.empty() || shifts.size() != dims.size())
    refuse("roll", ErrorKind::value,
           "there must be a shift a dim, got " + shifts.str() + " for " + dims.str(), x.loc());
  if (!m.rank)
    refuse("roll", ErrorKind::index,
           "a tensor without dims has none to roll along, got " + dims.str(), x.loc());
  Tensor r = x.tensor();
  bool is_new = false;
  for (int k = 0; k < dims.size(); k++) {
    int d = normalize_dim(dims[k], m.rank, "roll", x.loc());
    const int64_t size = m.rank ? m.sizes[d] : 0;
    const int64_t shift = size ? (shifts[k] % size + size) % size : 0;
    if (!shift) continue;
    r = concatenate({slice(r, d, size - shift), slice(r, d, 0, size - shift)}, d, x.loc());
    is_new = true;
  }
  return is_new ? r : r.clone(x.loc());
}

} // namespace weft
