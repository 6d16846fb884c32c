"""Convolution, pooling."""
import itertools, math
import numpy as np

from expected.common import case, draw, EPS, FLOAT, HALVES, INTEGERS, NUMBER, rounded
from expected.indexing import hard


def places_of(size, kernel, stride, begin, end, dilation): return (size + begin + end - (kernel - 1) * dilation - 1) // stride + 1


def convolve(x, weight, y, groups, windows, into):
    """Adds to `into`, which is one of the three, what it is as a product of the other two."""
    n, c, o = x.ndim - 2, weight.shape[1], weight.shape[0] // groups
    for place in np.ndindex(y.shape[2:]):
        for tap in np.ndindex(weight.shape[2:]):
            at = tuple(p * w[0] - w[1] + t * w[3] for p, t, w in zip(place, tap, windows))
            if any(not 0 <= a < size for a, size in zip(at, x.shape[2:])): continue
            for g in range(groups):
                xs, ws = x[(slice(None), slice(g * c, g * c + c), *at)], weight[(slice(g * o, g * o + o), slice(None), *tap)]
                ys = y[(slice(None), slice(g * o, g * o + o), *place)]
                if into is y: ys += xs @ ws.T
                elif into is x: xs += ys @ ws
                else: ws += ys.T @ xs


CONVOLUTIONS = [  # kind, x, weight, groups, windows, dtypes
    ("plain", (2, 3, 9), (4, 3, 3), 1, [(1, 0, 0, 1)], NUMBER + ["f16"]), ("plain", (2, 4, 11), (6, 2, 3), 2, [(2, 1, 2, 2)], HALVES + INTEGERS),
    ("plain", (2, 3, 6, 5), (4, 3, 3, 2), 1, [(1, 1, 1, 1), (2, 0, 1, 1)], NUMBER + ["f16"]), ("plain", (1, 4, 5, 5), (4, 1, 3, 3), 4, [(1, 1, 1, 1)] * 2, HALVES),
    ("plain", (1, 9, 6, 7), (13, 9, 3, 3), 1, [(1, 1, 1, 1)] * 2, ["f32"]), ("plain", (1, 2, 3, 4, 3), (3, 2, 2, 2, 1), 1, [(1, 1, 0, 1), (2, 0, 0, 1), (1, 0, 0, 1)], NUMBER),
    ("plain", (1, 2, 6), (2, 2, 1), 1, [(3, 0, 0, 1)], NUMBER), ("empty", (0, 3, 5), (2, 3, 2), 1, [(1, 0, 0, 1)], FLOAT),
]


def max_positions(x, spans):
    """Of each window, of which `spans` has the indices along each dim, the number of the greatest element."""
    n = len(spans)
    sizes, places = x.shape[x.ndim - n:], [len(s) for s in spans]
    r = np.zeros((*x.shape[:x.ndim - n], *places), np.int64)
    for at in np.ndindex(r.shape):
        lead, best = at[:x.ndim - n], None
        for tap in itertools.product(*[s[p] for s, p in zip(spans, at[x.ndim - n:])]):
            v = x[(*lead, *tap)]
            if best is None or v != v or v > x[(*lead, *best)]: best = tap
        r[at] = np.ravel_multi_index(best, sizes)
    return r


def window_spans(size, kernel, stride, begin, end, dilation):
    return [[i for t in range(kernel) if 0 <= (i := p * stride - begin + t * dilation) < size] for p in range(places_of(size, kernel, stride, begin, end, dilation))]


def part_spans(size, n): return [range(i * size // n, -(-(i + 1) * size // n)) for i in range(n)]


POOLS = [("plain", (2, 3, 8), [2], [(2, 0, 0, 1)]), ("plain", (2, 9), [3], [(2, 1, 1, 2)]), ("plain", (2, 6), [3], [(2, 0, 1, 1)]),
         ("plain", (2, 2, 5, 6), [3, 2], [(1, 1, 1, 1), (2, 0, 0, 1)]), ("plain", (1, 3, 4, 3), [2, 2, 1], [(1, 1, 0, 1), (2, 0, 0, 1), (1, 0, 0, 1)]),
         ("long", (2, 3, 45), [1, 3], [(1, 0, 0, 1), (1, 1, 1, 1)])]


def rows():
    for kind, x_sizes, weight_sizes, groups, windows, dtypes in CONVOLUTIONS:
        for dtype in dtypes:
            x, weight = draw(dtype, x_sizes), draw(dtype, weight_sizes)
            y = draw(dtype, (x_sizes[0], weight_sizes[0], *[places_of(s, k, *w) for s, k, w in zip(x_sizes[2:], weight_sizes[2:], windows)]))
            structure = [groups, *sum(windows, ())]
            for name, k, operands, sizes in [("convolution", 2, (x, weight), []), ("convolution_input", 0, (y, weight), x_sizes[2:]), ("convolution_weight", 1, (y, x), weight_sizes[2:])]:
                all3 = [x, weight, y]
                all3[k] = np.zeros_like(all3[k])
                convolve(*all3, groups, windows, all3[k])
                terms = max(1, x.size, y.size)
                case(name, dtype, kind, [(dtype, t) for t in operands], rounded(all3[k], dtype), EPS.get(dtype, 0), 64 * math.sqrt(terms) * EPS.get("f32" if dtype in ("bf16", "f16") else dtype, 0), structure=structure, sizes=sizes)
    x, weight, y = np.ones((2, 4, 5)), np.ones((6, 2, 3)), np.ones((2, 6, 3))
    for name, operands, sizes in [("convolution", (x, weight), []), ("convolution_input", (y, weight), [5]), ("convolution_weight", (y, x), [3])]:
        f32 = [("f32", t) for t in operands]
        case(name, "f32", "no-groups", f32, structure=[0, 1, 0, 0, 1], sizes=sizes, error="value")
        case(name, "f32", "other-groups", f32, structure=[4, 1, 0, 0, 1], sizes=sizes, error="shape")
        case(name, "f32", "other-rank", f32, structure=[2, *[1, 0, 0, 1] * 2], sizes=sizes * 2, error="shape")
        case(name, "f32", "other-dtype", [f32[0], ("f64", operands[1])], structure=[2, 1, 0, 0, 1], sizes=sizes, error="dtype")
        case(name, "bool", "not-numbers", [("bool", t) for t in operands], structure=[2, 1, 0, 0, 1], sizes=sizes, error="dtype")
        if sizes: case(name, "f32", "other-sizes", f32, structure=[2, 1, 0, 0, 1], sizes=[sizes[0] + 1], error="shape")
    case("convolution", "f32", "too-small", [("f32", x[:, :, :2]), ("f32", weight)], structure=[2, 1, 0, 0, 1], error="shape")
    for dtype in [*HALVES, "i64", "u8"]:
        for kind, sizes, kernel, windows in POOLS:
            x = draw(dtype, sizes, -2, 2)
            r = max_positions(x, [window_spans(s, k, *w) for s, k, w in zip(sizes[-len(kernel):], kernel, windows)])
            case("max_pool_positions", dtype, kind, [(dtype, x)], r, structure=[*kernel, *sum(windows, ())], out="i64")
        for sizes in [(3,), (2, 4), (1, 2, 2), (0,)]:
            x = draw(dtype, (2, 4, 5, 7), -2, 2)
            r = max_positions(x, [part_spans(s, n) for s, n in zip(x.shape[-len(sizes):], sizes)])
            case("max_pool_positions", dtype, "plain" if r.size else "empty", [(dtype, x)], r, sizes=sizes, out="i64")
        if dtype in HALVES:
            y = rounded(hard, dtype)
            case("max_pool_positions", dtype, "special", [(dtype, y)], max_positions(y, [window_spans(4, 2, 1, 1, 0, 1), window_spans(5, 2, 1, 0, 1, 1)]), structure=[2, 2, 1, 1, 0, 1, 1, 0, 1, 1], out="i64")
            case("max_pool_positions", dtype, "special", [(dtype, y)], max_positions(y, [part_spans(5, 2)]), sizes=[2], out="i64")
    x = draw("f32", (2, 4))
    for kind, d, operand, structure, sizes, error in [("too-small", "f32", x, [5, 1, 0, 0, 1], [], "shape"), ("sees-nothing", "f32", x, [2, 1, 2, 0, 1], [], "shape"),
                                                      ("no-elements", "f32", x[:, :0], [], [1], "shape"), ("not-numbers", "bool", x > 0, [2, 1, 0, 0, 1], [], "dtype")]:
        case("max_pool_positions", d, kind, [(d, operand)], structure=structure, sizes=sizes, error=error)
