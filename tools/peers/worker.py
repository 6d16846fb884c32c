#!/usr/bin/env python3
"""Runs workloads in one library, by the protocol of `weft-bench worker`: one JSON object a line, questions in, answers out.

  {"c": "prep", "w": NAME}               {"ok": 1, "first_s": S, "err": E}   E: the largest difference from out_0.npy, by its largest element
  {"c": "time", "w": NAME, "budget": S}  {"ok": 1, "xs": [seconds a call, ...]}
  {"c": "quit"}                          {"ok": 1}
A failure answers {"ok": 0, "err": WHY, "missing": 1 where the library does not run the workload}.
"""
import argparse
import json
import os
import sys
import time
from pathlib import Path

import libraries

LEAST_SAMPLE = 300e-6  # several shorter calls are one sample
SHARE_OF_MEMORY = 1 / 3  # that a library may take: several hold what they have prepared at once


def relative_error(got, expected):
    import numpy
    if got.shape != expected.shape:
        raise ValueError(f"the result must have {expected.size} elements, got {got.size}")
    return float(numpy.max(numpy.abs(got - expected)) / (numpy.max(numpy.abs(expected)) + 1e-30))


def time_calls(call, wait, budget):
    """Seconds a call, in samples that end when `wait` says that the device is done. A call of more than a second counts at once."""
    clock = time.perf_counter

    def timed():
        start = clock()
        call()
        wait()
        return clock() - start

    if (first := timed()) > 1:
        return [first]
    once = timed()
    batch = max(1, min(int(LEAST_SAMPLE / max(once, 1e-8)), 20000))
    samples, first = [], clock()
    while len(samples) < 3 or clock() - first < budget:
        start = clock()
        for _ in range(batch):
            call()
        wait()
        samples.append((clock() - start) / batch)
    return samples


def limit_memory():
    """What wants more fails by itself, and the machine goes on."""
    import resource
    most = int(SHARE_OF_MEMORY * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


class Worker:
    def __init__(self, library, workloads, data):
        self.library, self.workloads, self.data = library, workloads, data

    def prep(self, question):
        import numpy
        name = question["w"]
        folder = Path(self.data, name)
        start = time.perf_counter()
        self.call = None  # what was prepared before lets go of its memory
        self.call, result, self.guard = self.library.prepare(self.workloads[name], folder)
        got = result()
        first = time.perf_counter() - start
        return {"first_s": first, "err": relative_error(got, libraries.floats(numpy.load(folder / "out_0.npy")))}

    def time(self, question):
        with self.guard():
            return {"xs": time_calls(self.call, self.library.wait, question["budget"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", choices=libraries.LIBRARIES)
    parser.add_argument("--weft-bench", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print what they like
    if arguments.device == "cpu":
        limit_memory()

    def say(**answer):
        print(json.dumps(answer), file=answers, flush=True)

    try:
        library = libraries.LIBRARIES[arguments.library](arguments.threads, arguments.device)
    except (ImportError, libraries.Missing) as why:
        return say(ok=0, err=str(why), missing=1)
    say(ok=1)
    worker = Worker(library, libraries.Workloads(arguments.weft_bench), arguments.data)
    for line in sys.stdin:
        question = json.loads(line)
        if question["c"] == "quit":
            return say(ok=1)
        try:
            say(ok=1, **getattr(worker, question["c"])(question))
        except libraries.Missing as why:
            say(ok=0, err=str(why), missing=1)
        except Exception as why:  # the driver names what a library cannot run, and goes on
            say(ok=0, err=f"{type(why).__name__}: {str(why).splitlines()[0][:200] if str(why) else ''}")


if __name__ == "__main__":
    main()
