"""Strided views, linear algebra."""
import itertools, math
import numpy as np

from expected.common import case, draw, DTYPES, EPS, rounded

square, half = np.eye(3), ("bf16", np.eye(2))


def rows():
    for dtype in DTYPES:
        x = draw(dtype, (12,))
        for kind, start, sizes, strides in [("windows", 1, (4, 3), (2, 1)), ("backwards-dims", 0, (3, 4), (1, 3)), ("one-element", 7, (2, 2), (0, 0)), ("no-dims", 11, (), ()), ("empty", 12, (0, 5), (90, 90))]:
            at = start + sum(np.arange(n).reshape([-1 if i == k else 1 for i in range(len(sizes))]) * s for k, (n, s) in enumerate(zip(sizes, strides)))
            case("strided_view", dtype, kind, [(dtype, x)], x[np.broadcast_to(at, sizes)] if 0 not in sizes else np.zeros(sizes), sizes=[start, *sizes, *strides])
    x = draw("f32", (12,))
    for kind, sizes in [("behind-the-end", [1, 3, 4, 4, 1]), ("before-the-start", [-1, 1, 1]), ("negative-stride", [5, 2, -1]), ("beyond-64-bits", [0, 9, 9, 2**62, 2**62])]:
        case("strided_view", "f32", kind, [("f32", x)], sizes=sizes, error="index")

    for dtype in ("f32", "f64"):
        def close(n): return {"rtol": 16 * n * EPS[dtype], "atol": 16 * n * EPS[dtype]}
        for kind, batch, n, k in [("plain", (), 3, 2), ("batch", (2, 2), 4, 1), ("larger", (), 12, 3), ("one", (3,), 1, 3), ("empty", (2,), 0, 3), ("no-columns", (), 3, 0)]:
            a, b = draw(dtype, (*batch, n, n)) + 8 * n * np.eye(n), draw(dtype, (*batch, n, k))
            for upper, unit in itertools.product((0, 1), (0, 1)):
                t = np.triu(a) if upper else np.tril(a)
                if unit: t = (t / (8 * n * n or 1)) * (1 - np.eye(n)) + np.eye(n)
                case("triangular_solution", dtype, kind, [(dtype, rounded(t, dtype)), (dtype, b)], rounded(np.linalg.solve(rounded(t, dtype), b), dtype), structure=[upper, unit], **close(n))
            case("linear_solution", dtype, kind, [(dtype, a), (dtype, b)], rounded(np.linalg.solve(a, b), dtype), **close(n))
            s = rounded(a + np.swapaxes(a, -1, -2), dtype)
            case("cholesky_factor", dtype, kind, [(dtype, s)], rounded(np.linalg.cholesky(s), dtype), **close(n))
            small = rounded(a / (8 * n or 1), dtype)
            small[..., :1, :] *= -1
            sign, log = np.linalg.slogdet(small)
            for part, r in enumerate((np.linalg.det(small), sign, log)):
                case("determinant", dtype, kind, [(dtype, small)], rounded(r, dtype), structure=[part], **close(n))
        case("determinant", dtype, "singular", [(dtype, np.ones((2, 2)))], np.zeros(()), structure=[0])
        case("linear_solution", dtype, "singular", [(dtype, np.ones((2, 2))), (dtype, np.ones((2, 1)))], error="index")
        case("cholesky_factor", dtype, "not-positive", [(dtype, -np.eye(2))], error="index")
        case("matrix_exponential", dtype, "turn", [(dtype, np.array([[0., -1], [1, 0]]))], rounded(np.array([[math.cos(1), -math.sin(1)], [math.sin(1), math.cos(1)]]), dtype), **close(2))
        case("matrix_exponential", dtype, "nilpotent", [(dtype, np.array([[[0., 4, 3], [0, 0, 6], [0, 0, 0]], np.zeros((3, 3))]))], np.array([[[1., 4, 15], [0, 1, 6], [0, 0, 1]], np.eye(3)]), **close(3))
        case("matrix_exponential", dtype, "squared", [(dtype, np.diag([20., -20]))], rounded(np.diag(np.exp([20., -20])), dtype), **close(64))
        case("matrix_exponential", dtype, "empty", [(dtype, np.zeros((2, 0, 0)))], np.zeros((2, 0, 0)))
        case("matrix_exponential", dtype, "not-finite", [(dtype, np.array([[1., 0], [math.inf, 2]]))], np.full((2, 2), math.nan))
    for name, structure in [("cholesky_factor", []), ("determinant", [0]), ("matrix_exponential", [])]:
        case(name, "f32", "not-square", [("f32", square[:2])], structure=structure, error="shape")
        case(name, "bf16", "half", [half], structure=structure, error="dtype")
    for name, structure in [("linear_solution", []), ("triangular_solution", [0, 0])]:
        case(name, "f32", "other-rows", [("f32", square), ("f32", square[:2])], structure=structure, error="shape")
        case(name, "f32", "other-batch", [("f32", square), ("f32", square[None])], structure=structure, error="shape")
        case(name, "f32", "other-dtype", [("f32", square), ("f64", square)], structure=structure, error="dtype")
        case(name, "bf16", "half", [half, half], structure=structure, error="dtype")
