// Gradients of decompositions of matrices, and of what follows from them: Giles, An extended
// collection of matrix derivative results, 2008 (eigenvectors); Townsend, Differentiating the
// singular value decomposition, 2016; Walter and Lehmann, Algorithmic differentiation of linear
// algebra functions with application in optimum experimental design, 2010 (QR); Golub and Pereyra,
// The differentiation of pseudo-inverses, 1973. Values that are equal leave vectors undetermined:
// gradients through the vectors are infinite or NaN then.

#include "runtime/autograd/vjp_context.h"
#include "runtime/composite/decompositions.h"
#include "runtime/composite/linalg.h"

namespace weft {

namespace {

using composite::parts_of;
using composite::Spectral;
using composite::transposed;

Tensor identity(const Tensor& like, int64_t n) { return eye(n, like.dtype(), like.device()); }

/// Scales the rows of x.
Tensor scaled(const Tensor& x, const Tensor& by) { return x * unsqueeze(by, -1); }

/// What values v change by: sum over k of dv_k l_k r_k^T.
Tensor gradient_of_values(const Spectral& s, const Tensor& dv) {
  return matmul(transposed(s.left), scaled(s.right, dv));
}

/// Element i, j is v_j - v_i, but 1 on the diagonal, where what is divided by it is 0.
Tensor differences(const Tensor& v) {
  return unsqueeze(v, -2) - unsqueeze(v, -1) + identity(v, v.size(-1));
}

Tensor skew(const Tensor& x) { return x - transposed(x); }

} // namespace

// With rows w_i of eigenvectors: W^T (diag(dv) + S / E) W, S the skew part of W dW^T, E the
// differences of eigenvalues.
void vjp_eigen_system(VjpContext& c) {
  const Spectral s = parts_of(c.result(), true), d = parts_of(c.dy(), true);
  Tensor among = skew(matmul(s.left, transposed(d.left))) * 0.5 / differences(s.values);
  c.set(0, gradient_of_values(s, d.values) + matmul(transposed(s.left), matmul(among, s.left)));
}

// With rows u_i and v_i: U^T ((P / E) diag(s) + diag(s) (Q / E) + diag(ds)) V, P and Q the skew
// parts of U dU^T and V dV^T, E the differences of the squares of s; and what dU has beside the
// space of U, divided by s.
void vjp_singular_system(VjpContext& c) {
  const Spectral s = parts_of(c.result(), false), d = parts_of(c.dy(), false);
  const Tensor &v = s.values, sums = unsqueeze(v, -2) + unsqueeze(v, -1);
  const Tensor apart = (sums + identity(v, v.size(-1)) * (1 - sums)) * differences(v);
  Tensor p = skew(matmul(s.left, transposed(d.left))) / apart;
  Tensor q = skew(matmul(s.right, transposed(d.right))) / apart;
  Tensor among = p * unsqueeze(v, -2) + scaled(q, v);
  Tensor g = gradient_of_values(s, d.values) + matmul(transposed(s.left), matmul(among, s.right));
  if (s.left.size(-1) > s.left.size(-2)) {
    Tensor over = transposed(scaled(d.left, 1.0 / v)); // [..., M, N]
    Tensor beside = over - matmul(transposed(s.left), matmul(s.left, over));
    g = g + matmul(beside, s.right);
  }
  c.set(0, g);
}

// With rows q_i: R^-1 (dQ + C Q), transposed, C the lower triangle of R dR^T - dQ Q^T and its
// mirror image.
void vjp_orthogonal_factors(VjpContext& c) {
  const Tensor& y = c.result();
  const int64_t rows = c.operand_meta(0).sizes[c.operand_meta(0).rank - 2], all = y.size(-1);
  if (y.size(-2) > all - rows)
    throw Error(ErrorKind::autograd,
                "qr: the gradient needs mode reduced where there are more rows than columns, got "
                "complete",
                c.loc());
  Tensor q = slice(y, -1, 0, rows), r = slice(y, -1, rows, all);
  Tensor dq = slice(c.dy(), -1, 0, rows), dr = slice(c.dy(), -1, rows, all);
  Tensor m = matmul(r, transposed(dr)) - matmul(dq, transposed(q));
  Tensor mirrored = tril(m) + transposed(tril(m, -1));
  Tensor side = dq + matmul(mirrored, q);
  c.set(0, transposed(composite::triangular_solution(r, side, true, false, c.loc())));
}

void vjp_eigenvalues(VjpContext& c) {
  const Tensor system = composite::eigen_system(c.tensor(0), c.loc());
  c.set(0, gradient_of_values(parts_of(system, true), c.dy()));
}

void vjp_singular_values(VjpContext& c) {
  const Tensor system = composite::singular_system(c.tensor(0), c.loc());
  c.set(0, gradient_of_values(parts_of(system, false), c.dy()));
}

void vjp_spectrum(VjpContext& c) {
  if (c.needs(0)) c.set(0, gradient_of_values(parts_of(c.tensor(1), c.structure(0) != 0), c.dy()));
}

// Of y = x^+ and g = dy: -y^T g y^T + (I - x y) g^T y y^T + y^T y g^T (I - y x).
void vjp_pseudo_inverse(VjpContext& c) {
  if (!c.needs(0)) return;
  const Tensor &x = c.tensor(0), &y = c.result();
  Tensor yt = transposed(y), gt = transposed(c.dy());
  Tensor left = matmul(matmul(gt, y), yt), right = matmul(matmul(yt, y), gt);
  Tensor along = matmul(matmul(yt, c.dy()), yt);
  c.set(0, left - matmul(x, matmul(y, left)) + right - matmul(matmul(right, y), x) - along);
}

// Of y = a^+ b that of the pseudo-inverse, with h = a^+^T dy, which is b's, and k = a^+^T y:
// (b - a y) (a^+ h)^T + k (dy - a^T h)^T - h y^T.
void vjp_least_squares(VjpContext& c) {
  const Tensor &a = c.tensor(0), at = transposed(a), &rcond = c.tensor(2);
  const int64_t n = c.dy().size(-1) - 1;
  Tensor dy = slice(c.dy(), -1, 0, n);
  if (!c.needs(0)) return c.set(1, composite::least_squares(at, dy, rcond, c.loc()));
  Tensor y = slice(c.result(), -1, 0, n);
  Tensor both = composite::least_squares(at, concatenate({dy, y}, -1), rcond, c.loc());
  Tensor h = slice(both, -1, 0, n), k = slice(both, -1, n, 2 * n);
  if (c.needs(1)) c.set(1, h);
  Tensor along = composite::least_squares(a, h, rcond, c.loc());
  Tensor rest = c.tensor(1) - matmul(a, y), beside = dy - matmul(at, h);
  c.set(0,
        matmul(rest, transposed(along)) + matmul(k, transposed(beside)) - matmul(h, transposed(y)));
}

} // namespace weft
