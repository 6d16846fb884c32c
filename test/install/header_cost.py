#!/usr/bin/env python3
"""Fails where `#include <weft/weft.h>` costs more than 1.5 s of compile time, or reaches a header of MLIR, LLVM, CUDA or Highway.

The time is processor time, the best of five, so that other jobs on the machine do not decide.
"""

import argparse
import re
import resource
import subprocess
import sys

LIMIT_S = 1.5
BANNED = re.compile(r"(^|/)(mlir|llvm|llvm-c|lld|hwy|CL)/|(^|/)(cuda|nvrtc|cublas|cudnn|nccl)[^/]*\.h$")


def child_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--include", action="append", required=True, help="a folder for -I")
    arguments = parser.parse_args()
    command = [arguments.compiler, "-std=c++20", "-x", "c++", "-"] + [f"-I{folder}" for folder in arguments.include]
    source = "#include <weft/weft.h>\n"

    listing = subprocess.run(command + ["-M"], input=source, text=True, stdout=subprocess.PIPE, check=True).stdout
    headers = listing.replace("\\\n", " ").split()[1:]
    banned = [header for header in headers if BANNED.search(header)]
    for header in banned:
        print(f"weft.h: must not reach {header}", file=sys.stderr)

    times = []
    for _ in range(5):
        start = child_seconds()
        subprocess.run(command + ["-O2", "-c", "-o", "/dev/null"], input=source, text=True, check=True)
        times.append(child_seconds() - start)
    print(f"weft.h: {len(headers)} headers, {min(times):.2f} s")
    if min(times) > LIMIT_S:
        print(f"weft.h: must compile in {LIMIT_S} s, got {min(times):.2f} s", file=sys.stderr)
    return bool(banned) or min(times) > LIMIT_S


if __name__ == "__main__":
    sys.exit(main())
