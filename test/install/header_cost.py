#!/usr/bin/env python3
"""Fails where `#include <weft/weft.h>` costs too much compile time, or reaches a header of MLIR, LLVM, CUDA or Highway.

Too much is more than 1.5 s. A machine on which the headers of the standard library that weft's include take more than 0.75 s by
themselves is too slow for that figure: there it is more than twice their time. Times are processor time, the best of five in turns,
of up to 25 where five do not suffice, so that other jobs on the machine do not decide.
"""

import argparse
import re
import resource
import subprocess
import sys

LIMIT_S = 1.5
LIMIT_RATIO = 2.0
TURNS = 5
MOST_TURNS = 25
INCLUDE_STANDARD = re.compile(r"^#include (<[a-z_]+>)", re.MULTILINE)
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

    ours = [header for header in headers if "/weft/" in header]
    standard = sorted({name for header in ours for name in INCLUDE_STANDARD.findall(open(header, encoding="utf-8").read())})
    baseline = "".join(f"#include {name}\n" for name in standard)

    def compile_seconds(text):
        start = child_seconds()
        subprocess.run(command + ["-O2", "-c", "-o", "/dev/null"], input=text, text=True, check=True)
        return child_seconds() - start

    time = baseline_time = limit = float("inf")
    for turn in range(MOST_TURNS):
        if turn >= TURNS and time <= limit:
            break
        time = min(time, compile_seconds(source))
        baseline_time = min(baseline_time, compile_seconds(baseline))
        limit = max(LIMIT_S, LIMIT_RATIO * baseline_time)
    print(f"weft.h: {len(headers)} headers, {time:.2f} s; the {len(standard)} standard headers among them {baseline_time:.2f} s")
    if time > limit:
        print(f"weft.h: must compile in {limit:.2f} s, got {time:.2f} s", file=sys.stderr)
    return bool(banned) or time > limit


if __name__ == "__main__":
    sys.exit(main())
