// Rules of factors, solutions and determinants of matrices.

#include "kernels/lapack.h"
#include "runtime/core/matrix_rules.h"

#include <climits>

namespace weft {

namespace {

void check_matrices(const OpCall& call, const Meta& x) {
  check_real(call, x);
  if (x.rank < 2 || x.sizes[x.rank - 1] != x.sizes[x.rank - 2] || x.sizes[x.rank - 1] > INT_MAX)
    fail(call, ErrorKind::shape, "the matrices must be square, got " + describe(x));
  check_lapack(call, kernels::has_lapack());
}

void result_like(const OpCall& call, const Meta& x, int rank, Meta& result) {
  result = x;
  result.rank = static_cast<uint8_t>(rank);
  result.requires_grad = 0;
  check_extent(call, result);
  result.set_contiguous();
}

void infer_solution(const OpCall& call, Meta& result) {
  const Meta &a = call.operands[0]->meta, &b = call.operands[1]->meta;
  check_matrices(call, a);
  if (!are_alike(a, b, 1) || b.sizes[b.rank - 1] > INT_MAX)
    fail(call, a.dtype == b.dtype ? ErrorKind::shape : ErrorKind::dtype,
         "operands must have one dtype and as many rows in as many matrices, got " +
             describe_operands(call));
  result_like(call, b, b.rank, result);
}

} // namespace

void infer_cholesky_factor(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  result_like(call, x, x.rank, result);
}

void infer_matrix_exponential(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  result_like(call, x, x.rank, result);
}

void infer_triangular_solution(const OpCall& call, Meta& result, int64_t&) {
  infer_solution(call, result);
}

void infer_linear_solution(const OpCall& call, Meta& result, int64_t&) {
  infer_solution(call, result);
}

void infer_determinant(const OpCall& call, Meta& result, int64_t&) {
  const Meta& x = call.operands[0]->meta;
  check_matrices(call, x);
  result_like(call, x, x.rank - 2, result);
}

} // namespace weft
