"""Further special functions, parts of numbers."""
import math
import numpy as np

from expected.common import case, HALVES
from expected.numbers import i1, number_rows, scalar_function


def normal_share(x): return 0.5 * math.erfc(-x / math.sqrt(2))
def entropy(x): return 0.0 if x == 0 else -x * math.log(x)
def xlog1py(a, b): return np.where(np.isnan(b), b, np.where(a == 0, 0, a * np.log1p(b)))


PARTS = {
    "i0e": (HALVES, lambda x: np.i0(x) * np.exp(-abs(x)), -90, 90, 20, False), "i1e": (HALVES, scalar_function(lambda x: i1(x) * math.exp(-abs(x))), -9, 9, 20, False),
    "ndtr": (HALVES, scalar_function(normal_share), -4, 4, 16, False), "log_ndtr": (HALVES, scalar_function(lambda x: math.log(normal_share(x))), -30, 4, 16, False),
    "entr": (HALVES, scalar_function(entropy), 0, 4, 5, False), "xlog1py": (HALVES, xlog1py, 0, 4, 6, True),
    "frexp_mantissa": (HALVES, lambda x: np.frexp(x)[0], -90, 90, 0, False), "frexp_exponent": (HALVES, lambda x: np.frexp(x)[1], -90, 90, 0, False),
}


def rows():
    with np.errstate(all="ignore"):
        for name, row in PARTS.items(): number_rows(name, *row)
        whole_parts = np.array([0.0, -0.0, math.inf, -math.inf, math.nan])
        for dtype in HALVES:
            case("frexp_mantissa", dtype, "special", [(dtype, whole_parts)], whole_parts)
            case("frexp_exponent", dtype, "special", [(dtype, whole_parts)], np.zeros(5))
