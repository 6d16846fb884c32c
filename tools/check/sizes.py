#!/usr/bin/env python3
"""Fails for a tracked source above 800 lines, names those above 400."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATTERNS = ["*.h", "*.cpp", "*.td", "*.py", "*.cmake", "CMakeLists.txt", "*.mlir"]
LOOK_TWICE, STOP = 400, 800


def main():
    files = subprocess.run([ROOT / "tools/check/sources", *PATTERNS], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    failed = False
    for path in files:
        lines = len((ROOT / path).read_bytes().splitlines())
        if lines > STOP:
            print(f"{path}: a file must have at most {STOP} lines, got {lines}", file=sys.stderr)
            failed = True
        elif lines > LOOK_TWICE:
            print(f"sizes: look twice: {path} has {lines} lines")
    return failed


if __name__ == "__main__":
    sys.exit(main())
