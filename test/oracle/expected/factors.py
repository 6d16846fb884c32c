"""Factors."""
import math
import numpy as np

from expected.common import case, draw, EPS, rounded
from expected.matrices import half


def eliminated(x):
    """By columns, with the greatest element as the pivot; then a row with the exchanges (Golub and Van Loan, Matrix computations, 3.4)."""
    a, (m, n) = np.array(x, np.float64), x.shape
    pivots = np.zeros(n)
    for k in range(min(m, n)):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        a[[k, p]], pivots[k] = a[[p, k]], p + 1
        if a[k, k] != 0: a[k + 1:, k] /= a[k, k]
        a[k + 1:, k + 1:] -= np.outer(a[k + 1:, k], a[k, k + 1:])
    return np.vstack([a, pivots])


def reflected(x):
    """Reflections that bring columns to the sign that LAPACK chooses; then a row with their factors (Golub and Van Loan, 5.2)."""
    a, (m, n) = np.array(x, np.float64), x.shape
    tau = np.zeros(n)
    for k in range(min(m, n)):
        tail = np.linalg.norm(a[k + 1:, k])
        if tail == 0: continue
        beta = -math.copysign(math.hypot(a[k, k], tail), a[k, k])
        tau[k] = (beta - a[k, k]) / beta
        v = np.concatenate([[1.0], a[k + 1:, k] / (a[k, k] - beta)])
        a[k:, k + 1:] -= tau[k] * np.outer(v, v @ a[k:, k + 1:])
        a[k, k], a[k + 1:, k] = beta, v[1:]
    return np.vstack([a, tau])


def each(f, x): return np.array([f(x[at]) for at in np.ndindex(x.shape[:-2])]).reshape(*x.shape[:-2], x.shape[-2] + 1, x.shape[-1])


def order_of(pivots, rows, inverse):
    order = list(range(rows))
    for k, p in enumerate(pivots): order[k], order[p - 1] = order[p - 1], order[k]
    return np.argsort(order) if inverse else np.array(order, int)


def rows():
    for dtype in ("f32", "f64"):
        def close(n): return {"rtol": 64 * n * EPS[dtype], "atol": 64 * n * EPS[dtype]}
        for kind, batch, m, n in [("square", (), 3, 3), ("batch", (2, 2), 5, 3), ("wide", (2,), 3, 5), ("larger", (), 11, 7), ("one", (3,), 1, 1), ("column", (), 4, 1), ("no-columns", (2,), 3, 0), ("no-rows", (), 0, 3), ("empty", (0,), 3, 2)]:
            x, size = draw(dtype, (*batch, m, n)), max(m, n)
            x += np.roll(np.eye(m, n), 1, -2) * np.arange(8, 8 + n) * (-1) ** np.arange(n)
            x = rounded(x, dtype)
            for name, f, structures in (("lu_factors", eliminated, ([0], [1])), ("householder_factors", reflected, ([],))):
                r = rounded(each(f, x), dtype)
                for structure in structures: case(name, dtype, kind, [(dtype, x)], r, structure=structure, **close(size * (1 + np.abs(r).max(initial=0))))
        singular = np.ones((3, 3))
        case("lu_factors", dtype, "singular", [(dtype, singular)], np.array([[1., 1, 1], [1, 0, 0], [1, 0, 0], [1, 2, 3]]), structure=[0])
        case("lu_factors", dtype, "singular", [(dtype, singular)], structure=[1], error="index")
    for name, structure in [("lu_factors", [0]), ("householder_factors", [])]:
        case(name, "f32", "vector", [("f32", np.ones(3))], structure=structure, error="shape")
        case(name, "bf16", "half", [half], structure=structure, error="dtype")
    for inverse in (0, 1):
        for kind, pivots, rows in [("plain", [[3, 4, 3]], 4), ("batch", [[2, 2], [1, 4]], 4), ("none", [[]], 3), ("no-rows", [[]], 0)]:
            r = np.array([order_of(p, rows, inverse) for p in pivots], np.int64)
            case("row_order", "i64", kind, [("i64", np.array(pivots, np.int64))], r, structure=[inverse], sizes=[rows])
    for kind, pivots, rows, error in [("zero", [0], 3, "index"), ("behind-the-end", [1, 4], 3, "index"), ("too-many", [1, 2], 1, "shape")]:
        case("row_order", "i64", kind, [("i64", np.array(pivots))], structure=[0], sizes=[rows], error=error)
