#!/usr/bin/env python3
"""Times Weft beside other libraries on the same workloads and prints how they compare. Installs nothing.

  peers.py                         all workloads that have something to reach (weft-bench list --json)
  peers.py ew_4m '40 products'     these workloads, and all of that row
  peers.py attn_causal:2048        a workload over 2048 positions
Run it with a Python that has the libraries; those that are missing are named. Each library is a process; they take turns, so that what
disturbs the machine disturbs all, and so does what the machine can do at most (the copy, reads or multiply-adds of weft-bench). A library that takes
twice the time of the best one has a few turns only. A ratio is the time of the fastest other library over Weft's, round by round: its median, and the
95 % interval of that by the bootstrap. A row of several workloads counts by the geometric mean. It is reached where Weft is ahead by the
factor asked for or at 92 % of the limit; it is behind where the lower bound of a ratio is below 0.97.
"""
import argparse
import json
import math
import os
import random
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path

import libraries

HERE = Path(__file__).resolve().parent
DRAWS = 2000
LIMIT = "limit"  # takes turns beside the libraries
NEAR_LIMIT, BEHIND = 0.92, 0.97
ROUNDS_OF_ALL, SLOW = 3, 2
PAUSE = 0.05  # seconds before a turn: threads of the library before it wait for work by spinning for a while


class Process:
    """A worker, of Weft's or of another library."""

    def __init__(self, name, command, threads, device, folder):
        self.name = name
        environment = dict(os.environ, TORCHINDUCTOR_CACHE_DIR=str(folder / "inductor"), JAX_PLATFORMS=device, XLA_PYTHON_CLIENT_PREALLOCATE="false")
        if device == "cpu":
            environment["CUDA_VISIBLE_DEVICES"] = ""
        for variable in "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC":
            environment[variable] = str(threads)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=open(folder / f"{name}.log", "w"),
                                        text=True, env=environment)

    def ask(self, seconds=300, **question):
        try:
            if question:
                print(json.dumps(question), file=self.process.stdin, flush=True)
            if not select.select([self.process.stdout], [], [], seconds)[0]:
                self.process.kill()
                return {"ok": 0, "err": f"no answer in {seconds} s"}
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"ok": 0, "err": "the process has ended"}

    def quit(self):
        self.ask(10, c="quit")
        self.process.kill()
        self.process.wait()


def tolerance(workload, library):
    """Of the largest element. llama.cpp rounds activations to 8 bits."""
    return 5e-2 if workload["dtype"] == "bf16" or library == "llama.cpp" else 2e-3


def interval(draw, count):
    """The median and 95 % interval of draw(indices) over resampled rounds."""
    numbers = random.Random(1)
    middle = draw(range(count))
    drawn = sorted(draw([numbers.randrange(count) for _ in range(count)]) for _ in range(DRAWS))
    return [middle, drawn[int(0.025 * DRAWS)], drawn[int(0.975 * DRAWS) - 1]]


def median_interval(values):
    return interval(lambda chosen: statistics.median(values[k] for k in chosen), len(values))


class Comparison:
    def __init__(self, arguments, workloads):
        self.arguments, self.workloads = arguments, workloads
        self.folder = Path(arguments.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = {}
        self.device = None  # the name of what Weft runs on, where that is no processor
        self.rows = {}  # workload: {library: {"ms": ..., "rounds": [...]}}

    def start(self):
        common = ["--data", str(self.folder / "data"), "--threads", str(self.arguments.threads), "--device", self.arguments.device]
        commands = {"weft": [self.arguments.weft_bench, "worker", *common]}
        for name in self.arguments.libraries:
            commands[name] = [sys.executable, str(HERE / "worker.py"), name, "--weft-bench", self.arguments.weft_bench, *common]
        for name, command in commands.items():
            process = Process(name, command, self.arguments.threads, self.arguments.device, self.folder)
            answer = process.ask()
            if answer["ok"]:
                self.processes[name] = process
                self.device = answer.get("device", self.device)
            else:
                print(f"without {name}: {answer['err']}", flush=True)

    def run(self, name):
        """Measures one workload; a library that fails or differs takes no part."""
        workload = self.workloads[name]
        subprocess.run([self.arguments.weft_bench, "export", name, "--data", str(self.folder / "data")], check=True)
        row, said = self.rows.setdefault(name, {}), []
        for library, process in list(self.processes.items()):
            answer = process.ask(c="prep", w=name)
            error = answer.get("err")
            if not answer["ok"]:
                if not answer.get("missing"):
                    said.append(f"{library}: {error}")
            elif not error <= tolerance(workload, library):
                said.append(f"{library}: differs by {error:.2g}")
            else:
                row[library] = {"rounds": []}
                if answer.get("limit"):
                    row[LIMIT] = {"rounds": []}
        takes_turns = list(row) if "weft" in row and set(row) - {"weft", LIMIT} else []
        for number in range(self.arguments.rounds):
            if number == ROUNDS_OF_ALL:
                takes_turns = [library for library in takes_turns if not self.is_slow(row, library)]
            for library in list(takes_turns):
                if error := self.turn(name, library):
                    said.append(f"{library}: {error}")
                    takes_turns.remove(library)
                    del row[library]
        for figures in row.values():
            if figures["rounds"]:
                figures["ms"] = statistics.median(figures["rounds"]) * 1e3
        self.show(name, said)

    def turn(self, name, library):
        """Adds a round, or returns why there is none."""
        what, process = ("limit", self.processes["weft"]) if library == LIMIT else ("time", self.processes[library])
        time.sleep(PAUSE)
        answer = process.ask(c=what, w=name, budget=self.arguments.budget)
        if not answer["ok"]:
            return answer["err"]
        self.rows[name][library]["rounds"].append(statistics.median(answer["xs"]))

    @staticmethod
    def is_slow(row, library):
        others = {other: statistics.median(figures["rounds"]) for other, figures in row.items() if other not in ("weft", LIMIT)}
        return library in others and others[library] > SLOW * min(others.values())

    def ratios(self, name):
        """The best other library that has had every turn, and its time over Weft's in each round."""
        row = self.rows[name]
        own = row.get("weft", {}).get("rounds")
        others = {library: figures["ms"] for library, figures in row.items()
                  if library not in ("weft", LIMIT) and own and len(figures["rounds"]) == len(own)}
        if not others:
            return None, []
        best = min(others, key=others.get)
        return best, [b / a for a, b in zip(own, row[best]["rounds"])]

    def share(self, name):
        """How fast Weft is of what the machine can do at most; None where that is not known."""
        row = self.rows[name]
        if not row.get(LIMIT, {}).get("rounds"):
            return None
        return statistics.median(limit / own for own, limit in zip(row["weft"]["rounds"], row[LIMIT]["rounds"]))

    def show(self, name, said):
        best, ratios = self.ratios(name)
        text = "not compared"
        if best:
            middle, low, high = median_interval(ratios)
            text = f"{middle:6.2f}x [{low:.2f}, {high:.2f}] {best:15s}"
        times = "  ".join(f"{library} {figures['ms']:.4g}" for library, figures in self.rows[name].items() if "ms" in figures)
        print(f"{name:26s} {text} ms: {times}", *(f"[{s}]" for s in said), flush=True)

    def summary(self, only=None):
        """A line for each row of the comparison, or for one: its ratio, and whether that reaches what it is to reach."""
        result = []
        for row in [only] if only else dict.fromkeys(self.workloads[name]["row"] for name in self.rows):
            names = [name for name in self.rows if self.workloads[name]["row"] == row and self.ratios(name)[0]]
            if not names:
                continue
            all_ratios = [self.ratios(name)[1] for name in names]
            count = min(map(len, all_ratios))

            def mean(chosen):
                return math.exp(statistics.fmean(math.log(statistics.median(r[k] for k in chosen)) for r in all_ratios))

            middle, low, high = interval(mean, count)
            best = self.ratios(names[0])[0] if len(names) == 1 else None
            shares = [self.share(name) for name in names]
            share = None if None in shares else statistics.geometric_mean(shares)
            reach = self.workloads[names[0]]["reach"]
            behind = [name for name, r in zip(names, all_ratios) if median_interval(r)[1] < BEHIND]
            result.append({"row": row, "best": best, "ratio": middle, "low": low, "high": high, "of_limit": share, "reach": reach,
                           "reached": middle >= reach or (share or 0) >= NEAR_LIMIT, "workloads": names, "behind": behind})
        return result

    def save(self, name):
        """Adds a workload, and its row, to the figures of other runs in the file, so that a comparison may be run in parts."""
        if not self.arguments.json:
            return
        path = Path(self.arguments.json)
        table = json.loads(path.read_text()) if path.exists() else {}
        where = f"t{self.arguments.threads}" if self.arguments.device == "cpu" else self.arguments.device
        table.setdefault(where, {}).update(self.rows)
        table.setdefault("devices", {})[where] = self.device
        table.setdefault("rows", {}).setdefault(where, {}).update({r["row"]: r for r in self.summary(self.workloads[name]["row"])})
        path.write_text(json.dumps(table, indent=1) + "\n")


def part(text):
    which, _, count = text.partition("/")
    if not which.isdigit() or not count.isdigit() or not 1 <= int(which) <= int(count):
        raise argparse.ArgumentTypeError(f"must be K/N with 1 <= K <= N, got {text}")
    return int(which), int(count)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="workloads, or rows of them")
    parser.add_argument("--weft-bench", default=str(HERE.parents[1] / "build/bin/weft-bench"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where all but ONNX Runtime and OpenVINO run")
    parser.add_argument("--libraries", type=lambda text: text.split(","), default=list(libraries.LIBRARIES), help="which, separated by commas")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="every Nth row from the Kth on, to compare in several runs")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each library")
    parser.add_argument("--budget", type=float, default=0.05, help="seconds of a turn")
    parser.add_argument("--folder", default=str(HERE.parents[1] / "build/peers"), help="where data, logs and caches lie")
    parser.add_argument("--json", help="file for the figures; those of other workloads in it stay")
    arguments = parser.parse_args()
    workloads = libraries.Workloads(arguments.weft_bench)
    try:
        names = workloads.chosen(arguments.names)
    except KeyError as unknown:
        parser.error(f"weft-bench has no workload and no row {unknown}")
    if arguments.device != "cpu":  # what is to be reached is said of processors
        for w in workloads.values():
            w["reach"] = 0
    which, count = arguments.part
    rows = list(dict.fromkeys(workloads[name]["row"] for name in names))[which - 1::count]
    comparison = Comparison(arguments, workloads)
    comparison.start()
    try:
        for name in (name for name in names if workloads[name]["row"] in rows):
            comparison.run(name)
            comparison.save(name)
    finally:
        for process in comparison.processes.values():
            process.quit()
    print(f"\n{'row':26s} {'ratio':>6s}   95 % interval  of the limit  to reach")
    for r in comparison.summary():
        share = f"{100 * r['of_limit']:10.0f} %" if r["of_limit"] else f"{'-':>12s}"
        verdict = f"{r['reach']:6.2f} {'reached' if r['reached'] else 'MISSED'}" if r["reach"] else ""
        behind = f"  behind on {', '.join(r['behind'])}" if r["behind"] else ""
        print(f"{r['row']:26s} {r['ratio']:6.2f}x  [{r['low']:.2f}, {r['high']:.2f}] {share}   {verdict}{behind}")


if __name__ == "__main__":
    main()
