"""Dtypes that the rows above leave out."""
import math

import numpy as np

from expected.common import case, draw, DTYPES, EPS, HALVES, INTEGERS, lines, NARROW, rounded, start_anew
from expected.pointwise import POINTWISE, pointwise
from expected.reductions import argmax, reduction
from expected.views import normal


def joined(dtypes):
    """Those that f16 and the narrow integers stand beside."""
    return (["f16"] if "bf16" in dtypes else []) + (list(NARROW) if "i64" in dtypes else [])


def rows():
    start_anew(11)  # no row above depends on these

    there = {tuple(l.split()[1:3]) for l in lines if l.startswith("case ")}
    with np.errstate(all="ignore"):
        for name, row in POINTWISE.items():
            pointwise(name, [d for d in joined(row[0]) if (name, d) not in there], *row[1:])
        for dtype in ["f16", *NARROW]:
            x = draw(dtype, (3, 5))
            low, high = (-1.5, 2.25) if dtype == "f16" else (1, 3)
            case("clamp", dtype, "plain", [(dtype, x)], np.clip(x, low, high), scalars=[low, high])
            c, a, b = draw("bool", (3, 1)), x, draw(dtype, (5,))
            for choice in ("where", "rarely"):
                case(choice, dtype, "broadcast", [("bool", c), (dtype, a), (dtype, b)], np.where(c, a, b))
            case("assign", dtype, "broadcast", [(dtype, a), (dtype, b)], np.broadcast_to(b, (3, 5)))
            x = draw(dtype, (2, 3, 4))
            case("permute", dtype, "plain", [(dtype, x)], x.transpose(2, 0, 1), structure=[2, 0, 1])
            case("slice", dtype, "step", [(dtype, x)], x[:, :, 1::2], structure=[2], sizes=[1, 2, 2])
            case("expand", dtype, "plain", [(dtype, x[:, :1])], np.broadcast_to(x[:, :1], (5, 2, 3, 4)), sizes=[5, 2, 3, 4])
            case("concatenate", dtype, "plain", [(dtype, x), (dtype, x[:, :1]), (dtype, x[:, 1:1])], np.concatenate([x, x[:, :1], x[:, 1:1]], 1), structure=[1])
            case("view", dtype, "row-major", [(dtype, x)], x.reshape(3, 8), sizes=[3, 8])
            case("full", dtype, "plain", [], np.full((2, 3), 3), scalars=[3], structure=[DTYPES.index(dtype)], sizes=[2, 3])
            case("arange", dtype, "plain", [], 2 + 3 * np.arange(7), scalars=[2.0, 3.0] if dtype == "f16" else [2, 3], structure=[DTYPES.index(dtype)], sizes=[7])
        reduction("mean", ["f16"], lambda x, a: np.mean(x, axis=a), error=1)
        reduction("prod", ["f16"], lambda x, a: np.prod(x, axis=a), error=1)
        reduction("prod", [*NARROW, "bool"], lambda x, a: np.prod(x, axis=a, dtype=np.int64), lambda d: "i64")
        reduction("argmin", ["f16", *NARROW], lambda x, a: argmax(-np.asarray(x), a), lambda d: "i64")
        a, b = np.array([True, False, True, False]), np.array([True, True, False, False])
        for name, r in [("fmax", a | b), ("fmin", a & b), ("heaviside", a | b), ("bitwise_left_shift", a), ("bitwise_right_shift", a & ~b)]:
            case(name, "bool", "plain", [("bool", a), ("bool", b)], r)
        for name, r in [("isnan", a & ~a), ("isinf", a & ~a), ("isfinite", a | ~a), ("signbit", a & ~a), ("sgn", a)]:
            case(name, "bool", "plain", [("bool", a)], r)
        for dtype in INTEGERS:
            x, p, q = (draw(dtype, (3, 5), 0, 4) for _ in range(3))
            case("addcmul", dtype, "plain", [(dtype, x), (dtype, p), (dtype, q)], rounded(x + 2 * p * q, dtype), scalars=[2])
        case("hardtanh", "u8", "plain", [("u8", np.array([0, 1, 2, 9]))], np.array([1, 1, 2, 3]), scalars=[1, 3])
        one = np.array([1.0, -2.5, 0.0])
        for dtype, format in [("f64", [52.0, -1022.0, float(np.finfo(np.float64).max)]), ("bf16", [7.0, -126.0, float.fromhex("0x1.FEp127")])]:
            step = {"f64": np.nextafter(one, np.inf), "bf16": np.array([1 + 2**-7, -2.5 + 2**-6, 2.0**-133])}[dtype]
            case("next_after", dtype, "up", [(dtype, one), (dtype, one * 0 + 9)], step, scalars=format)
        for dtype in ("bf16", "f16"):
            p = np.array([0.125, 0.25, 0.5, 0.875])
            case("ndtri", dtype, "plain", [(dtype, p)], rounded([normal(v) for v in p], dtype), 16 * EPS[dtype], 16 * EPS[dtype])
        for dtype in HALVES + INTEGERS:
            x, low, high = draw(dtype, (3, 5), 0, 9), draw(dtype, (3, 1), 2, 6), draw(dtype, (5,), 3, 7)
            case("clamp_between", dtype, "broadcast", [(dtype, x), (dtype, low), (dtype, high)], np.minimum(np.maximum(x, low), high))
        for dtype in HALVES:
            nan, inf = math.nan, math.inf
            x, low, high = np.array([nan, 1.0, 1.0, inf, -inf, 5.0]), np.array([0.0, nan, 0.0, -inf, 2.0, 4.0]), np.array([2.0, 2.0, nan, inf, 3.0, 1.0])
            case("clamp_between", dtype, "special", [(dtype, x), (dtype, low), (dtype, high)], np.array([nan, nan, nan, inf, 2.0, 1.0]))
