"""Indexing, scans, sorts."""
import math
import numpy as np

from expected.common import case, draw, EPS, HALVES, INTEGERS, rng, rounded
from expected.pointwise import max_of, min_of

ALL = [*HALVES, *INTEGERS, "bool"]


def along(f, dim, *arrays):
    """What f makes of each line along the dim."""
    moved = [np.moveaxis(np.asarray(a), dim, -1) for a in arrays]
    made = [f(*line) for line in zip(*[a.reshape(-1, a.shape[-1]) for a in moved])]
    return np.moveaxis(np.array(made).reshape(*moved[0].shape[:-1], len(made[0])), -1, dim)


def scattered(join, dtype, x, index, src, dim):
    r = x.copy()
    for at in np.ndindex(index.shape):
        to = (*at[:dim], index[at], *at[dim + 1:])
        r[to] = rounded(join(r[to], src[at]), dtype)
    return r


def best_so_far(line, least):
    best, positions = -1, []
    for k, v in enumerate(line):
        if best < 0 or v != v or (v <= line[best] if least else v >= line[best]): best = k
        positions.append(best)
    return positions


def recur(a, b):
    y = [b[0]]
    for k in range(1, len(a)): y.append(a[k] * y[-1] + b[k])
    return y


def sorted_positions(line, descending):
    if descending: return sorted(range(len(line)), key=lambda k: (line[k] == line[k], -line[k] if line[k] == line[k] else 0))
    return sorted(range(len(line)), key=lambda k: (line[k] != line[k], line[k] if line[k] == line[k] else 0))


SCANS = [np.cumsum, np.cumprod, np.logaddexp.accumulate]
JOINS = {"scatter": (lambda a, b: b, ()), "scatter_add": (lambda a, b: a + b, ()), "scatter_fold": (lambda a, b: a * b, (0,)),
         "scatter_fold ": (max_of, (1,)), "scatter_fold  ": (min_of, (2,))}
hard = np.array([[math.nan, 1.0, -0.0, math.inf, 0.0], [-math.inf, 2.0, math.nan, 2.0, math.nan], [3.0, math.inf, -math.inf, math.inf, 1.0], [-math.inf, -math.inf, 1e3, 1e3, -1e3]])


def rows():
    with np.errstate(all="ignore"):
        for dtype in ALL:
            x = draw(dtype, (3, 4, 2))
            for dim, sizes in [(0, (5, 4, 1)), (1, (2, 6, 2)), (2, (3, 4, 1)), (1, (3, 0, 2))]:
                index = rng.integers(0, x.shape[dim], sizes)
                source = x[tuple(slice(None) if k == dim else slice(n) for k, n in enumerate(sizes))]
                case("gather", dtype, "plain" if index.size else "empty", [(dtype, x), ("i64", index)], np.take_along_axis(source, index, dim), structure=[dim])
                for name, (join, fold) in JOINS.items():
                    src = draw(dtype, sizes)
                    case(name.strip(), dtype, "plain" if index.size else "empty", [(dtype, x), ("i64", index), (dtype, src)], scattered(join, dtype, x, index, src, dim), structure=[dim, *fold])
            if dtype != "bool":
                for fold in range(3 if dtype in HALVES else 2):
                    tolerance = (2 if fold < 2 else 4) * EPS.get(dtype, 0)
                    for kind, reverse, dim, y in [("plain", 0, 1, draw(dtype, (3, 5, 2))), ("plain", 1, 0, draw(dtype, (4, 3))), ("long", 0, 0, draw(dtype, (3, 70))), ("empty", 0, 1, np.zeros((2, 0)))]:
                        r = along(lambda v: SCANS[fold](v[::-1])[::-1] if reverse else SCANS[fold](v), dim, y) if y.size else y
                        case("scan", dtype, kind, [(dtype, y)], rounded(r, dtype), tolerance, (fold == 2) * tolerance, structure=[dim, fold, reverse])
            for flag in (0, 1):
                y = draw(dtype, (3, 7, 2), -2, 2)
                case("scan_position", dtype, "plain", [(dtype, y)], along(lambda v: best_so_far(v, flag), 1, y), structure=[1, flag], out="i64")
                y = draw(dtype, (3, 8, 2), -2, 2)
                r = along(lambda v: sorted_positions(v.tolist(), flag), 1, y)
                for count in (8, 3, 0):
                    case("sort_positions", dtype, "plain" if count else "empty", [(dtype, y)], r[:, :count], structure=[1, flag], sizes=[count], out="i64")
                for y, v in [(draw(dtype, (9,), -2, 2), draw(dtype, (2, 5), -2, 2)), (draw(dtype, (3, 6), -2, 2), draw(dtype, (3, 4), -2, 2))]:
                    y = np.sort(y)
                    side = "right" if flag else "left"
                    r = np.searchsorted(y, v, side) if y.ndim == 1 else [np.searchsorted(a, b, side) for a, b in zip(y, v)]
                    case("search_sorted", dtype, "plain", [(dtype, y), (dtype, v)], r, structure=[flag], out="i64")
            for kind, y in [("plain", draw(dtype, (3, 5), -1, 1)), ("zero-dim", np.asarray(1)), ("plain", np.zeros((2, 2))), ("empty", np.zeros((0, 3)))]:
                case("nonzero_positions", dtype, kind, [(dtype, y)], np.argwhere(y), sizes=[np.count_nonzero(y)], out="i64")
            case("flip_view", dtype, "plain", [(dtype, x)], x[:, ::-1], structure=[1])
            case("flip_view", dtype, "plain", [(dtype, x)], x[::-1, ::-1, ::-1], structure=[0, 2, 1])
            case("flip_view", dtype, "empty", [(dtype, x[:, :0])], x[::-1, :0], structure=[0, 1])
            y = draw(dtype, (3, 2, 3))
            case("diagonal_view", dtype, "plain", [(dtype, y)], np.diagonal(y, 0, 0, 2), structure=[0, 2])
            case("diagonal_view", dtype, "plain", [(dtype, y)], np.diagonal(y, 0, 2, 0), structure=[2, 0])
        for dtype in HALVES:
            for kind, reverse, dim, sizes in [("plain", 0, 1, (3, 5, 2)), ("plain", 1, 0, (4, 3)), ("long", 0, 0, (3, 70))]:
                a, b = draw(dtype, sizes, -2, 2), draw(dtype, sizes)
                r = along(lambda p, q: recur(p[::-1], q[::-1])[::-1] if reverse else recur(p, q), dim, a, b)
                case("recurrence", dtype, kind, [(dtype, a), (dtype, b)], rounded(r, dtype), 2 * EPS[dtype], 16 * EPS["f64"], structure=[dim, reverse])
            case("recurrence", dtype, "special", [(dtype, [math.nan, 2.0, math.inf]), (dtype, [1.0, 3.0, -1.0])], [1.0, 5.0, math.inf], structure=[0, 0])
            case("recurrence", dtype, "empty", [(dtype, np.zeros((2, 0))), (dtype, np.zeros((2, 0)))], np.zeros((2, 0)), structure=[1, 0])
        for dtype in HALVES:
            y = rounded(hard, dtype)
            for fold in range(3):
                tolerance = (2 if fold < 2 else 4) * EPS[dtype]
                case("scan", dtype, "special", [(dtype, y)], rounded(along(SCANS[fold], 1, y), dtype), tolerance, (fold == 2) * tolerance, structure=[1, fold, 0])
            for flag in (0, 1):
                case("scan_position", dtype, "special", [(dtype, y)], along(lambda v: best_so_far(v, flag), 1, y), structure=[1, flag], out="i64")
                case("sort_positions", dtype, "special", [(dtype, y)], along(lambda v: sorted_positions(v.tolist(), flag), 1, y), structure=[1, flag], sizes=[5], out="i64")
                case("search_sorted", dtype, "special", [(dtype, np.sort(y[0])), (dtype, y)], np.searchsorted(np.sort(y[0]), y, "right" if flag else "left"), structure=[flag], out="i64")
            case("nonzero_positions", dtype, "special", [(dtype, y)], np.argwhere(y), sizes=[np.count_nonzero(y)], out="i64")
            index = np.array([[0, 0, 1, 2, 4]] * 4)
            for name, (join, fold) in JOINS.items():
                case(name.strip(), dtype, "special", [(dtype, y), ("i64", index), (dtype, y[::-1])], scattered(join, dtype, y, index, y[::-1], 1), structure=[1, *fold])

    x, one = draw("f32", (3, 4)), draw("f32", (3, 1))
    for kind, i, error in [("too-large", 4, "index"), ("negative", -1, "index"), ("other-rank", None, "shape"), ("other-sizes", 0, "shape")]:
        index = np.full((3,) if i is None else (4, 1) if error == "shape" else (3, 1), i or 0)
        case("gather", "f32", kind, [("f32", x), ("i64", index)], structure=[1], error=error)
        for name, (join, fold) in JOINS.items():
            case(name.strip(), "f32", kind, [("f32", x), ("i64", index), ("f32", np.resize(one, index.shape))], structure=[1, *fold], error=error)
    case("gather", "f32", "other-dtype", [("f32", x), ("i32", [[0]])], structure=[1], error="dtype")
    case("scatter", "f32", "other-src", [("f32", x), ("i64", [[0]]), ("f32", one)], structure=[1], error="shape")
    for name, operands, structure, sizes in [("gather", [("f32", x), ("i64", [[0]])], [2], []), ("scan", [("f32", x)], [2, 0, 0], []), ("scan_position", [("f32", x)], [-1, 0], []),
                                             ("recurrence", [("f32", x), ("f32", x)], [2, 0], []), ("sort_positions", [("f32", x)], [2, 0], [1]),
                                             ("flip_view", [("f32", x)], [2], []), ("diagonal_view", [("f32", x)], [0, 2], [])]:
        case(name, "f32", "no-such-dim", operands, structure=structure, sizes=sizes, error="index")
    case("scan", "bool", "not-numbers", [("bool", [True])], structure=[0, 0, 0], error="dtype")
    case("recurrence", "f32", "other-sizes", [("f32", x), ("f32", one)], structure=[0, 0], error="shape")
    case("recurrence", "i64", "not-floating", [("i64", [1]), ("i64", [1])], structure=[0, 0], error="shape")
    case("sort_positions", "f32", "too-many", [("f32", x)], structure=[1, 0], sizes=[5], error="value")
    for kind, count, error in [("too-few", 1, "index"), ("too-many", 3, "index"), ("no-such-count", 4, "value")]:
        case("nonzero_positions", "f32", kind, [("f32", [0.0, 2.0, math.nan])], sizes=[count], error=error)
    case("search_sorted", "f32", "other-sizes", [("f32", x), ("f32", x[:2])], structure=[0], error="shape")
    case("diagonal_view", "f32", "other-sizes", [("f32", x)], structure=[0, 1], error="shape")
    case("diagonal_view", "f32", "one-dim", [("f32", x)], structure=[1, 1], error="shape")
