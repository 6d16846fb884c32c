"""Decompositions: of systems those whose signs are given."""
import math
import numpy as np

from expected.common import case, draw, EPS, rounded
from expected.matrices import half


def beside(*parts): return np.concatenate(parts, -1)


wide = ("f32", np.ones((2, 3)))


def rows():
    for dtype in ("f32", "f64"):
        def close(n): return {"rtol": 64 * n * EPS[dtype], "atol": 64 * n * EPS[dtype]}
        for kind, batch, m, n in [("square", (), 3, 3), ("batch", (2, 2), 5, 3), ("larger", (), 11, 7), ("one", (3,), 1, 1), ("column", (), 4, 1), ("no-columns", (2,), 3, 0), ("empty", (0,), 3, 2)]:
            x, size = draw(dtype, (*batch, m, n)) / 4, max(m, n)
            x[..., :n, :n] += np.diag(np.arange(1, n + 1)) * 4
            x = rounded(x, dtype)
            u, s, vh = np.linalg.svd(x, full_matrices=False)
            case("singular_values", dtype, kind, [(dtype, x)], rounded(s, dtype), **close(size * (1 + s.max(initial=0))))
            system = rounded(beside(np.swapaxes(u, -1, -2), vh, s[..., None]), dtype)
            case("spectrum", dtype, kind, [(dtype, x), (dtype, system)], system[..., -1], structure=[0])
            inverse = rounded(np.linalg.pinv(x), dtype)
            case("pseudo_inverse", dtype, kind, [(dtype, x), (dtype, inverse)], inverse)
            for complete, mode in ((0, "reduced"), (1, "complete")):
                q, r = np.linalg.qr(x, mode)
                r = beside(np.swapaxes(q, -1, -2), r)
                case("orthogonal_factors", dtype, kind, [(dtype, x)], rounded(r, dtype), structure=[complete], **close(size * (1 + np.abs(r).max(initial=0))))
            b = draw(dtype, (*batch, m, 2))
            y = np.linalg.pinv(x) @ rounded(b, dtype)
            case("least_squares", dtype, kind, [(dtype, x), (dtype, b), (dtype, np.array(1e-5))], rounded(beside(y, np.full((*batch, n, 1), n)), dtype), **close(size * (1 + np.abs(y).max(initial=0))))
            a = rounded(x[..., :n, :] + np.swapaxes(x[..., :n, :], -1, -2), dtype)
            w, v = np.linalg.eigh(a)
            case("eigenvalues", dtype, kind, [(dtype, np.tril(a))], rounded(w, dtype), **close(size * (1 + np.abs(w).max(initial=0))))
            case("spectrum", dtype, kind + "-symmetric", [(dtype, a), (dtype, rounded(beside(np.swapaxes(v, -1, -2), w[..., None]), dtype))], rounded(w, dtype), structure=[1])
        # The vectors of diagonal matrices are those of the axes.
        case("eigen_system", dtype, "diagonal", [(dtype, np.diag([1., 2, 5]))], beside(np.eye(3), np.array([[1.], [2], [5]])), **close(8))
        case("eigen_system", dtype, "one", [(dtype, np.full((2, 1, 1), -3.))], np.array([[[1., -3]]] * 2), **close(8))
        case("singular_system", dtype, "one", [(dtype, np.full((2, 1, 1), 3.))], np.array([[[1., 1, 3]]] * 2), **close(8))
        case("eigen_system", dtype, "empty", [(dtype, np.zeros((2, 0, 0)))], np.zeros((2, 0, 1)))
        case("singular_system", dtype, "empty", [(dtype, np.zeros((2, 3, 0)))], np.zeros((2, 0, 4)))
        for name in ("eigen_system", "eigenvalues", "singular_system", "singular_values"):
            case(name, dtype, "not-finite", [(dtype, np.array([[1., 0], [math.inf, 2]]))], error="index")
        case("least_squares", dtype, "not-finite", [(dtype, np.array([[1., 0], [math.nan, 1]])), (dtype, np.ones((2, 1))), (dtype, np.array(0.))], error="index")
        case("least_squares", dtype, "lower-rank", [(dtype, np.array([[1., 1], [1, 1]])), (dtype, np.array([[2.], [4]])), (dtype, np.array(1e-5))], np.array([[1.5, 1], [1.5, 1]]), **close(8))
    for name, structure in [("orthogonal_factors", [0]), ("singular_system", []), ("singular_values", []), ("eigen_system", []), ("eigenvalues", [])]:
        case(name, "f32", "wide", [wide], structure=structure, error="shape")
        case(name, "f32", "vector", [("f32", np.ones(3))], structure=structure, error="shape")
        case(name, "bf16", "half", [half], structure=structure, error="dtype")
    case("spectrum", "f32", "other-system", [wide, wide], structure=[0], error="shape")
    case("pseudo_inverse", "f32", "other-sides", [wide, wide], error="shape")
    case("least_squares", "f32", "other-rows", [wide, ("f32", np.ones((3, 1))), ("f32", np.array(0.))], error="shape")
