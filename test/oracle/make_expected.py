#!/usr/bin/env python3
"""Writes data/ops.txt: what each op must give, computed with NumPy in float64 and rounded once.

  python3 make_expected.py

A case is some lines: `case OP DTYPE CLASS RTOL ATOL`, its `operand`s, `scalar`s, `structure`, `sizes`,
and `result` or `error KIND`. A tensor is written `DTYPE SHAPE VALUES...`. The layouts of operands are
the test's business (op_table_test.cpp): results do not depend on them. A new pointwise op is one line
of POINTWISE in expected/pointwise.py."""
import os
import numpy as np

from expected import activations, decompositions, factors, further_dtypes, indexing, matrices, numbers, parts_of_numbers, pointwise, quantized, reductions, views, windows
from expected.common import lines

# In this order, which the numbers that are drawn depend on.
for kind in (pointwise, reductions, views, numbers, activations, indexing, windows, parts_of_numbers, quantized, matrices, decompositions, factors, further_dtypes):
    kind.rows()

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "ops.txt")
with open(path, "w") as f:
    f.write("# Written by make_expected.py with NumPy " + np.__version__ + ".\n" + "\n".join(lines) + "\n")
print(len([l for l in lines if l.startswith("case")]), "cases,", os.path.getsize(path), "bytes")
