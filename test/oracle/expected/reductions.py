"""Reductions."""
import math
import numpy as np

from expected.common import ANY, case, draw, EPS, FLOAT, NUMBER, rounded


def nan_max(x, axis): return np.max(x, axis=axis)  # NumPy's max gives NaN too


def argmax(x, axes):
    rest = [k for k in range(x.ndim) if k not in axes]
    flat = np.transpose(x, rest + list(axes)).reshape([x.shape[k] for k in rest] + [-1])
    if flat.dtype.kind == "f" and np.isnan(flat).any():
        flat = np.where(np.isnan(flat), np.inf, np.where(np.isinf(flat) & (flat > 0), np.finfo(np.float64).max, flat))
    return np.argmax(flat, axis=-1)


def reduction(name, dtypes, f, out_of=lambda d: d, error=0.0):
    for dtype in dtypes:
        for shape in [(3, 4, 2), (70,), (2, 33), (33, 3), ()]:
            for axes in {tuple(range(len(shape))), *[(k,) for k in range(len(shape))], *([(0, 2), (1, 2), (0, 1)] if len(shape) == 3 else [])}:
                for keep in (False, True) if len(axes) == 1 else (False,):
                    x = draw(dtype, shape)
                    r = f(x, axes)
                    if keep: r = np.asarray(r).reshape([1 if k in axes else s for k, s in enumerate(shape)])
                    n = max(1, int(np.prod([shape[k] for k in axes])))
                    scale = float(np.max(np.abs(x), initial=0)) * (1 if name == "mean" else n) if dtype in EPS else 0
                    case(name, dtype, "keepdim" if keep else "plain", [(dtype, x)], rounded(r, out_of(dtype)), error and 2 * EPS.get(dtype, 0) + (name == "prod") * n * EPS.get("f32" if dtype == "bf16" else dtype, 0),
                         4 * math.sqrt(n) * EPS.get("f32" if dtype == "bf16" else dtype, 0) * scale if error else 0, structure=[keep, *axes], out=out_of(dtype))


def rows():
    with np.errstate(all="ignore"):
        reduction("sum", ANY, lambda x, a: np.sum(x, axis=a, dtype=np.int64 if x.dtype.kind in "bi" else np.float64), lambda d: "i64" if d == "bool" else d, 1)
        reduction("mean", FLOAT, lambda x, a: np.mean(x, axis=a), error=1)
        reduction("max", ANY, lambda x, a: np.max(x, axis=a))
        reduction("min", ANY, lambda x, a: np.min(x, axis=a))
        reduction("argmax", NUMBER, argmax, lambda d: "i64")
        special = np.array([[1.0, math.nan, 3.0], [math.inf, 2.0, math.inf], [-math.inf, -math.inf, -math.inf], [math.nan, math.inf, math.nan]])
        for name, f in {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}.items():
            case(name, "f32", "special", [("f32", special)], f(special, axis=1), structure=[0, 1])
        case("argmax", "f32", "special", [("f32", special)], [1, 0, 0, 0], structure=[0, 1], out="i64")
        empty = np.zeros((3, 0))
        case("sum", "f32", "empty", [("f32", empty)], np.zeros(3), structure=[0, 1])
        case("sum", "f32", "no-results", [("f32", empty)], np.zeros(0), structure=[0, 0])
        case("mean", "f32", "empty", [("f32", empty)], np.full(3, math.nan), structure=[0, 1])
        case("max", "f32", "no-results", [("f32", empty)], np.zeros(0), structure=[0, 0])
        for name in ("max", "min", "argmax"): case(name, "f32", "empty", [("f32", empty)], structure=[0, 1], error="shape")
