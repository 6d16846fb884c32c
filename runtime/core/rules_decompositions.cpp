// Rules of decompositions of matrices, and of what follows from them.

#include "kernels/decompositions.h"
#include "runtime/core/matrix_rules.h"

#include <climits>

namespace weft {

namespace {

// Of the shorter side: LAPACK counts the elements of its work space in 32 bits.
constexpr int64_t kMostOfShorterSide = 1 << 14;
// Up to which f32 has every integer.
constexpr int64_t kMostRows = 1 << 24;

int64_t from_end(const Meta& x, int k) { return x.sizes[x.rank - k]; }

void check_matrices(const OpCall& call, const Meta& x) {
  check_real(call, x);
  if (x.rank < 2) fail(call, ErrorKind::shape, "x must be matrices, got " + describe(x));
  const int64_t m = from_end(x, 2), n = from_end(x, 1);
  if (std::max(m, n) > INT_MAX / 4 || std::min(m, n) > kMostOfShorterSide)
    fail(call, ErrorKind::shape,
         "the shorter side of the matrices must be at most " + std::to_string(kMostOfShorterSide) +
             " and the other one " + std::to_string(INT_MAX / 4) + ", got " + describe(x));
  check_lapack(call, kernels::has_decompositions());
}

const Meta& check_tall(const OpCall& call) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  if (from_end(x, 2) < from_end(x, 1))
    fail(call, ErrorKind::shape,
         "the matrices must have at least as many rows as columns, got " + describe(x));
  return x;
}

const Meta& check_square(const OpCall& call) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  if (from_end(x, 2) != from_end(x, 1))
    fail(call, ErrorKind::shape, "the matrices must be square, got " + describe(x));
  return x;
}

/// The batch of x, of matrices or, where there are no columns, of rows.
void result_of(const OpCall& call, const Meta& x, int64_t rows, std::optional<int64_t> columns,
               Meta& result) {
  result = x;
  result.rank = static_cast<uint8_t>(x.rank - (columns ? 0 : 1));
  result.sizes[x.rank - 2] = rows;
  if (columns) result.sizes[x.rank - 1] = *columns;
  result.requires_grad = 0;
  check_extent(call, result);
  result.set_contiguous();
}

bool has_same_batch(const Meta& a, const Meta& b) { return are_alike(a, b, 2); }

} // namespace

void infer_orthogonal_factors(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = check_tall(call);
  const int64_t m = from_end(x, 2), n = from_end(x, 1);
  result_of(call, x, call.structure[0] ? m : n, m + n, result);
}

void infer_eigen_system(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = check_square(call);
  result_of(call, x, from_end(x, 1), from_end(x, 1) + 1, result);
}

void infer_singular_system(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = check_tall(call);
  result_of(call, x, from_end(x, 1), from_end(x, 2) + from_end(x, 1) + 1, result);
}

void infer_eigenvalues(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = check_square(call);
  result_of(call, x, from_end(x, 1), std::nullopt, result);
}

void infer_singular_values(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = check_tall(call);
  result_of(call, x, from_end(x, 1), std::nullopt, result);
}

// The exchanged rows are written as floats.
void infer_lu_factors(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  if (from_end(x, 2) > kMostRows)
    fail(call, ErrorKind::shape,
         "the matrices must have at most " + std::to_string(kMostRows) + " rows, got " +
             describe(x));
  result_of(call, x, from_end(x, 2) + 1, from_end(x, 1), result);
}

void infer_householder_factors(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  result_of(call, x, from_end(x, 2) + 1, from_end(x, 1), result);
}

void infer_row_order(const OpCall& call, Meta& result, int64_t&) {
  const Meta& pivots = call.operands[0]->meta;
  if (call.sizes.size() != 1 || call.sizes[0] < 0)
    fail(call, ErrorKind::value,
         "there must be one number of rows, not negative, got " + Ints(call.sizes).str());
  const int64_t rows = call.sizes[0];
  if (pivots.rank == 0 || from_end(pivots, 1) > rows)
    fail(call, ErrorKind::shape,
         "pivots must be lists of at most as many as rows, which are " + std::to_string(rows) +
             ", got " + describe(pivots));
  result = pivots;
  result.sizes[result.rank - 1] = rows;
  check_extent(call, result);
  result.set_contiguous();
}

void infer_spectrum(const OpCall& call, Meta& result, int64_t&) {
  const Meta &x = call.operands[0]->meta, &system = call.operands[1]->meta;
  if (!has_same_batch(x, system) || from_end(system, 2) != from_end(x, 1) ||
      from_end(system, 1) != from_end(x, 1) + (call.structure[0] ? 0 : from_end(x, 2)) + 1)
    fail(call, ErrorKind::shape,
         "operands must be matrices and their systems, got " + describe_operands(call));
  result_of(call, x, from_end(x, 1), std::nullopt, result);
}

void infer_pseudo_inverse(const OpCall& call, Meta& result, int64_t&) {
  const Meta &x = call.operands[0]->meta, &inverse = call.operands[1]->meta;
  if (!has_same_batch(x, inverse) || from_end(inverse, 2) != from_end(x, 1) ||
      from_end(inverse, 1) != from_end(x, 2))
    fail(call, ErrorKind::shape,
         "operands must be matrices and their pseudo-inverses, got " + describe_operands(call));
  result_of(call, x, from_end(x, 1), from_end(x, 2), result);
}

void infer_least_squares(const OpCall& call, Meta& result, int64_t&) {
  const Meta &a = call.operands[0]->meta, &b = call.operands[1]->meta,
             &rcond = call.operands[2]->meta;
  check_matrices(call, a);
  if (!has_same_batch(a, b) || from_end(a, 2) != from_end(b, 2) || from_end(b, 1) > INT_MAX / 4 ||
      rcond.rank != 0 || rcond.dtype != a.dtype)
    fail(call, ErrorKind::shape,
         "operands must have one dtype, as many rows in as many matrices, and a number, got " +
             describe_operands(call));
  result_of(call, a, from_end(a, 1), from_end(b, 1) + 1, result);
}

} // namespace weft
