#!/usr/bin/env python3
"""What the programs of weft-bench's workloads cost, counted: launches, bytes moved and registers spilled, against plans.txt.

  plans_test.py BIN                compares; fails where a figure differs
  plans_test.py BIN --refresh      writes plans.txt anew
Times vary from run to run and from machine to machine; these figures do not. Code is compiled for processors by name, so that they are
the same on every x86-64 machine. A change of a figure is a decision: refresh the table in the commit that changes it.
"""
import json, os, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

BIN = Path(sys.argv[1]).resolve()
TABLE = Path(__file__).with_name("plans.txt")
CPUS = ["x86-64-v4", "x86-64-v3"]
HEAD = ["workload", "programs", "launches", "calls", "bytes moved", "arena", *(f"spills {cpu}" for cpu in CPUS)]


def cost(folder, cpu):
    return json.loads(subprocess.check_output([BIN / "weft-inspect", "cost", "--from", folder, "--cpu", cpu, "--json"]))


def plan(name):
    """A row of the table: the sums over the programs that a workload runs."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, WEFT_CACHE="off", WEFT_NUM_THREADS="1")
        subprocess.run([BIN / "weft-inspect", "run", "--into", folder, "--", BIN / "weft-bench", "probe", name], env=environment,
                       check=True, capture_output=True)
        by_cpu = [cost(folder, cpu) for cpu in CPUS]

    def total(programs, key):
        figures = [p[key] for p in programs]
        return "?" if None in figures else str(sum(figures))

    first = by_cpu[0]
    return [name, str(len(first)), *(total(first, key) for key in ("launches", "calls", "bytes_moved", "arena_bytes")),
            *(total(programs, "spills") for programs in by_cpu)]


def main():
    workloads = json.loads(subprocess.check_output([BIN / "weft-bench", "list", "--json"]))
    with ThreadPoolExecutor(2) as two:
        rows = list(two.map(plan, (w["name"] for w in workloads)))
    if sys.argv[2:] == ["--refresh"]:
        TABLE.write_text("".join("\t".join(row) + "\n" for row in [HEAD, *rows]))
        return 0
    kept = {line.split("\t")[0]: line.split("\t") for line in TABLE.read_text().splitlines()}
    failures = [f"plans.txt has no workload {name}" for name in sorted(set(kept) - {row[0] for row in rows} - {HEAD[0]})]
    for row in rows:
        for what, is_now, was in zip(HEAD, row, kept.get(row[0], ["-"] * len(HEAD))):
            if is_now != was:
                failures.append(f"{row[0]}: {what} must be {was}, got {is_now}")
    print("\n".join(failures + [f"{len(rows)} workloads"] + (["to take the new figures: make plans"] if failures else [])))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
