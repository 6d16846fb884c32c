#!/usr/bin/env python3
"""Writes data/edges.txt: what PyTorch answers at the edges of functions' domains, and what it refuses.

  python3 edges.py      needs PyTorch

A line is a call as JSON: `call` (our name), `args`, `kwargs` and `inputs`, where {"t": k} in the arguments is inputs[k]; then `outputs`, and
`grads` (null where there is none) of the sum of all floating outputs; or `refused`, PyTorch's words. A tensor is {dtype, shape, values}.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

nan, inf = math.nan, math.inf
NAMES = {torch.float32: "f32", torch.float64: "f64", torch.bfloat16: "bf16", torch.float16: "f16", torch.int64: "i64", torch.int32: "i32",
         torch.int16: "i16", torch.int8: "i8", torch.uint8: "u8", torch.bool: "bool"}
lines = []


def t(values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype)


def i(values, dtype=torch.int64):
    return torch.tensor(values, dtype=dtype)


def form(x):
    x = x.detach()
    return {"dtype": NAMES[x.dtype], "shape": list(x.shape), "values": x.to(torch.float64).flatten().tolist() if x.is_floating_point() else x.flatten().tolist()}


def case(name, function, *args, own=(), grad=True, **kwargs):
    """`own` are arguments of ours beside those of `function`."""
    inputs = []

    def encoded(v):
        if isinstance(v, torch.Tensor):
            known = [k for k, x in enumerate(inputs) if x is v]
            if not known:
                inputs.append(v)
            return {"t": known[0] if known else len(inputs) - 1}
        if isinstance(v, torch.dtype):
            return {"dtype": str(v).split(".")[1]}
        if isinstance(v, float) and not math.isfinite(v):
            return {"f": "nan" if v != v else "inf" if v > 0 else "-inf"}
        return [encoded(e) for e in v] if isinstance(v, (list, tuple)) else v

    line = {"call": name, "args": [encoded(a) for a in args], "kwargs": {k: encoded(v) for k, v in {**kwargs, **dict(own)}.items()}}
    line["inputs"] = [form(x) for x in inputs]
    wanted = [x.requires_grad_() for x in inputs if x.is_floating_point()] if grad else []
    try:
        outputs = function(*args, **kwargs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        line["outputs"] = [form(y) for y in outputs]
        of = [y for y in outputs if y.requires_grad]
        if wanted and of:
            found = iter(torch.autograd.grad(sum(y.sum() for y in of), wanted, allow_unused=True))
            grads = [next(found) if x.requires_grad else None for x in inputs]
            line["grads"] = [None if g is None else form(g) for g in grads]
    except (RuntimeError, IndexError, ValueError) as why:
        line["refused"] = str(why).split("\n")[0]
    lines.append(json.dumps(line))


def ties():
    a, b = [1.0, 1, nan, nan, 2, 1], [1.0, nan, 1, nan, 1, 2]
    for name in ("fmax", "fmin", "maximum", "minimum"):
        case(name, getattr(torch, name), t(a), t(b))
    case("vector_norm", torch.linalg.vector_norm, t([[0.0, 2, 3], [1, 2, 3]]), ord=-1, dim=1)
    for name in ("amax", "amin"):
        case(name, getattr(torch, name), t([[nan, 2, 2], [2, 2, 2]]), dim=1)
    case("nextafter", torch.nextafter, t([1.0, 1, 2, nan, inf]), t([1.0, 2, 1, 1, 1]))
    case("copysign", torch.copysign, t([1.0, -2, 0, inf, -inf, nan]), t([-1.0, -2, 1, -1, 1, 1]))
    for log_input in (True, False):
        case("poisson_nll_loss", F.poisson_nll_loss, i([1, 2]), i([0, 3]), log_input=log_input, full=True, reduction="none")
    case("unravel_index", torch.unravel_index, i([[1, 5], [0, 3]]), [2, 3])
    case("unravel_index", torch.unravel_index, i([]), [2, 0])
    for name in ("median", "nanmedian"):
        case(name, getattr(torch, name), t([3.0, 1, 3, 3, 5, 3, 9]))
        case(name, getattr(torch, name), t([]), grad=False)
    case("binary_cross_entropy", lambda p, y: F.binary_cross_entropy(p, y, reduction="none"), t([0.0, 1, 0.5, 1, 0]), t([0.0, 1, 1, 0, 1]),
         own={"reduction": "none"})


def bounds():
    x, low, high = [0.0, 0.5, 1, -1, 2], [0.0] * 5, [1.0] * 5
    case("clamp", torch.clamp, t(x), 0, 1)
    case("clip", torch.clip, t(x), 0, 1)
    case("clamp", torch.clamp, t([inf, -inf, nan, 1]), min=1)
    case("clamp", torch.clamp, t([inf, -inf, nan, 1]), max=1)
    case("clamp", torch.clamp, t(x, torch.bfloat16), 1, 0)
    case("clamp", torch.clamp, t(x), t(low), t(high))
    case("clamp", torch.clamp, t([0.0, 1, 3]), t([2.0] * 3), t([1.0] * 3))
    at = [0.0, 1, 2, nan]
    grid = [t(v) for v in zip(*[(x, low, high) for x in at for low in at for high in at])]
    case("clamp", torch.clamp, *grid)
    for name, bound in (("clamp_min", low), ("clamp_max", high)):
        case(name, getattr(torch, name), t(x), t(bound))
        case(name, getattr(torch, name), t(x), t(bound[0]))
        case(name, getattr(torch, name), t([nan, 1, nan]), t([0, nan, nan]))
        case(name, getattr(torch, name), t(x + [nan]), bound[0])
        case(name, getattr(torch, name), t(x), int(bound[0]))
        case(name, getattr(torch, name), t(x), nan)
        case(name, getattr(torch, name), i([1, 2, 3]), 1.5, grad=False)
    case("hinge_embedding_loss", F.hinge_embedding_loss, t([1.0, 1, 0.5, 2]), i([1, -1, -1, 1]))
    case("margin_ranking_loss", F.margin_ranking_loss, t([1.0, 1, 0.5, 2]), t([1.0] * 4), i([1, -1, -1, 1]))
    for name in ("relu6", "elu", "celu", "selu", "hardtanh"):
        case(name, getattr(F, name), t([nan, 0, 6, -1, 1]))
    case("atan2", torch.atan2, t([0.0, 0, 1, -0.0]), t([0.0, 2, 0, -1]))
    case("sinc", torch.sinc, t([0.0, 0.5, 1, -2.25]))


def none():
    z = torch.zeros
    for equation, a, b in (("ij,jk->ik", z(0, 2), t([[1.0, 2, 3], [4, 5, 6]])), ("ij,jk->ik", z(2, 3), z(3, 0)), ("ij,jk->ik", z(0, 0), z(0, 0)),
                           ("i,j->ij", z(0), z(2)), ("bij,bjk->bik", z(2, 0, 3), z(2, 3, 2)), ("...ij,...jk->...ik", z(1, 0, 3), z(2, 3, 2)),
                           ("bhqd,bhkd->bhqk", z(1, 2, 0, 3), z(1, 2, 4, 3)), ("ij,jk->ik", z(2, 0), z(0, 3))):
        case("einsum", torch.einsum, equation, a, b)


def one_row():
    case("cov", torch.cov, t([[1.0, 2, 4]]))
    case("corrcoef", torch.corrcoef, t([[1.0, 2, 4]]))


def windows():
    x = t([[[-3.0, 1, 2, 0, -5]]])
    for order in (inf, -inf):
        case("lp_pool1d", F.lp_pool1d, x.clone(), order, 2, ceil_mode=True)
        case("lp_pool2d", F.lp_pool2d, t([[[1.0, -2], [3, 4]]]), order, 2)
    case("max_pool2d", F.max_pool2d, x.reshape(1, 1, 5, 1).clone(), [2, 1], stride=1, padding=[2, 0], dilation=[3, 1])
    case("conv_transpose1d", F.conv_transpose1d, t([[[1.0]]]), t([[[1.0, 2]]]), padding=1)
    case("triplet_margin_loss", F.triplet_margin_loss, t([[1.0]]), t([[2.0]]), t([[3.0]]), margin=0.0)


def special():
    for name in ("i0", "i1", "i0e", "i1e"):
        case(name, getattr(torch.special, name), t([inf, -inf, 3e38, 1e-40, 0, 2]), grad=False)
    for n in (2, 3, True):
        case("xlogy", torch.xlogy, t([0.5, 2]), n)
        case("xlog1py", torch.special.xlog1py, t([0.5, 2]), n)


def numbers():
    u8, i16 = torch.uint8, torch.int16
    case("sub", torch.sub, i([1, 2], i16), i(3, u8), alpha=-1)
    case("add", torch.add, t([1.0, 2]), i([200, 3], u8), alpha=2)
    case("sub", torch.sub, t(1.5, torch.bfloat16), -129, alpha=1.5)
    case("add", torch.add, t(1.5, torch.float16), i([2, 3]), alpha=0.5)
    case("rsub", torch.rsub, t([1.0, 2]), 3.0, alpha=2)
    case("lcm", torch.lcm, i([-807332999, 6], torch.int32), i([-4, 4], torch.int32))
    case("lcm", torch.lcm, i([100, -128], torch.int8), i([3, 1], torch.int8))
    flags = i([[0, 1, 1], [0, 0, 0]], torch.bool)
    for extreme in ("max", "min"):
        case(f"{extreme}_with_indices", getattr(torch, extreme), flags, 1)
        case(f"{extreme}_with_indices", getattr(torch, extreme), flags, 0, keepdim=True)
    case("any", torch.any, i([[0, 2], [0, 0]], u8), dim=1)
    case("all", torch.all, i([[0, 2], [1, 3]], u8), dim=1)
    case("sum", torch.sum, i([100, 100], torch.int8), dim=0, dtype=torch.int32)
    case("prod", torch.prod, t([2.5, 3.5]), dim=0, dtype=torch.int32, grad=False)
    case("linspace", torch.linspace, -2.7, 9.9, 5, dtype=torch.int32)
    case("linspace", torch.linspace, 0, -4, 7, dtype=torch.int64)
    case("softmin", F.softmin, t([1.0, 2], torch.float16), 0, dtype=torch.float32)
    case("var", torch.var, t([1.0, 2, 4]), dim=0, correction=5, grad=False)
    case("full", torch.full, [2], -255, dtype=u8)
    case("lerp", torch.lerp, t([1.0, 2]), t([3.0, 4]), t(0.25, torch.float64))
    case("round", torch.round, t([30000.0, 1.26], torch.float16), decimals=1)


def keywords():
    a, b = [[1.0, 2], [3, 4]], [[0.5, 1], [2, 3]]
    for name in ("mul", "div", "atan2", "fmod", "matmul", "inner", "kron"):
        case(name, getattr(torch, name), input=t(a), other=t(b))
    case("pow", torch.pow, t(a), exponent=2)
    case("pow", torch.pow, input=t(a), exponent=t(b))
    case("mm", torch.mm, input=t(a), mat2=t(b))
    case("bmm", torch.bmm, t([a]), mat2=t([b]))
    case("mv", torch.mv, t(a), vec=t([1.0, 2]))
    case("dot", torch.dot, t([1.0, 2]), tensor=t([3.0, 4]))
    case("outer", torch.outer, t([1.0, 2]), vec2=t([3.0, 4]))
    case("addmm", torch.addmm, input=t(a), mat1=t(b), mat2=t([[1.0, 0], [2, 1]]))
    case("addmv", torch.addmv, t([1.0, 2]), mat=t(a), vec=t([3.0, 4]))
    case("addr", torch.addr, t(a), vec1=t([1.0, 2]), vec2=t([3.0, 4]))
    case("solve", torch.linalg.solve, A=t(a), B=t(b))
    case("split", torch.split, t(a), split_size_or_sections=1, dim=1)
    case("split", torch.split, t(a), split_size_or_sections=[1, 1])
    case("full", torch.full, size=[2], fill_value=3.5)
    case("full_like", torch.full_like, t(a), fill_value=3.5, grad=False)
    case("scatter", torch.scatter, t(a), 1, index=i([[0], [1]]), value=7.0)
    case("sliding_windows", torch.Tensor.unfold, t(a), dimension=1, size=1, step=1)
    case("searchsorted", torch.searchsorted, sorted_sequence=t([1.0, 2, 3]), input=t([0.5, 2]))


def shapes():
    x = torch.arange(5.0).reshape(1, 1, 5)
    for sides in ([-1, 2], [1, -2], [-1, 4], [5, 0]):
        case("pad", lambda x, p: F.pad(x, p, mode="circular"), x.clone(), sides, own={"mode": "circular"})
    case("repeat_interleave", torch.repeat_interleave, i([2, 0, 1]))
    case("sliding_windows", torch.Tensor.unfold, torch.arange(12.0).reshape(3, 4), 1, 3, 1)
    case("sliding_windows", torch.Tensor.unfold, torch.arange(12.0).reshape(3, 4), 0, 2, 2)
    case("adaptive_avg_pool2d", lambda x, s: F.adaptive_avg_pool2d(x, [None, 2]), torch.arange(12.0).reshape(1, 3, 4), [-1, 2])
    x = torch.arange(12.0).reshape(3, 4)
    case("select_scatter", torch.select_scatter, x.clone(), t([7.0, 8, 9, 10]), 0, -1)
    case("slice_scatter", torch.slice_scatter, x.clone(), t([[7.0], [8], [9]]), 1, 1, 4, 3)
    case("diagonal_scatter", torch.diagonal_scatter, x.clone(), t([7.0, 8, 9]), 1)
    for fold in ("prod", "mean", "amax", "amin"):
        for with_self in (True, False):
            case("index_reduce", torch.index_reduce, x + 1, 0, i([0, 2, 0]), x * x + 1.25, fold, include_self=with_self)
    case("cov", torch.cov, t([[1.0, 2, 4], [3, 1, 1]]), correction=0)
    case("cov", torch.cov, t([[1.0, 2, 4], [3, 1, 1]]), fweights=i([1, 2, 1]), aweights=t([0.5, 1, 2]), grad=False)
    case("corrcoef", torch.corrcoef, t([[1.0, 2, 4], [3, 1, 2]]))
    case("embedding", lambda at, w, max_norm: F.embedding(at, w.detach(), max_norm=max_norm), i([0, 2, 0]), t([[3.0, 4], [1, 1], [0.3, 0.4]]), max_norm=1.0,
         grad=False)


def ends():
    x, far = t([2.0, inf, -inf, nan, 0.5]), t([1.0, 1, 1, 1, 1])
    for how in ("none", "sum"):
        case("huber_loss", F.huber_loss, x.clone(), far.clone(), reduction=how)
        case("smooth_l1_loss", F.smooth_l1_loss, x.clone(), far.clone(), reduction=how, beta=0.5)
    case("multi_margin_loss", F.multi_margin_loss, t([[nan, 1.0], [0.2, nan], [0.2, 0.1]]), i([1, 0, 0]), reduction="none", grad=False)
    case("var", torch.var, t([[1.0, 3], [4, 2]]), 1, correction=2)
    case("diff", torch.diff, t([1.0, 4, 9]), 0, prepend=t([7.0]), append=t([8.0]))
    case("einsum", torch.einsum, "ij->i", [i([[100, 100], [1, 2]], torch.int8)])
    case("einsum", torch.einsum, "ii", [t([[True, False], [False, True]], torch.bool)])
    case("tensordot", torch.tensordot, a=t([[1.0, 2]]), b=t([[3.0], [4]]), dims=1)
    case("cholesky_solve", torch.cholesky_solve, t([[1.0], [2]]), input2=t([[2.0, 0], [1, 3]]), grad=False)
    case("batch_norm", F.batch_norm, t([[1.0, 2], [3, 5]]), running_mean=None, running_var=None, training=True)
    case("log_softmax", F.log_softmax, t([1.0, 2]), dim=0, dtype=None)


def refused():
    x = t([[1.0, 2], [3, 4]])
    case("pow", torch.pow, i([2, 1]), -1)
    case("pow", torch.pow, i([True, False], torch.bool), -2)
    case("binary_cross_entropy", F.binary_cross_entropy, t([0.5, 0.5]), t([0.5, 1.5]))
    case("hardtanh", F.hardtanh, x.clone(), min_val=3.0)
    case("kl_div", F.kl_div, i([1, 2]), t([0.5, 0.5]))
    case("kl_div", F.kl_div, t([0.5, 0.5]), i([0, 1]))
    case("pad", F.pad, x.clone().reshape(1, 2, 2), [1, 1], mode="circular", value=2.0)
    case("soft_margin_loss", F.soft_margin_loss, t([[1.0], [2]]), t([1.0, -1]))
    case("cosine_similarity", F.cosine_similarity, x.clone(), x.clone(), eps=-1.0)
    case("margin_ranking_loss", F.margin_ranking_loss, t([1.0, 2]), t(1.0), t([1.0, -1]))
    case("heaviside", torch.heaviside, t([1.0]), i([1]))
    case("lerp", torch.lerp, t([1.0]), t([2.0], torch.float64), 0.5)
    case("lerp", torch.lerp, t([1.0]), t([2.0]), t([0.5], torch.bfloat16))
    case("where", torch.where, i([1, 0]), t([1.0, 2]), t([3.0, 4]))
    case("squeeze", torch.squeeze, t([[1.0]]), [0, -2])
    case("roll", torch.roll, t(1.0), 1, 0)
    case("full", torch.full, [2], 300, dtype=torch.int8)
    case("full", torch.full, [2], inf, dtype=torch.int64)
    case("vector_norm", torch.linalg.vector_norm, x.double(), dtype=torch.float32)
    case("batch_norm", F.batch_norm, x.clone(), t([0.0, 0]), None, training=True)
    case("nanmean", torch.nanmean, x.clone(), dtype=torch.int64)
    case("select_scatter", torch.select_scatter, x.clone(), t([1.0, 2, 3]), 0, 0)
    case("sliding_windows", torch.Tensor.unfold, x.clone(), 0, 3, 1)


def main():
    for group in (ties, bounds, none, one_row, windows, special, numbers, keywords, shapes, ends, refused):
        group()
    path = pathlib.Path(__file__).resolve().parent / "data/edges.txt"
    path.write_text(f"# Written by edges.py with PyTorch {torch.__version__}.\n" + "\n".join(lines) + "\n")
    print(len(lines), "calls")


if __name__ == "__main__":
    main()
