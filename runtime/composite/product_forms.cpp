// Products over dims of choice, of several matrices, of vectors in space, and powers.

#include "runtime/composite/index_operands.h"

namespace weft {

using composite::refuse;

namespace {

// The dims of a tensor that are not among some.
Ints others_than(const Ints& dims, int rank) {
  Ints r;
  for (int k = 0; k < rank; k++)
    if (std::find(dims.begin(), dims.end(), k) == dims.end()) r.push_back(k);
  return r;
}

Ints counted(const Dims& dims, int rank, const Loc& loc) {
  Ints r;
  for (int64_t d : dims) {
    const int64_t k = normalize_dim(d, rank, "tensordot", loc);
    if (std::find(r.begin(), r.end(), k) != r.end())
      refuse("tensordot", ErrorKind::index, "dims must differ, got " + dims.str(), loc);
    r.push_back(k);
  }
  return r;
}

Ints joined(const Ints& a, const Ints& b) {
  Ints r = a;
  for (int64_t v : b)
    r.push_back(v);
  return r;
}

// The parentheses of least cost: cost[i][j] is that of the product of matrices i .. j, which is
// best cut behind cut[i][j] (Cormen et al., Introduction to algorithms, 15.2).
struct Chain {
  std::vector<Tensor> matrices;
  std::vector<std::vector<size_t>> cut;

  explicit Chain(std::vector<Tensor> list) : matrices(std::move(list)) {
    const size_t n = matrices.size();
    std::vector<double> sizes;
    for (const Tensor& t : matrices)
      sizes.push_back(static_cast<double>(t.size(0)));
    sizes.push_back(static_cast<double>(matrices.back().size(1)));
    std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
    cut.assign(n, std::vector<size_t>(n, 0));
    for (size_t length = 1; length < n; length++)
      for (size_t i = 0; i + length < n; i++) {
        const size_t j = i + length;
        cost[i][j] = std::numeric_limits<double>::infinity();
        for (size_t k = i; k < j; k++) {
          double c = cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1];
          if (c < cost[i][j]) cost[i][j] = c, cut[i][j] = k;
        }
      }
  }
  Tensor product(size_t i, size_t j) const {
    return i == j ? matrices[i] : mm(product(i, cut[i][j]), product(cut[i][j] + 1, j));
  }
};

} // namespace

Tensor inner(const Arg& x, const Arg& y) {
  OpScope scope(x.loc());
  const Meta &a = require_tensor(x, "inner").meta, &b = require_tensor(y, "inner").meta;
  if (a.rank == 0 || b.rank == 0) return mul(x, y);
  if (a.sizes[a.rank - 1] != b.sizes[b.rank - 1])
    refuse("inner", ErrorKind::shape,
           "the last dims must be equal, got " + describe(a) + " and " + describe(b), x.loc());
  return tensordot(x, y, -1, -1);
}

Tensor tensordot(const Arg& x, const Arg& y, int64_t dims) {
  OpScope scope(x.loc());
  const int rank = require_tensor(x, "tensordot").meta.rank;
  const int least = std::min<int>(rank, require_tensor(y, "tensordot").meta.rank);
  if (dims < 0 || dims > least)
    refuse("tensordot", ErrorKind::value,
           "dims must be in 0 .. " + std::to_string(least) + ", got " + std::to_string(dims),
           x.loc());
  Dims last, first;
  for (int64_t k = 0; k < dims; k++) {
    last.push_back(rank - dims + k);
    first.push_back(k);
  }
  return tensordot(x, y, last, first);
}

Tensor tensordot(const Arg& x, const Arg& y, const Dims& dims_x, const Dims& dims_y) {
  OpScope scope(x.loc());
  const Meta a = require_tensor(x, "tensordot").meta, b = require_tensor(y, "tensordot").meta;
  const Ints of_x = counted(dims_x, a.rank, x.loc()), of_y = counted(dims_y, b.rank, x.loc());
  bool fits = of_x.size() == of_y.size();
  Tensor left = x.tensor(), right = y.tensor();
  int64_t terms = 1;
  for (int k = 0; fits && k < of_x.size(); k++) {
    const int64_t m = a.sizes[of_x[k]], n = b.sizes[of_y[k]];
    fits = m == n || m == 1 || n == 1;
    // One number goes with all of the other's: their sum does.
    if (m == 1 && n != 1) right = sum(right, of_y[k], true).to(b.dtype);
    if (n == 1 && m != 1) left = sum(left, of_x[k], true).to(a.dtype);
    terms *= m == 1 || n == 1 ? 1 : m;
  }
  if (!fits)
    refuse("tensordot", ErrorKind::shape,
           "dims must go in pairs of one size, got " + dims_x.str() + " of " + describe(a) +
               " and " + dims_y.str() + " of " + describe(b),
           x.loc());
  const Ints rest_x = others_than(of_x, a.rank), rest_y = others_than(of_y, b.rank);
  Shape shape;
  int64_t rows = 1, columns = 1;
  if (rest_x.size() + rest_y.size() > kMaxRank)
    refuse("tensordot", ErrorKind::shape,
           "the result must have at most " + std::to_string(kMaxRank) + " dims, got " +
               std::to_string(rest_x.size() + rest_y.size()),
           x.loc());
  for (int64_t k : rest_x)
    shape.push_back(a.sizes[k]), rows *= a.sizes[k];
  for (int64_t k : rest_y)
    shape.push_back(b.sizes[k]), columns *= b.sizes[k];
  left = reshape(permute(left, joined(rest_x, of_x)), {rows, terms});
  right = reshape(permute(right, joined(of_y, rest_y)), {terms, columns});
  return reshape(mm(left, right), shape);
}

Tensor multi_dot(const std::vector<Tensor>& tensors, Loc loc) {
  OpScope scope(loc);
  if (tensors.size() < 2)
    refuse("multi_dot", ErrorKind::value,
           "there must be at least two tensors, got " + std::to_string(tensors.size()), loc);
  std::vector<Tensor> matrices;
  for (size_t k = 0; k < tensors.size(); k++) {
    const Meta& m = composite::require_defined("multi_dot", "every tensor", tensors[k], loc);
    const bool is_end = k == 0 || k + 1 == tensors.size();
    if (m.rank != 2 && !(is_end && m.rank == 1))
      refuse("multi_dot", ErrorKind::shape,
             "tensors must be matrices, the first and the last may be vectors, got " + describe(m),
             loc);
    matrices.push_back(m.rank == 2 ? tensors[k] : unsqueeze(tensors[k], k ? 1 : 0));
    if (k && matrices[k - 1].size(1) != matrices[k].size(0))
      refuse("multi_dot", ErrorKind::shape,
             "neighbours must be [A, B] and [B, C], got " + describe(tensors[k - 1].impl()->meta) +
                 " and " + describe(m),
             loc);
  }
  Shape shape;
  if (tensors.front().rank() == 2) shape.push_back(tensors.front().size(0));
  if (tensors.back().rank() == 2) shape.push_back(tensors.back().size(1));
  const size_t last = matrices.size() - 1;
  return reshape(Chain(std::move(matrices)).product(0, last), shape);
}

Tensor chain_matmul(const std::vector<Tensor>& matrices, Loc loc) {
  OpScope scope(loc);
  if (matrices.empty())
    refuse("chain_matmul", ErrorKind::value, "there must be at least one matrix", loc);
  for (const Tensor& t : matrices)
    if (const Meta& m = composite::require_defined("chain_matmul", "every matrix", t, loc);
        m.rank != 2)
      refuse("chain_matmul", ErrorKind::shape, "matrices must have two dims, got " + describe(m),
             loc);
  return matrices.size() == 1 ? matrices[0].clone(loc) : multi_dot(matrices, loc);
}

Tensor cross(const Arg& x, const Arg& y, std::optional<int64_t> dim) {
  OpScope scope(x.loc());
  const Meta &a = require_tensor(x, "cross").meta, &b = require_tensor(y, "cross").meta;
  int d = 0;
  if (dim)
    d = normalize_dim(*dim, a.rank, "cross", x.loc());
  else
    while (d < a.rank && a.sizes[d] != 3)
      d++;
  if (a.rank != b.rank || d >= a.rank || a.sizes[d] != 3 || b.sizes[d] != 3)
    refuse("cross", ErrorKind::shape,
           "operands must have as many dims, and size 3 in the dim, got " + describe(a) + " and " +
               describe(b),
           x.loc());
  Tensor p = x.tensor(), q = y.tensor();
  return roll(p, -1, d) * roll(q, -2, d) - roll(p, -2, d) * roll(q, -1, d);
}

// By squaring.
Tensor matrix_power(const Arg& x, int64_t n) {
  OpScope scope(x.loc());
  const Meta& m = require_tensor(x, "matrix_power").meta;
  if (m.rank < 2 || m.sizes[m.rank - 1] != m.sizes[m.rank - 2] || n == INT64_MIN)
    refuse("matrix_power", ErrorKind::value,
           "x must be square matrices and n above -2^63, got " + describe(m) + " and " +
               std::to_string(n),
           x.loc());
  if (n < 0) return matrix_power(inv(x), -n);
  Tensor square = x.tensor();
  if (n == 0)
    return expand(eye(m.sizes[m.rank - 1], m.dtype, m.device, x.loc()), m.shape()).clone(x.loc());
  if (n == 1) return square.clone(x.loc());
  Tensor y;
  for (int64_t left = n; left; left /= 2) {
    if (left % 2) y = y.defined() ? matmul(y, square) : square;
    if (left > 1) square = matmul(square, square);
  }
  return y;
}

} // namespace weft
