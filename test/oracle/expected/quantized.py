"""Quantised matrices."""
import math
import numpy as np

from expected.common import case, draw, EPS, HALVES, rng, rounded


def numbers_of(codes, scales, packed):
    """What codes [N, bytes] and scales [N, blocks] stand for, [N, K]."""
    n, blocks = scales.shape
    cut = codes.reshape(n, blocks, -1)
    if packed: cut = np.concatenate([cut & 15, cut >> 4], -1) - 8
    return (cut * scales[..., None]).reshape(n, -1)


def rows():
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
