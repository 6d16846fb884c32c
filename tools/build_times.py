#!/usr/bin/env python3
"""Prints what a build spent its time on, from ninja's log: one row a folder, then the slowest steps.

Meaningful after a build from nothing with CCACHE_DISABLE=1. Times are wall time of a step while others ran beside it.
"""

import argparse
import collections
import pathlib
import re


def read_log(build):
    """Returns seconds by output; a step that ran twice counts as it ran last."""
    last = {}
    for line in (pathlib.Path(build) / ".ninja_log").read_text().splitlines()[1:]:
        start, end, _, output, command = line.split("\t")
        last[output] = command, int(start), int(end)
    steps = {step: output for output, step in last.items()}  # one that writes several files counts once
    return sorted(((end - start) / 1000, output) for (_, start, end), output in steps.items())


def group(output):
    if output.endswith(".gch"):
        return "precompiled header"
    if not output.endswith(".o"):
        return "generated files" if output.startswith("gen/") else "linking"
    path = re.sub(r"^.*?CMakeFiles/[^/]+\.dir/", "", output)
    folder = path.split("/")[0]
    return folder if folder != path else output.split("/")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--slowest", type=int, default=15)
    arguments = parser.parse_args()
    steps = read_log(arguments.build)

    groups = collections.defaultdict(list)
    for seconds, output in steps:
        groups[group(output)].append(seconds)
    print("| what | steps | seconds |\n|---|---|---|")
    for name, times in sorted(groups.items(), key=lambda row: -sum(row[1])):
        print(f"| {name} | {len(times)} | {sum(times):.0f} |")
    print(f"| together | {len(steps)} | {sum(seconds for seconds, _ in steps):.0f} |\n")
    print("| step | seconds |\n|---|---|")
    for seconds, output in reversed(steps[-arguments.slowest:]):
        print(f"| {re.sub(r'CMakeFiles/[^/]+[.]dir/', '', output)} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
