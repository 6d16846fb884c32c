"""How cases of data/ops.txt are written: dtypes, their rounding, random operands, the lines of a case."""
import math
import numpy as np

rng = np.random.default_rng(7)
EPS = {"f32": 2.0**-24, "f64": 2.0**-53, "bf16": 2.0**-9, "f16": 2.0**-11}
DTYPES = ["f32", "f64", "bf16", "i64", "bool", "f16", "i32", "i16", "i8", "u8"]  # in the order of weft::DType
NARROW = {"i32": np.int32, "i16": np.int16, "i8": np.int8, "u8": np.uint8}
HALVES, INTEGERS = ["f32", "f64", "bf16", "f16"], ["i64", *NARROW]
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


def start_anew(seed):
    """Makes the operands that follow independent of those before."""
    rng.bit_generator.state = np.random.default_rng(seed).bit_generator.state
