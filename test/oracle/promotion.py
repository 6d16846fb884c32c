"""Writes test/oracle/data/promotion.txt: the dtypes of PyTorch's results for every pair of dtypes.

A line is an op, the forms of its operands, the dtype of the first, and the dtypes of the results by that of the
second, in the order of the line `dtypes`; numbers are bool, int and double in this order. `-` where PyTorch refuses.
Forms: `tensor` has dims, `0d` has none, `number` is a number of the language. Ops of one operand have one line. A line
`call` tells an op's arguments, A and B being the operands and C a mask, where they are not just the operands.
"""

import json
import os
import warnings

import torch

warnings.filterwarnings("ignore")
DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32, "f64": torch.float64, "i8": torch.int8, "u8": torch.uint8,
          "i16": torch.int16, "i32": torch.int32, "i64": torch.int64, "bool": torch.bool}
NAMES = {v: k for k, v in DTYPES.items()}
NUMBERS = {"bool": True, "int": 3, "double": 2.5}

CALLS = {"where": ["C", "A", "B"], "concatenate": [["A", "B"], 0], "stack": [["A", "B"], 0], "cumsum": ["A", 0], "cumprod": ["A", 0], "softmax": ["A", 0], "logsumexp": ["A", 0]}

PAIRS = [("tensor", "tensor"), ("tensor", "0d"), ("0d", "tensor"), ("0d", "0d"), ("tensor", "number"), ("0d", "number"), ("number", "tensor"),
         ("number", "0d")]
NUMBER_FIRST = ["pow", "bitwise_left_shift", "xlogy", "remainder", "where"]
NUMBER_SECOND = ["add", "sub", "mul", "div", "floor_divide", "fmod", "copysign", "eq", "lt", "bitwise_and", "bitwise_xor"]
TENSORS = ["maximum", "fmax", "atan2", "hypot", "logaddexp", "nextafter", "heaviside", "logical_and", "stack"]
IN_PLACE = ["add_", "sub_", "mul_", "div_", "pow_", "remainder_", "bitwise_and_"]
UNARY = ["exp", "log", "sqrt", "sin", "tanh", "erf", "sigmoid", "reciprocal", "rsqrt", "neg", "abs", "sign", "square", "floor", "round", "frac", "relu",
         "positive", "bitwise_not", "logical_not", "isnan", "signbit", "deg2rad", "lgamma", "exp_", "neg_", "floor_", "bitwise_not_", "sum", "prod",
         "mean", "amax", "amin", "argmax", "any", "all", "count_nonzero", "nansum", "nanmean", "logsumexp", "var", "std", "median", "norm"]
UNARY_OF_DIMS = ["cumsum", "cumprod", "softmax", "diff"]


def operand(form, dtype):
    if form == "number":
        return NUMBERS[dtype]
    return torch.ones((2,) if form == "tensor" else (), dtype=DTYPES[dtype])


def given(template, operands):
    if isinstance(template, list):
        return [given(t, operands) for t in template]
    return operands.get(template, template)


def result(op, *operands):
    """The name of the dtype, or - where the call is refused."""
    names = dict(zip("AB", operands), C=torch.tensor([True, False]))
    arguments = given(CALLS.get(op, list("AB")[:len(operands)]), names)
    f = (lambda x, *rest: getattr(x, op)(*rest)) if op.endswith("_") else getattr(torch, op)
    try:
        return NAMES.get(f(*arguments).dtype, "-")
    except (RuntimeError, TypeError, IndexError):
        return "-"


def pairs(op, forms):
    for first, second in forms:
        for dtype in NUMBERS if first == "number" else DTYPES:
            others = NUMBERS if second == "number" else DTYPES
            cells = [result(op, operand(first, dtype), operand(second, other)) for other in others]
            yield f"{op} {first} {second} {dtype} {' '.join(cells)}"


def unary(op, form):
    return f"{op} {form} {' '.join(result(op, operand(form, d)) for d in DTYPES)}"


lines = ["# Written by promotion.py with PyTorch " + torch.__version__ + ".", "dtypes " + " ".join(DTYPES)]
lines += [f"call {op} {json.dumps(template, separators=(',', ':'))}" for op, template in CALLS.items()]
for op in NUMBER_FIRST: lines += pairs(op, PAIRS)
for op in NUMBER_SECOND: lines += pairs(op, PAIRS[:6])
for op in TENSORS: lines += pairs(op, PAIRS[:4])
lines += pairs("concatenate", PAIRS[:1])
for op in IN_PLACE: lines += pairs(op, [("tensor", "tensor"), ("tensor", "0d"), ("0d", "0d"), ("tensor", "number"), ("0d", "number")])
for op in UNARY: lines += [unary(op, "tensor"), unary(op, "0d")]
for op in UNARY_OF_DIMS: lines.append(unary(op, "tensor"))

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "promotion.txt")
with open(path, "w") as f:
    f.write("\n".join(lines) + "\n")
print(len(lines), "lines,", os.path.getsize(path), "bytes")
