#!/usr/bin/env python3
"""Times Weft beside other libraries on the same workloads and prints how they compare. Installs nothing.

  peers.py                         all workloads that have something to reach (weft-bench list --json)
  peers.py ew_4m '40 products'     these workloads, and all of that row
  peers.py attn_causal:2048        a workload over 2048 positions
Run it with a Python that has the libraries; those that are missing are named. Each library is a process; they take turns, so that what
disturbs the machine disturbs all. A ratio is the time of the fastest other library over Weft's, round by round: its median, and the 95 %
interval of that by the bootstrap. A row of several workloads counts by the geometric mean.
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
from pathlib import Path

import libraries

HERE = Path(__file__).resolve().parent
DRAWS = 2000


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
        subprocess.run([self.arguments.weft_bench, "export", name, "--data", str(self.folder / "data")], check=True)
        row, said = self.rows.setdefault(name, {}), []
        for library, process in list(self.processes.items()):
            answer = process.ask(c="prep", w=name)
            error = answer.get("err")
            if not answer["ok"]:
                if not answer.get("missing"):
                    said.append(f"{library}: {error}")
            elif not error <= tolerance(self.workloads[name], library):
                said.append(f"{library}: differs by {error:.2g}")
            else:
                row[library] = {"rounds": []}
        for _ in range(self.arguments.rounds if len(row) > 1 else 0):
            for library in list(row):
                answer = self.processes[library].ask(c="time", w=name, budget=self.arguments.budget)
                if not answer["ok"]:
                    said.append(f"{library}: {answer['err']}")
                    del row[library]
                    continue
                row[library]["rounds"].append(statistics.median(answer["xs"]))
        for figures in row.values():
            if figures["rounds"]:
                figures["ms"] = statistics.median(figures["rounds"]) * 1e3
        self.show(name, said)

    def ratios(self, name):
        """The best other library, and its time over Weft's in each round."""
        row = {library: figures for library, figures in self.rows[name].items() if figures["rounds"]}
        others = {library: figures["ms"] for library, figures in row.items() if library != "weft"}
        if "weft" not in row or not others:
            return None, []
        best = min(others, key=others.get)
        return best, [b / a for a, b in zip(row["weft"]["rounds"], row[best]["rounds"])]

    def show(self, name, said):
        best, ratios = self.ratios(name)
        text = "not compared"
        if best:
            middle, low, high = interval(lambda chosen: statistics.median(ratios[k] for k in chosen), len(ratios))
            text = f"{middle:6.2f}x [{low:.2f}, {high:.2f}] {best:15s}"
        times = "  ".join(f"{library} {figures['ms']:.4g}" for library, figures in self.rows[name].items() if "ms" in figures)
        print(f"{name:24s} {text} ms: {times}", *(f"[{s}]" for s in said), flush=True)

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
            reach = self.workloads[names[0]]["reach"]
            behind = [name for name, r in zip(names, all_ratios) if statistics.median(r) < 1]
            result.append({"row": row, "ratio": middle, "low": low, "high": high, "reach": reach, "reached": middle >= reach,
                           "workloads": names, "behind": behind})
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="workloads, or rows of them")
    parser.add_argument("--weft-bench", default=str(HERE.parents[1] / "build/bin/weft-bench"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="where all but ONNX Runtime and OpenVINO run")
    parser.add_argument("--libraries", type=lambda text: text.split(","), default=list(libraries.LIBRARIES), help="which, separated by commas")
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
    comparison = Comparison(arguments, workloads)
    comparison.start()
    try:
        for name in names:
            comparison.run(name)
            comparison.save(name)
    finally:
        for process in comparison.processes.values():
            process.quit()
    rows = comparison.summary()
    print(f"\n{'row':24s} {'ratio':>6s}  95 % interval  reach")
    for r in rows:
        behind = f"  behind on {', '.join(r['behind'])}" if r["behind"] else ""
        verdict = f"{r['reach']:6.2f} {'reached' if r['reached'] else 'MISSED'}" if r["reach"] else ""
        print(f"{r['row']:24s} {r['ratio']:6.2f}x [{r['low']:.2f}, {r['high']:.2f}] {verdict}{behind}")


if __name__ == "__main__":
    main()
