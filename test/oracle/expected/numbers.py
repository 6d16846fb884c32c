"""Ops on numbers: a row a dtype, with special values."""
import math, statistics
import numpy as np

from expected.common import case, draw, DTYPES, EPS, FLOAT, HALVES, INTEGERS, NARROW, NUMBER, rounded, SPECIAL
from expected.pointwise import max_of, min_of, POINTWISE
from expected.reductions import argmax, reduction


def scalar_function(f): return np.vectorize(f, otypes=[np.float64])


def polygamma(order, x):
    """The sum over (x + k)^-(order + 1), its tail by Euler and Maclaurin's formula; digamma by its asymptotic series."""
    total, sign = 0.0, (-1.0) ** (order + 1) * math.gamma(order + 1)
    while x < 30:
        total += -1 / x if order == 0 else sign * x ** -(order + 1)
        x += 1
    if order == 0: return total + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)
    s = order + 1
    tail = x ** (1 - s) / (s - 1) + x**-s / 2 + s * x ** (-s - 1) / 12 - s * (s + 1) * (s + 2) * x ** (-s - 3) / 720
    return total + sign * (tail + s * (s + 1) * (s + 2) * (s + 3) * (s + 4) * x ** (-s - 5) / 30240)


def erfinv(x): return math.copysign(math.inf, x) if abs(x) == 1 else statistics.NormalDist().inv_cdf((x + 1) / 2) / math.sqrt(2)
def i1(x): return sum((x / 2) ** (2 * k + 1) / (math.factorial(k) * math.factorial(k + 1)) for k in range(40))
def floor_divide(a, b): return a // b
def trunc_divide(a, b): return np.trunc(a / b) if a.dtype.kind == "f" else np.sign(a) * np.sign(b) * (abs(a) // abs(b))
def shift_right(a, b): return a >> np.minimum(b, 63)
def sign(x): return np.where(x > 0, 1, np.where(x < 0, -1, 0))
def fmax(a, b): return np.where((a >= b) | (b != b), a, b)
def fmin(a, b): return np.where((a <= b) | (b != b), a, b)
def xlogy(a, b): return np.where(np.isnan(b), b, np.where(a == 0, 0, a * np.log(b)))
def whole(f): return lambda x: f(x) if x.dtype.kind == "f" else x


# name: (dtypes, function, lowest, highest, error in units of half an ulp, whether special values are for it, bool result)
NUMBERS = {
    "sin": (HALVES, np.sin, -9, 9, 4, True), "cos": (HALVES, np.cos, -9, 9, 4, True), "tan": (HALVES, np.tan, -1, 1, 4, False),
    "asin": (HALVES, np.arcsin, -1, 1, 5, True), "acos": (HALVES, np.arccos, -1, 1, 5, True), "atan": (HALVES, np.arctan, -4, 4, 4, True),
    "atan2": (HALVES, np.arctan2, -4, 4, 5, True), "sinh": (HALVES, np.sinh, -4, 4, 5, False), "cosh": (HALVES, np.cosh, -4, 4, 5, False),
    "asinh": (HALVES, np.arcsinh, -4, 4, 5, True), "acosh": (HALVES, np.arccosh, 1, 4, 5, True), "atanh": (HALVES, np.arctanh, -1, 1, 5, True),
    "exp2": (HALVES, np.exp2, -4, 4, 4, False), "expm1": (HALVES, np.expm1, -4, 4, 5, False), "log1p": (HALVES, np.log1p, -1, 4, 4, True),
    "log2": (HALVES, np.log2, 0, 4, 4, True), "log10": (HALVES, np.log10, 0, 4, 4, True), "logaddexp": (HALVES, np.logaddexp, -4, 4, 8, True),
    "logaddexp2": (HALVES, np.logaddexp2, -4, 4, 8, True), "xlogy": (HALVES, xlogy, 0, 4, 6, True), "reciprocal": (HALVES, lambda x: 1 / x, 1, 4, 2, True),
    "hypot": (HALVES, np.hypot, -4, 4, 4, False), "copysign": (HALVES, np.copysign, -4, 4, 0, True), "deg2rad": (HALVES, np.deg2rad, -180, 180, 4, False),
    "rad2deg": (HALVES, np.rad2deg, -4, 4, 4, False), "sinc": (HALVES, np.sinc, -3, 3, 8, False),
    "erfc": (HALVES, scalar_function(math.erfc), -4, 4, 10, False), "erfinv": (HALVES, scalar_function(erfinv), -1, 1, 10, False),
    "ndtri": (["f32", "f64"], scalar_function(lambda p: erfinv(2 * p - 1) * math.sqrt(2)), 0, 1, 16, False),
    "lgamma": (HALVES, scalar_function(math.lgamma), 3, 9, 10, False), "digamma": (HALVES, scalar_function(lambda x: polygamma(0, x)), 2, 9, 30, False),
    "trigamma": (HALVES, scalar_function(lambda x: polygamma(1, x)), 1, 9, 30, False), "i0": (HALVES, np.i0, -4, 4, 20, False),
    "i1": (HALVES, scalar_function(i1), -4, 4, 20, False),
    "floor": (HALVES + INTEGERS, whole(np.floor), -4, 4, 0, True), "ceil": (HALVES + INTEGERS, whole(np.ceil), -4, 4, 0, True),
    "round": (HALVES + INTEGERS, whole(np.rint), -4, 4, 0, True), "trunc": (HALVES + INTEGERS, whole(np.trunc), -4, 4, 0, True),
    "frac": (HALVES, lambda x: x - np.trunc(x), -4, 4, 0, False), "floor_divide": (HALVES + INTEGERS, floor_divide, 1, 9, 0, False),
    "trunc_divide": (HALVES + INTEGERS, trunc_divide, 1, 9, 0, False), "remainder": (HALVES + INTEGERS, np.remainder, 1, 9, 0, False),
    "fmod": (HALVES + INTEGERS, np.fmod, 1, 9, 0, False), "bitwise_and": (INTEGERS + ["bool"], lambda a, b: a & b, -90, 90, 0, False),
    "bitwise_or": (INTEGERS + ["bool"], lambda a, b: a | b, -90, 90, 0, False), "bitwise_xor": (INTEGERS + ["bool"], lambda a, b: a ^ b, -90, 90, 0, False),
    "bitwise_left_shift": (INTEGERS, lambda a, b: a << b, 0, 20, 0, False), "bitwise_right_shift": (INTEGERS, shift_right, 0, 90, 0, False),
    "isnan": (HALVES + INTEGERS, lambda x: x != x, -4, 4, 0, True, True), "isinf": (HALVES + INTEGERS, lambda x: abs(x) == math.inf, -4, 4, 0, True, True),
    "isfinite": (HALVES + INTEGERS, lambda x: abs(x) < math.inf, -4, 4, 0, True, True), "signbit": (HALVES + INTEGERS, lambda x: np.signbit(x) if x.dtype.kind == "f" else x < 0, -4, 4, 0, True, True),
    "sign": (HALVES + INTEGERS + ["bool"], sign, -4, 4, 0, True), "sgn": (HALVES + INTEGERS, sign, -4, 4, 0, True),
    "heaviside": (HALVES + INTEGERS, lambda x, v: np.where(x == 0, v, np.where(x > 0, 1, 0)), -1, 1, 0, True), "positive": (HALVES + INTEGERS, lambda x: x, -4, 4, 0, True),
    "square": (HALVES + INTEGERS, lambda x: x * x, -90, 90, 0, False), "fmax": (HALVES + INTEGERS, fmax, -4, 4, 0, True), "fmin": (HALVES + INTEGERS, fmin, -4, 4, 0, True),
    "clamp_min": (HALVES + INTEGERS, max_of, -4, 4, 0, True), "clamp_max": (HALVES + INTEGERS, min_of, -4, 4, 0, True),
}


def number_rows(name, dtypes, f, low, high, error, special, is_bool=False):
    arity = f.__code__.co_argcount if hasattr(f, "__code__") and f.__code__.co_name != "scalar_function" else getattr(f, "nin", 1)
    for dtype in dtypes:
        out = "bool" if is_bool else dtype
        tolerance = (error + (1 if dtype in ("bf16", "f16") and error else 0)) * EPS.get(dtype, 0)

        def add(kind, *xs): case(name, dtype, kind, [(dtype, x) for x in xs], rounded(f(*xs), out), tolerance, tolerance, out=out)

        add("plain", *[draw(dtype, (3, 5), low, high) for _ in range(arity)])
        if arity == 2: add("broadcast", draw(dtype, (2, 1), low, high), draw(dtype, (19,), low, high))
        values = rounded(np.array(SPECIAL), dtype) if dtype in HALVES else None
        if special and values is not None: add("special", *([values] if arity == 1 else [values[:, None], values[None, :]]))


def rows():
    with np.errstate(all="ignore"):
        for name, row in NUMBERS.items(): number_rows(name, *row)
        for dtype in HALVES:
            x, p, q = (draw(dtype, (3, 5), 1, 4) for _ in range(3))
            case("addcmul", dtype, "plain", [(dtype, x), (dtype, p), (dtype, q)], rounded(x + 0.5 * p * q, dtype), 4 * EPS[dtype], scalars=[0.5])
            case("addcdiv", dtype, "plain", [(dtype, x), (dtype, p), (dtype, q)], rounded(x + 0.5 * p / q, dtype), 4 * EPS[dtype], scalars=[0.5])
            case("lerp", dtype, "plain", [(dtype, x), (dtype, p), (dtype, q)], rounded(x + q * (p - x), dtype), 8 * EPS[dtype], 16 * EPS[dtype])
            s = rounded(np.array(SPECIAL), dtype)
            r = np.where(s != s, 1, np.where(s == math.inf, 2, np.where(s == -math.inf, -3, s)))
            case("replace_special", dtype, "plain", [(dtype, s)], r, scalars=[1.0, 2.0, -3.0])
            case("polygamma_of_order", dtype, "plain", [(dtype, x), (None, None)], rounded(scalar_function(lambda v: polygamma(2, v))(x), dtype), 100 * EPS[dtype], scalars=[2.0])
        one = np.array([1.0, -1.0, 0.0, 1.5])
        case("next_after", "f32", "up", [("f32", one), ("f32", one * 0 + 9)], np.nextafter(one.astype(np.float32), np.float32(9)).astype(np.float64), scalars=[23.0, -126.0, float(np.finfo(np.float32).max)])
        case("next_after", "f16", "down", [("f16", one), ("f16", one * 0 - 9)], np.nextafter(one.astype(np.float16), np.float16(-9)).astype(np.float64), scalars=[10.0, -14.0, 65504.0])
        for dtype in ["f16", *NARROW]:
            for name in ("add", "sub", "mul", "maximum", "minimum", "lt", "ge", "eq"):
                _, f, low, high, *rest = POINTWISE[name]
                x, y = draw(dtype, (3, 5), 0 if dtype == "u8" else -100, 100), draw(dtype, (5,), 0 if dtype == "u8" else -100, 100)
                out = "bool" if len(rest) > 2 else dtype
                case(name, dtype, "broadcast", [(dtype, x), (dtype, y)], rounded(f(x, y), out), out=out)
            for other in DTYPES:
                x = draw(dtype, (3, 5), -100, 100)
                case("cast", dtype, "to-" + other, [(dtype, x)], rounded(np.trunc(x) if other not in (*HALVES, "bool") else x, other), structure=[DTYPES.index(other)], out=other)
        reduction("prod", FLOAT + ["i64"], lambda x, a: np.prod(x, axis=a, dtype=np.int64 if x.dtype.kind in "bi" else np.float64), lambda d: d, 1)
        reduction("any", ["bool"], lambda x, a: np.any(x, axis=a))
        reduction("all", ["bool"], lambda x, a: np.all(x, axis=a))
        reduction("argmin", NUMBER, lambda x, a: argmax(-x, a), lambda d: "i64")
        for dtype in ["f16", *NARROW]:
            x = draw(dtype, (3, 40), -90, 90)
            for name, f, out in (("sum", np.sum, dtype if dtype == "f16" else "i64"), ("max", np.max, dtype), ("min", np.min, dtype), ("argmax", np.argmax, "i64")):
                for axis in (0, 1):
                    case(name, dtype, "plain", [(dtype, x)], rounded(f(x, axis=axis), out), 2 * EPS.get(dtype, 0) if name == "sum" else 0, 0, structure=[0, axis], out=out)
            p, q = draw(dtype, (5, 7), 0, 9), draw(dtype, (7, 4), 0, 9)
            case("matmul", dtype, "plain", [(dtype, p), (dtype, q)], rounded(np.matmul(p, q), dtype), 2 * EPS.get(dtype, 0))
