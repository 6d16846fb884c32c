"""Views, structured ops, sources."""
import math, statistics
import numpy as np

from expected.common import ANY, case, draw, EPS, NUMBER, rounded


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


def rows():
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
    for dtype, code in [("f32", 0), ("f64", 1), ("bf16", 2)]:
        seed, counter = 0x1234567890ABCDEF, 3
        words = [philox(i, counter, seed) for i in range(24)]
        u = np.array([(w[0] << 32 | w[1]) >> 11 for w in words]) * 2.0**-53 if dtype == "f64" else np.array([w[0] >> 8 for w in words]) * 2.0**-24
        case("uniform", dtype, "plain", [], rounded(-1 + 3 * u, dtype).reshape(4, 6), 2 * EPS[dtype], 2 * EPS[dtype] * 3, scalars=[seed, counter, -1.0, 2.0], structure=[code], sizes=[4, 6])
        case("normal", dtype, "plain", [], rounded(0.5 + 2 * np.array([normal(v + (2.0**-54 if dtype == "f64" else 2.0**-25)) for v in u]), dtype).reshape(4, 6), (1000 if dtype == "f64" else 40) * EPS[dtype], (1000 if dtype == "f64" else 40) * EPS[dtype],
             scalars=[seed, counter, 0.5, 2.0], structure=[code], sizes=[4, 6])
