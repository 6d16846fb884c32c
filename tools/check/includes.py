#!/usr/bin/env python3
"""Fails where an #include goes against the table of docs/design.md: a folder includes what its row names, nothing else."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

COMPILER = ("mlir/", "llvm/", "llvm-c/", "lld/")
LIBRARIES = COMPILER + ("hwy/", "cuda", "nvrtc", "cublas", "cudnn", "nccl", "CL/")

# folder -> prefixes of what its quoted and library includes may name. An empty prefix means anything.
ALLOWED = {
    "ir/expr": ("ir/expr/",),
    "ir": ("ir/", "weft/gen/") + COMPILER,
    "kernels": ("kernels/", "runtime/view.h", "weft/dtype.h", "weft/gen/", "hwy/"),
    "runtime/include": ("weft/",),
    "runtime/device": ("runtime/", "weft/", "CL/"),
    "runtime": ("runtime/", "weft/", "kernels/", "ir/expr/"),
    "frontend/include": ("weft/",),
    "frontend": ("frontend/", "runtime/", "weft/", "ir/expr/"),
    "passes": ("passes/", "ir/", "weft/gen/") + COMPILER,
    "codegen": ("codegen/", "passes/", "ir/", "weft/gen/", "runtime/program/", "runtime/view.h", "weft/dtype.h",
                "weft/error.h") + COMPILER,
    "examples": ("weft/",),
    "tools": ("",),
    "test": ("",),
}

INCLUDE = re.compile(r'^\s*(?:#\s*)?include\s+(["<])([^">]+)[">]')


def row_of(path):
    """The most specific row of the table that holds a file; None for files outside it."""
    folders = [folder for folder in ALLOWED if path.startswith(folder + "/")]
    return max(folders, key=len, default=None)


def allowed(path, bracket, name):
    row = row_of(path)
    if row is None:
        return True
    if bracket == "<" and not name.startswith(LIBRARIES):
        return True  # the standard library, fmt, system headers
    if "/" not in name and (ROOT / path).with_name(name).exists():
        return True  # a file of the same folder
    return name.startswith(ALLOWED[row])


def main():
    files = subprocess.run([ROOT / "tools/check/sources", "*.h", "*.cpp", "*.td"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    failures = 0
    for path in files:
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and not allowed(path, *match.groups()):
                print(f"{path}:{number}: {row_of(path)}/ must not include {match[2]}", file=sys.stderr)
                failures += 1
    if failures:
        print(f"includes: {failures} against the table of docs/design.md", file=sys.stderr)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
