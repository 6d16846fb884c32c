#!/usr/bin/env python3
"""Writes data/ops.txt: what each op must give, computed with NumPy in float64 and rounded once.

  python3 make_expected.py

A case is some lines: `case OP DTYPE CLASS RTOL ATOL`, its `operand`s, `scalar`s, `structure`, `sizes`,
and `result` or `error KIND`. A tensor is written `DTYPE SHAPE VALUES...`. The layouts of operands are
the test's business (op_table_test.cpp): results do not depend on them. A new pointwise op is one line
of POINTWISE."""
import itertools, math, os, statistics
import numpy as np

rng = np.random.default_rng(7)
EPS = {"f32": 2.0**-24, "f64": 2.0**-53, "bf16": 2.0**-9, "f16": 2.0**-11}
DTYPES = ["f32", "f64", "bf16", "i64", "bool", "f16", "i32", "i16", "i8", "u8"]  # in the order of weft::DType
NARROW = {"i32": np.int32, "i16": np.int16, "i8": np.int8, "u8": np.uint8}
FLOAT, NUMBER, ANY = ["f32", "f64", "bf16"], ["f32", "f64", "bf16", "i64"], ["f32", "f64", "bf16", "i64", "bool"]
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, -1.0, 3.0, -2.5, 1e30, -1e30, 1e-30]
lines = []


def bf16(x):
    """Rounds to the nearest bfloat16, ties to even, as float64."""
    x = np.asarray(x, np.float64).astype(np.float32)
    bits = np.atleast_1d(x).view(np.uint32).astype(np.uint64)
    bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32)
    r = np.where(np.isnan(x), np.float32("nan"), bits.view(np.float32).reshape(np.shape(x)))
    return r.astype(np.float64)


def rounded(x, dtype):
    if dtype == "f32": return np.asarray(x, np.float64).astype(np.float32).astype(np.float64)
    if dtype == "bf16": return bf16(x)
    if dtype == "f64": return np.asarray(x, np.float64)
    if dtype == "f16": return np.asarray(x, np.float64).astype(np.float32).astype(np.float16).astype(np.float64)
    if dtype == "bool": return np.asarray(x) != 0
    if dtype in NARROW: return np.asarray(x).astype(np.int64).astype(NARROW[dtype]).astype(np.int64)
    return np.asarray(x).astype(np.int64)


def draw(dtype, shape, low=-4, high=4):
    if dtype == "bool": return rng.integers(0, 2, shape).astype(bool)
    if dtype == "i64" or dtype in NARROW: return rng.integers(max(low, 0) if dtype == "u8" else low, high + 1, shape)
    return rounded(np.round(rng.uniform(low, high, shape) * 16) / 16, dtype)  # short as text


def text(dtype, x):
    x = np.asarray(x)
    if dtype in ("i64", "bool", *NARROW): values = [str(int(v)) for v in x.ravel()]
    else:
        digits = {"f32": 9, "bf16": 5, "f16": 6}.get(dtype, 17)
        values = [min(f"{v:.{digits}g}", repr(float(v)), key=len) for v in x.ravel()]
    return f"{dtype} [{','.join(map(str, x.shape))}] {' '.join(values)}".rstrip()


def case(op, dtype, kind, operands, result=None, rtol=0.0, atol=0.0, scalars=(), structure=(), sizes=(), error=None, out=None):
    lines.append(f"case {op} {dtype} {kind} {rtol:.3g} {atol:.3g}")
    for d, x in operands: lines.append("operand " + (text(d, x) if d else "number"))
    for s in scalars: lines.append("scalar " + ("b %d" % s if isinstance(s, bool) else "i %d" % s if isinstance(s, int) else "f %r" % float(s)))
    if len(structure): lines.append("structure " + " ".join(str(int(v)) for v in structure))
    if len(sizes): lines.append("sizes " + " ".join(str(int(v)) for v in sizes))
    lines.append(f"error {error}" if error else "result " + text(out or dtype, result))


# ---- pointwise -------------------------------------------------------------------------------------------------------

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
        tolerance = (error + (1 if dtype == "bf16" and error else 0)) * EPS.get(dtype, 0)
        absolute = atol * EPS.get(dtype, 0)

        def add(kind, *xs):
            r = f(*xs)
            out = "bool" if is_bool else dtype
            case(name, dtype, kind, [(dtype, x) for x in xs], rounded(r, out), tolerance, absolute, out=out)

        shapes = {"plain": [(3, 5), (3, 5)], "zero-dim": [(), ()], "empty": [(0, 4), (0, 4)], "long": [(37,), (37,)]}
        if arity == 2: shapes |= {"broadcast": [(3, 1, 4), (2, 1)], "row": [(5, 7), (7,)], "column": [(2, 70), (2, 1)], "zero-dim-right": [(3, 5), ()]}
        for kind, pair in shapes.items(): add(kind, *[draw(dtype, s, low, high) for s in pair[:arity]])
        if dtype in FLOAT:
            s = rounded(np.array(SPECIAL), dtype)
            if arity == 1: add("special", s)
            elif name != "pow": add("special", s[:, None], s[None, :])
        if arity == 2 and dtype != "bool":
            x = draw(dtype, (2, 3), low, high)
            n = 2 if dtype == "i64" else 1.5
            case(name, dtype, "number-right", [(dtype, x), (None, None)], rounded(f(x, np.asarray(n)), "bool" if is_bool else dtype), tolerance,
                 absolute, scalars=[n], out="bool" if is_bool else dtype)


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

index = np.array([[0, 4, 2], [-100, 1, 3]])
case("checked_index", "i64", "plain", [("i64", index)], index, scalars=[5, -100])
case("checked_index", "i64", "too-large", [("i64", index)], scalars=[4, -100], error="index")
case("checked_index", "i64", "negative", [("i64", index)], scalars=[5, -1], error="index")

# ---- reductions ------------------------------------------------------------------------------------------------------


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

# ---- views, structured ops, sources ----------------------------------------------------------------------------------

for dtype in ANY:
    x = draw(dtype, (2, 3, 4))
    case("permute", dtype, "plain", [(dtype, x)], x.transpose(2, 0, 1), structure=[2, 0, 1])
    case("slice", dtype, "plain", [(dtype, x)], x[:, 1:3], structure=[1], sizes=[1, 2, 1])
    case("slice", dtype, "step", [(dtype, x)], x[:, :, 1::2], structure=[2], sizes=[1, 2, 2])
    case("slice", dtype, "empty", [(dtype, x)], x[:, 3:], structure=[1], sizes=[3, 0, 1])
    case("expand", dtype, "plain", [(dtype, x[:, :1])], np.broadcast_to(x[:, :1], (5, 2, 3, 4)), sizes=[5, 2, 3, 4])
    case("concatenate", dtype, "plain", [(dtype, x), (dtype, x[:, :1]), (dtype, x[:, 1:1])], np.concatenate([x, x[:, :1], x[:, 1:1]], 1), structure=[1])
    case("view", dtype, "row-major", [(dtype, x)], x.reshape(3, 8), sizes=[3, 8])
    case("full", dtype, "plain", [], np.full((2, 3), 1, dtype=bool if dtype == "bool" else float), scalars=[1], structure=[ANY.index(dtype) if dtype in ("f32", "f64") else {"bf16": 2, "i64": 3, "bool": 4}[dtype]], sizes=[2, 3])
x = draw("f32", (2, 3, 4))
case("slice", "f32", "outside", [("f32", x)], structure=[1], sizes=[2, 2, 1], error="index")
case("expand", "f32", "not-one", [("f32", x)], sizes=[2, 6, 4], error="shape")
case("view", "f32", "other-count", [("f32", x)], sizes=[5, 5], error="shape")
case("permute", "f32", "twice", [("f32", x)], structure=[0, 0, 1], error="index")
case("concatenate", "f32", "other-sizes", [("f32", x), ("f32", x[:, :, :1])], structure=[1], error="shape")
case("add", "f32", "other-sizes", [("f32", x), ("f32", x[:, :, :3])], error="shape")
case("matmul", "f32", "other-sizes", [("f32", x), ("f32", x)], error="shape")

for dtype in NUMBER:
    for a, b in [((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 2)),
                 ((3, 4), (2, 4, 5)), ((0, 4), (4, 5)), ((3, 0), (0, 5)), ((2, 3, 4), (4,)), ((1, 70), (70, 1)), ((17, 33), (33, 18))]:
        p, q = draw(dtype, a), draw(dtype, b)
        k = a[-1]
        r = np.matmul(p, q)
        case("matmul", dtype, "x".join(map(str, a)) + "-" + "x".join(map(str, b)), [(dtype, p), (dtype, q)], rounded(r, dtype), EPS.get(dtype, 0),
             4 * math.sqrt(k) * EPS.get("f32" if dtype == "bf16" else dtype, 0) * 16 * k)
for dtype, code in [("f32", 0), ("f64", 1), ("i64", 3)]:
    start, step = (2, 3) if dtype == "i64" else (0.5, 0.25)
    case("arange", dtype, "plain", [], start + step * np.arange(7), scalars=[start, step], structure=[code], sizes=[7])


def philox(element, counter, seed):
    """Salmon et al., SC 2011: Philox4x32-10."""
    m = 0xFFFFFFFF
    c = [element & m, element >> 32, counter & m, counter >> 32]
    key = [seed & m, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ key[0], b & m, (a >> 32) ^ c[3] ^ key[1], a & m]
        key = [(key[0] + 0x9E3779B9) & m, (key[1] + 0xBB67AE85) & m]
    return c


normal = statistics.NormalDist().inv_cdf
for dtype, code in [("f32", 0), ("f64", 1), ("bf16", 2)]:
    seed, counter = 0x1234567890ABCDEF, 3
    words = [philox(i, counter, seed) for i in range(24)]
    u = np.array([(w[0] << 32 | w[1]) >> 11 for w in words]) * 2.0**-53 if dtype == "f64" else np.array([w[0] >> 8 for w in words]) * 2.0**-24
    case("uniform", dtype, "plain", [], rounded(-1 + 3 * u, dtype).reshape(4, 6), 2 * EPS[dtype], 2 * EPS[dtype] * 3, scalars=[seed, counter, -1.0, 2.0], structure=[code], sizes=[4, 6])
    case("normal", dtype, "plain", [], rounded(0.5 + 2 * np.array([normal(v + (2.0**-54 if dtype == "f64" else 2.0**-25)) for v in u]), dtype).reshape(4, 6), (1000 if dtype == "f64" else 40) * EPS[dtype], (1000 if dtype == "f64" else 40) * EPS[dtype],
         scalars=[seed, counter, 0.5, 2.0], structure=[code], sizes=[4, 6])

# ---- ops on numbers: a row a dtype, with special values --------------------------------------------------------------

HALVES, INTEGERS = FLOAT + ["f16"], ["i64", *NARROW]


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

# ---- activations, checks ---------------------------------------------------------------------------------------------


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

# ---- indexing, scans, sorts ------------------------------------------------------------------------------------------

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

# ---- convolution, pooling --------------------------------------------------------------------------------------------


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

# ---- further special functions, parts of numbers ----------------------------------------------------------------------


def normal_share(x): return 0.5 * math.erfc(-x / math.sqrt(2))
def entropy(x): return 0.0 if x == 0 else -x * math.log(x)
def xlog1py(a, b): return np.where(np.isnan(b), b, np.where(a == 0, 0, a * np.log1p(b)))


PARTS = {
    "i0e": (HALVES, lambda x: np.i0(x) * np.exp(-abs(x)), -90, 90, 20, False), "i1e": (HALVES, scalar_function(lambda x: i1(x) * math.exp(-abs(x))), -9, 9, 20, False),
    "ndtr": (HALVES, scalar_function(normal_share), -4, 4, 16, False), "log_ndtr": (HALVES, scalar_function(lambda x: math.log(normal_share(x))), -30, 4, 16, False),
    "entr": (HALVES, scalar_function(entropy), 0, 4, 5, False), "xlog1py": (HALVES, xlog1py, 0, 4, 6, True),
    "frexp_mantissa": (HALVES, lambda x: np.frexp(x)[0], -90, 90, 0, False), "frexp_exponent": (HALVES, lambda x: np.frexp(x)[1], -90, 90, 0, False),
}
with np.errstate(all="ignore"):
    for name, row in PARTS.items(): number_rows(name, *row)
    whole_parts = np.array([0.0, -0.0, math.inf, -math.inf, math.nan])
    for dtype in HALVES:
        case("frexp_mantissa", dtype, "special", [(dtype, whole_parts)], whole_parts)
        case("frexp_exponent", dtype, "special", [(dtype, whole_parts)], np.zeros(5))

# ---- quantised matrices ----------------------------------------------------------------------------------------------


def numbers_of(codes, scales, packed):
    """What codes [N, bytes] and scales [N, blocks] stand for, [N, K]."""
    n, blocks = scales.shape
    cut = codes.reshape(n, blocks, -1)
    if packed: cut = np.concatenate([cut & 15, cut >> 4], -1) - 8
    return (cut * scales[..., None]).reshape(n, -1)


for dtype in HALVES:
    for shape, n, blocks, block in [((3, 12), 5, 3, 4), ((1, 64), 33, 2, 32), ((2, 3, 32), 17, 1, 32), ((64,), 20, 1, 64), ((5, 64), 40, 2, 32), ((20, 64), 50, 1, 64), ((0, 32), 3, 1, 32), ((2, 0), 3, 0, 2), ((2, 32), 0, 1, 32)]:
        for packed in (False, True):
            x, scales = draw(dtype, shape), draw("f16", (n, blocks))
            codes = rng.integers(0, 256, (n, blocks * block // 2)) if packed else rng.integers(-128, 128, (n, blocks * block))
            w = numbers_of(codes, scales, packed) if n and blocks else np.zeros((n, shape[-1]))
            case("quantized_matmul", dtype, ("packed-" if packed else "plain-") + "x".join(map(str, shape)), [(dtype, x), ("u8" if packed else "i8", codes), ("f16", scales)], rounded(x @ w.T, dtype),
                 EPS[dtype], 4 * math.sqrt(shape[-1]) * EPS["f64" if dtype == "f64" else "f32"] * 2048 * max(shape[-1], 1))
x, codes, scales = np.ones((2, 8)), np.ones((3, 8), np.int64), np.ones((3, 2))
for kind, operands, error in [
    ("other-size", [("f32", x[:, :6]), ("i8", codes), ("f32", scales)], "shape"), ("other-rows", [("f32", x), ("i8", codes), ("f32", scales[:2])], "shape"),
    ("uneven-blocks", [("f32", x), ("i8", codes), ("f32", np.ones((3, 3)))], "shape"), ("odd-halves", [("f32", x), ("u8", codes[:, :4]), ("f32", np.ones((3, 8)))], "shape"),
    ("no-matrix", [("f32", x), ("i8", codes[None]), ("f32", scales[None])], "shape"), ("wide-codes", [("f32", x), ("i32", codes), ("f32", scales)], "dtype"),
    ("whole-x", [("i64", x.astype(int)), ("i8", codes), ("f32", scales)], "dtype")]:
    case("quantized_matmul", "f32", kind, operands, error=error)

# ---- strided views, linear algebra -----------------------------------------------------------------------------------

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
square, half = np.eye(3), ("bf16", np.eye(2))
for name, structure in [("cholesky_factor", []), ("determinant", [0]), ("matrix_exponential", [])]:
    case(name, "f32", "not-square", [("f32", square[:2])], structure=structure, error="shape")
    case(name, "bf16", "half", [half], structure=structure, error="dtype")
for name, structure in [("linear_solution", []), ("triangular_solution", [0, 0])]:
    case(name, "f32", "other-rows", [("f32", square), ("f32", square[:2])], structure=structure, error="shape")
    case(name, "f32", "other-batch", [("f32", square), ("f32", square[None])], structure=structure, error="shape")
    case(name, "f32", "other-dtype", [("f32", square), ("f64", square)], structure=structure, error="dtype")
    case(name, "bf16", "half", [half, half], structure=structure, error="dtype")

# ---- decompositions: of systems those whose signs are given -------------------------------------------------------------

def beside(*parts): return np.concatenate(parts, -1)
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
wide = ("f32", np.ones((2, 3)))
for name, structure in [("orthogonal_factors", [0]), ("singular_system", []), ("singular_values", []), ("eigen_system", []), ("eigenvalues", [])]:
    case(name, "f32", "wide", [wide], structure=structure, error="shape")
    case(name, "f32", "vector", [("f32", np.ones(3))], structure=structure, error="shape")
    case(name, "bf16", "half", [half], structure=structure, error="dtype")
case("spectrum", "f32", "other-system", [wide, wide], structure=[0], error="shape")
case("pseudo_inverse", "f32", "other-sides", [wide, wide], error="shape")
case("least_squares", "f32", "other-rows", [wide, ("f32", np.ones((3, 1))), ("f32", np.array(0.))], error="shape")

# ---- factors -------------------------------------------------------------------------------------------------------------


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

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "ops.txt")
with open(path, "w") as f:
    f.write("# Written by make_expected.py with NumPy " + np.__version__ + ".\n" + "\n".join(lines) + "\n")
print(len([l for l in lines if l.startswith("case")]), "cases,", os.path.getsize(path), "bytes")
