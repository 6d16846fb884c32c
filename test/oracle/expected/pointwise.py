"""Pointwise."""
import math
import numpy as np

from expected.common import ANY, case, draw, EPS, FLOAT, HALVES, lines, NUMBER, rounded, SPECIAL

erf = np.vectorize(math.erf, otypes=[np.float64])


def max_of(a, b): return np.where((a < b) | (b != b), b, a)
def min_of(a, b): return np.where((a > b) | (b != b), b, a)


def power(a, b):
    if a.dtype.kind != "i": return np.power(a, b)
    def one(x, n):
        x, n = int(x), int(n)
        if n < 0: return 0 if x == 0 or abs(x) > 1 else (1 if x == 1 or n % 2 == 0 else -1)
        return x**n
    return np.vectorize(one, otypes=[np.int64])(a, b)


# name: (dtypes, function, lowest, highest, error in units of half an ulp, absolute error in the same units, bool result)
POINTWISE = {
    "add": (ANY, lambda a, b: a + b if a.dtype != bool else a | b, -4, 4, 0),
    "sub": (NUMBER, lambda a, b: a - b, -4, 4, 0),
    "mul": (ANY, lambda a, b: a * b if a.dtype != bool else a & b, -4, 4, 0),
    "div": (FLOAT, lambda a, b: a / b, -4, 4, 0),
    "neg": (NUMBER, lambda x: -x, -4, 4, 0),
    "abs": (NUMBER, lambda x: np.abs(x), -4, 4, 0),
    "pow": (NUMBER, power, 0, 4, 5),
    "exp": (FLOAT, lambda x: np.exp(x), -4, 4, 4),
    "log": (FLOAT, lambda x: np.log(x), 0, 4, 4),
    "sqrt": (FLOAT, lambda x: np.sqrt(x), 0, 4, 0),
    "rsqrt": (FLOAT, lambda x: 1 / np.sqrt(x), 0, 4, 4),
    "tanh": (FLOAT, lambda x: np.tanh(x), -4, 4, 6),
    "erf": (FLOAT, erf, -4, 4, 6),
    "sigmoid": (FLOAT, lambda x: 1 / (1 + np.exp(-x)), -4, 4, 6),
    "relu": (NUMBER, lambda x: np.where(x < 0, 0, x), -4, 4, 0),
    "gelu": (FLOAT, lambda x: np.where(x == -np.inf, np.nan, 0.5 * x * (1 + erf(x * math.sqrt(0.5)))), -4, 4, 8, 8),
    "gelu_tanh": (FLOAT, lambda x: np.where(x == -np.inf, np.nan, 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))), -4, 4, 8, 12),
    "silu": (FLOAT, lambda x: x / (1 + np.exp(-x)), -4, 4, 8),
    "maximum": (ANY, max_of, -4, 4, 0),
    "minimum": (ANY, min_of, -4, 4, 0),
    "eq": (ANY, lambda a, b: a == b, -2, 2, 0, 0, True),
    "ne": (ANY, lambda a, b: a != b, -2, 2, 0, 0, True),
    "lt": (ANY, lambda a, b: a < b, -2, 2, 0, 0, True),
    "le": (ANY, lambda a, b: a <= b, -2, 2, 0, 0, True),
    "gt": (ANY, lambda a, b: a > b, -2, 2, 0, 0, True),
    "ge": (ANY, lambda a, b: a >= b, -2, 2, 0, 0, True),
    "logical_and": (ANY, lambda a, b: (a != 0) & (b != 0), -2, 2, 0, 0, True),
    "logical_or": (ANY, lambda a, b: (a != 0) | (b != 0), -2, 2, 0, 0, True),
    "logical_xor": (ANY, lambda a, b: (a != 0) ^ (b != 0), -2, 2, 0, 0, True),
    "logical_not": (ANY, lambda x: x == 0, -2, 2, 0, 0, True),
}


def pointwise(name, dtypes, f, low, high, error, atol=0, is_bool=False):
    arity = f.__code__.co_argcount if hasattr(f, "__code__") else 1
    for dtype in dtypes:
        tolerance = (error + (1 if dtype in ("bf16", "f16") and error else 0)) * EPS.get(dtype, 0)
        absolute = atol * EPS.get(dtype, 0)

        def add(kind, *xs):
            r = f(*xs)
            out = "bool" if is_bool else dtype
            case(name, dtype, kind, [(dtype, x) for x in xs], rounded(r, out), tolerance, absolute, out=out)

        shapes = {"plain": [(3, 5), (3, 5)], "zero-dim": [(), ()], "empty": [(0, 4), (0, 4)], "long": [(37,), (37,)]}
        if arity == 2: shapes |= {"broadcast": [(3, 1, 4), (2, 1)], "row": [(5, 7), (7,)], "column": [(2, 70), (2, 1)], "zero-dim-right": [(3, 5), ()]}
        for kind, pair in shapes.items(): add(kind, *[draw(dtype, s, low, high) for s in pair[:arity]])
        if dtype in HALVES:
            s = rounded(np.array(SPECIAL), dtype)
            if arity == 1: add("special", s)
            elif name != "pow": add("special", s[:, None], s[None, :])
        if arity == 2 and dtype != "bool":
            x = draw(dtype, (2, 3), low, high)
            n = 1.5 if dtype in HALVES else 2
            case(name, dtype, "number-right", [(dtype, x), (None, None)], rounded(f(x, np.asarray(n)), "bool" if is_bool else dtype), tolerance,
                 absolute, scalars=[n], out="bool" if is_bool else dtype)


index = np.array([[0, 4, 2], [-100, 1, 3]])


def rows():
    with np.errstate(all="ignore"):
        for name, row in POINTWISE.items(): pointwise(name, *row)
        for dtype in NUMBER:
            x, whole = draw(dtype, (3, 5)), dtype == "i64"
            low, high = (-2, 3) if whole else (-1.5, 2.25)
            case("clamp", dtype, "plain", [(dtype, x)], np.clip(x, low, high), scalars=[low, high])
            case("clamp", dtype, "crossed", [(dtype, x)], np.full_like(x, low), scalars=[high, low])
            case("clamp", dtype, "open", [(dtype, x)], np.minimum(x, high), scalars=[-math.inf, high])
        for dtype in ANY:
            c, a, b = draw("bool", (3, 1)), draw(dtype, (3, 5)), draw(dtype, (5,))
            for choice in ("where", "rarely"):
                case(choice, dtype, "broadcast", [("bool", c), (dtype, a), (dtype, b)], np.where(c, a, b))
            case("assign", dtype, "broadcast", [(dtype, a), (dtype, b)], np.broadcast_to(b, (3, 5)))
            case("assign", dtype, "plain", [(dtype, a), (dtype, draw(dtype, (3, 5)))], None or rounded(0, dtype))
            lines.pop()
            lines.append("result " + lines[-1][len("operand "):])
        for choice in ("where", "rarely"):
            case(choice, "f32", "numbers", [("bool", c), (None, None), (None, None)], np.where(c, 1.5, -2.0), scalars=[1.5, -2.0])

        def cast(x, to):
            if to == "i64" and x.dtype.kind == "f":
                r = [0 if math.isnan(v) else max(-2**63, min(2**63 - 1, int(v) if math.isfinite(v) else (2**63 if v > 0 else -2**63))) for v in x.ravel()]
                return np.array(r, np.int64).reshape(x.shape)
            return rounded(x.astype(np.float64) if to != "i64" and x.dtype.kind != "f" else x, to)

        for a in ANY:
            for b in ANY:
                x = draw(a, (3, 5), -300, 300)
                if a in FLOAT: x = np.concatenate([x.ravel(), rounded(np.array(SPECIAL), a)])
                case("cast", a, "to-" + b, [(a, x)], cast(x, b), structure=[["f32", "f64", "bf16", "i64", "bool"].index(b)], out=b)
    case("checked_index", "i64", "plain", [("i64", index)], index, scalars=[5, -100])
    case("checked_index", "i64", "too-large", [("i64", index)], scalars=[4, -100], error="index")
    case("checked_index", "i64", "negative", [("i64", index)], scalars=[5, -1], error="index")
