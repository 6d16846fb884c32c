// Forms of shapes, pieces and stacks under the names that NumPy and PyTorch have for them.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

const Meta& require_rank(const char* op, const Arg& x, int least, int most = kMaxRank) {
  const Meta& m = require_tensor(x, op).meta;
  if (m.rank < least || m.rank > most)
    refuse(op, ErrorKind::shape,
           "the tensor must have " +
               (most < kMaxRank ? (least == most ? "" : "at most ") + std::to_string(most)
                                : "at least " + std::to_string(least)) +
               (most == 1 || least == 1 ? " dim" : " dims") + ", got " + describe(m),
           x.loc());
  return m;
}

std::vector<Tensor> each(const char* op, const std::vector<Tensor>& tensors, const Loc& loc,
                         Tensor (*form)(const Arg&)) {
  std::vector<Tensor> r;
  if (tensors.empty()) refuse(op, ErrorKind::value, "there must be at least one tensor", loc);
  for (const Tensor& t : tensors) {
    composite::require_defined(op, "every tensor", t, loc);
    r.push_back(form(Arg(t, loc)));
  }
  return r;
}

// Pieces of one size each: the size must be a multiple.
std::vector<Tensor> even_split(const char* op, const Arg& x, int64_t sections, int dim) {
  const int64_t size = x.impl()->meta.sizes[dim];
  if (sections < 1 || size % sections)
    refuse(op, ErrorKind::value,
           "sections must divide the size of dim " + std::to_string(dim) + ", got " +
               std::to_string(sections) + " for " + describe(x.impl()->meta),
           x.loc());
  return tensor_split(x, sections, dim);
}

int horizontal(const Arg& x) { return require_rank("hsplit", x, 1).rank == 1 ? 0 : 1; }

} // namespace

Tensor t(const Arg& x) {
  OpScope scope(x.loc());
  return require_rank("t", x, 0, 2).rank < 2 ? x.tensor() : transpose(x, 0, 1);
}

Tensor unflatten(const Arg& x, int64_t dim, const Shape& sizes) {
  OpScope scope(x.loc());
  const Meta& m = require_rank("unflatten", x, 1);
  const int d = normalize_dim(dim, m.rank, "unflatten", x.loc());
  if (sizes.empty() || m.rank - 1 + sizes.size() > kMaxRank)
    refuse("unflatten", ErrorKind::shape,
           "there must be sizes, for at most " + std::to_string(kMaxRank) + " dims, got " +
               sizes.str() + " for " + describe(m),
           x.loc());
  int64_t known = 1;
  int open = 0;
  bool fits = true;
  for (int64_t s : sizes) {
    if (s == -1)
      open++;
    else
      fits = fits && s >= 0 && !__builtin_mul_overflow(known, s, &known);
  }
  const int64_t size = m.sizes[d];
  fits = fits && (open == 0 ? known == size : open == 1 && known > 0 && size % known == 0);
  if (!fits)
    refuse("unflatten", ErrorKind::shape,
           "sizes must have the product of dim " + std::to_string(d) + ", one may be -1, got " +
               sizes.str() + " for " + describe(m),
           x.loc());
  Shape all;
  for (int k = 0; k < m.rank; k++) {
    if (k != d) {
      all.push_back(m.sizes[k]);
      continue;
    }
    for (int64_t s : sizes)
      all.push_back(s == -1 ? size / known : s);
  }
  return reshape(x, all);
}

Tensor atleast_1d(const Arg& x) {
  return require_rank("atleast_1d", x, 0).rank ? x.tensor() : reshape(x, {1});
}

Tensor atleast_2d(const Arg& x) {
  OpScope scope(x.loc());
  const int rank = require_rank("atleast_2d", x, 0).rank;
  return rank >= 2 ? x.tensor() : rank == 1 ? unsqueeze(x, 0) : reshape(x, {1, 1});
}

Tensor atleast_3d(const Arg& x) {
  OpScope scope(x.loc());
  const int rank = require_rank("atleast_3d", x, 0).rank;
  if (rank >= 3) return x.tensor();
  if (rank == 2) return unsqueeze(x, 2);
  return rank == 1 ? unsqueeze(unsqueeze(x, 0), 2) : reshape(x, {1, 1, 1});
}

Tensor diagflat(const Arg& x, int64_t offset) {
  OpScope scope(x.loc());
  require_tensor(x, "diagflat");
  return diag(reshape(x, {-1}), offset);
}

Tensor trace(const Arg& x) {
  OpScope scope(x.loc());
  require_rank("trace", x, 2, 2);
  return sum(diagonal(x));
}

std::vector<Tensor> tensor_split(const Arg& x, int64_t sections, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_rank("tensor_split", x, 1);
  const int d = normalize_dim(dim, m.rank, "tensor_split", x.loc());
  if (sections < 1 || sections > composite::kMostPieces)
    refuse("tensor_split", ErrorKind::value,
           "sections must be in 1 .. 2^24, got " + std::to_string(sections), x.loc());
  const int64_t size = m.sizes[d];
  std::vector<int64_t> sizes;
  for (int64_t k = 0; k < sections; k++)
    sizes.push_back(size / sections + (k < size % sections));
  return split(x, sizes, d);
}

std::vector<Tensor> tensor_split(const Arg& x, const std::vector<int64_t>& indices, int64_t dim) {
  OpScope scope(x.loc());
  const Meta& m = require_rank("tensor_split", x, 1);
  const int d = normalize_dim(dim, m.rank, "tensor_split", x.loc());
  Tensor whole = x.tensor();
  std::vector<Tensor> pieces;
  int64_t start = 0;
  for (int64_t end : indices) {
    pieces.push_back(slice(Arg(whole, x.loc()), d, start, end));
    start = end;
  }
  pieces.push_back(slice(Arg(whole, x.loc()), d, start));
  return pieces;
}

std::vector<Tensor> hsplit(const Arg& x, int64_t sections) {
  OpScope scope(x.loc());
  const int dim = horizontal(x);
  return even_split("hsplit", x, sections, dim);
}

std::vector<Tensor> hsplit(const Arg& x, const std::vector<int64_t>& indices) {
  OpScope scope(x.loc());
  const int dim = horizontal(x);
  return tensor_split(x, indices, dim);
}

std::vector<Tensor> vsplit(const Arg& x, int64_t sections) {
  OpScope scope(x.loc());
  require_rank("vsplit", x, 2);
  return even_split("vsplit", x, sections, 0);
}

std::vector<Tensor> vsplit(const Arg& x, const std::vector<int64_t>& indices) {
  OpScope scope(x.loc());
  require_rank("vsplit", x, 2);
  return tensor_split(x, indices, 0);
}

std::vector<Tensor> dsplit(const Arg& x, int64_t sections) {
  OpScope scope(x.loc());
  require_rank("dsplit", x, 3);
  return even_split("dsplit", x, sections, 2);
}

std::vector<Tensor> dsplit(const Arg& x, const std::vector<int64_t>& indices) {
  OpScope scope(x.loc());
  require_rank("dsplit", x, 3);
  return tensor_split(x, indices, 2);
}

Tensor hstack(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  std::vector<Tensor> parts = each("hstack", tensors, loc, atleast_1d);
  return concatenate(parts, parts[0].rank() == 1 ? 0 : 1, loc);
}

Tensor vstack(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  return concatenate(each("vstack", tensors, loc, atleast_2d), 0, loc);
}

Tensor dstack(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  return concatenate(each("dstack", tensors, loc, atleast_3d), 2, loc);
}

Tensor column_stack(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  auto as_column = [](const Arg& x) {
    return x.impl()->meta.rank < 2 ? reshape(x, {-1, 1}) : x.tensor();
  };
  return hstack(each("column_stack", tensors, loc, as_column), loc);
}

} // namespace weft
