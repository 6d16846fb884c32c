"""Activations, checks."""
import math
import numpy as np

from expected.common import case, draw, EPS, HALVES, INTEGERS, rounded, SPECIAL


def soft_plus(x): return np.logaddexp(0, x)
def sixth(x): return np.clip(x + 3, 0, 6) / 6
def exp_linear(x, alpha, width): return np.where(x > 0, x, alpha * np.expm1(x / width))


# name: (dtypes, function, lowest, highest, error in units of half an ulp, scalars)
ACTIVATIONS = {
    "leaky_relu": (HALVES, lambda x: np.where(x > 0, x, 0.01 * x), -4, 4, 3, [0.01]),
    "hardtanh": (HALVES + ["i64", "i32", "i16", "i8"], lambda x: np.clip(x, -1, 2), -4, 4, 0, [-1, 2]),
    "hardsigmoid": (HALVES, sixth, -4, 4, 4, []),
    "hardswish": (HALVES, lambda x: x * sixth(x), -4, 4, 5, []),
    "hardshrink": (HALVES, lambda x: np.where(abs(x) <= 1, 0, x), -4, 4, 0, [1.0]),
    "softshrink_value": (HALVES, lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0), -4, 4, 1, [0.5]),
    "threshold": (HALVES + INTEGERS, lambda x: np.where(x <= 1, 7, x), -4, 4, 0, [1, 7]),
    "elu": (HALVES, lambda x: exp_linear(x, 1.5, 1), -4, 4, 6, [1.5]),
    "celu_value": (HALVES, lambda x: exp_linear(x, 0.75, 0.75), -4, 4, 8, [0.75]),
    "selu": (HALVES, lambda x: 1.0507009873554804934 * exp_linear(x, 1.6732632423543772848, 1), -4, 4, 7, []),
    "softplus": (HALVES, lambda x: np.where(2 * x > 6, x, soft_plus(2 * x) / 2), -4, 4, 8, [2.0, 6.0]),
    "logsigmoid": (HALVES, lambda x: -soft_plus(-x), -4, 4, 6, []),
    "mish": (HALVES, lambda x: x * np.tanh(soft_plus(x)), -4, 4, 10, []),
    "logit": (HALVES, lambda x: np.log(x) - np.log1p(-x), 0, 1, 8, []),
}


def rows():
    with np.errstate(all="ignore"):
        for name, (dtypes, f, low, high, error, scalars) in ACTIVATIONS.items():
            for dtype in dtypes:
                tolerance = (error + (1 if dtype in ("bf16", "f16") and error else 0)) * EPS.get(dtype, 0)
                inputs = {"plain": draw(dtype, (3, 5), low, high), "zero-dim": draw(dtype, (), low, high), "empty": np.zeros((0, 4)), "long": draw(dtype, (37,), low, high)}
                if dtype in HALVES: inputs["special"] = rounded(np.array(SPECIAL), dtype)
                for kind, x in inputs.items(): case(name, dtype, kind, [(dtype, x)], rounded(f(x), dtype), tolerance, tolerance, scalars=[float(v) if dtype in HALVES else v for v in scalars])
    for dtype in HALVES:
        x = np.array([[-1.0, 0.5], [2.0, -0.0]])
        case("binary_cross_entropy_value", dtype, "plain", [(dtype, [0.5, 0.25, 1.0, 0.0]), (dtype, [1.0, 0.5, 0.0, 0.0])],
             rounded([math.log(2), -0.5 * math.log(0.25 * 0.75), 100.0, 0.0], dtype), 8 * EPS[dtype], out=dtype)
        case("checked_range", dtype, "plain", [(dtype, x)], x, scalars=[-1.0, 2.0])
        case("checked_range", dtype, "special", [(dtype, [-math.inf, math.inf])], [-math.inf, math.inf], scalars=[-math.inf, math.inf])
        case("checked_range", dtype, "too-large", [(dtype, x)], scalars=[-1.0, 1.5], error="index")
        case("checked_range", dtype, "too-small", [(dtype, x)], scalars=[-0.5, 2.0], error="index")
        case("checked_range", dtype, "nan", [(dtype, [0.0, math.nan])], scalars=[-9.0, 9.0], error="index")
    case("wrapped_index", "i64", "plain", [("i64", [[0, 4, -5], [-1, 1, -2]])], [[0, 4, 0], [4, 1, 3]], scalars=[5])
    case("wrapped_index", "i64", "empty", [("i64", np.zeros((0, 2)))], np.zeros((0, 2)), scalars=[0])
    case("wrapped_index", "i64", "too-large", [("i64", [0, 5])], scalars=[5], error="index")
    case("wrapped_index", "i64", "negative", [("i64", [0, -6])], scalars=[5], error="index")
