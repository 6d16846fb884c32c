#!/usr/bin/env python3
"""Writes what commands print into the marked blocks of README.md and docs/, or checks that it is there.

A block stands between a comment that says what fills it and `<!-- end -->`:

    <!-- run COMMAND -->       what COMMAND prints; checked
    <!-- list COMMAND -->      the Markdown that COMMAND prints; checked
    <!-- sample COMMAND -->    the same where times or rounding differ between machines; never checked
    <!-- code FILE NAME -->    the top-level function or type NAME of FILE, or all of FILE; checked
    <!-- table COMMAND -->     the table in Markdown that COMMAND prints; never checked
    <!-- figures COMMAND -->   the table that COMMAND writes with --json; never checked
    <!-- peers THREADS -->     the table of a comparison given by --peers; never checked
    <!-- guard all -->         what `weft-bench guard` found, given by --guard; never checked

Commands run in bash with pipefail, in an empty folder with `build` linked to the build folder, with an empty program
cache. Those of a page run in their order. `build/bin/weft-inspect show ... --cpu x86-64-v4` prints the same on any x86-64
machine; elsewhere such blocks are left alone.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ["README.md", "docs/accuracy.md", "docs/compiling.md", "docs/custom_ops.md", "docs/formats.md", "docs/from_pytorch.md", "docs/how_it_works.md",
         "docs/indexing.md", "docs/nn.md",
         "docs/performance.md", "docs/profiling.md"]
BLOCK = re.compile(r"^<!-- (run|list|sample|code|table|figures|peers|guard) (.*?) -->\n(.*?)^<!-- end -->$", re.M | re.S)
# What differs from run to run: times, and process numbers.
VOLATILE = re.compile(r"\d+(?:\.\d+)? ms|(?<=library )[\d.]+|(?<=compiler )[\d.]+|(?<=mapping )[\d.]+|\(\d+\)")


class Failure(Exception):
    pass


def fenced(language, text):
    return f"```{language}\n{text.rstrip()}\n```\n"


def language_of(command):
    for stage, language in (("--stage loom", "mlir"), ("--stage weft", "mlir"), ("--stage fused", "mlir"), ("weft-opt", "mlir"),
                            ("--stage llvm", "llvm"), ("--stage asm", "asm"), ("--stage device", "c")):
        if stage in command:
            return language
    return "text"


def code(argument):
    """All of a file below its comment, or one declaration from its first line to the line that closes it."""
    path, _, name = argument.partition(" ")
    lines = (ROOT / path).read_text().splitlines()
    if not name:
        return fenced("cpp", "\n".join(lines))
    for first, line in enumerate(lines):
        if re.match(rf"(\S.*[ &*])?{re.escape(name)}\b.*\{{", line):
            last = next(k for k in range(first, len(lines)) if lines[k].startswith("}"))
            return fenced("cpp", "\n".join(lines[first:last + 1]))
    raise Failure(f"{path} must declare {name} at its top level")


class Shell:
    """Runs the commands of one page."""

    def __init__(self, build, folder):
        self.folder = folder
        pathlib.Path(folder, "build").symlink_to(build)
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        self.environment["XDG_CACHE_HOME"] = str(pathlib.Path(folder, "cache"))
        self.places = [f"{ROOT}/", f"{build}/bin/", f"{folder}/"]

    def run(self, command):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=self.folder, env=self.environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # 141: a pipe such as `| head` closed early.
        if done.returncode not in (0, 141):
            raise Failure(f"`{command}` must succeed, got {done.returncode}: {done.stderr.strip()[-300:]}")
        text = done.stdout
        if not text.strip():
            raise Failure(f"`{command}` must print something, got nothing")
        for place in self.places:
            text = text.replace(place, "")
        return text

    def figures(self, command):
        file = pathlib.Path(self.folder, "figures.json")
        self.run(f"{command} --json {file}")
        rows = ["| what | measured | reach | |", "|---|---|---|---|"]
        for row in json.loads(file.read_text()):
            if "skipped" in row:
                rows.append(f"| {row['what']} | - | | {row['skipped']} |")
                continue
            value = f"{row['value']:.3g}" if row["value"] < 100 else f"{row['value']:.0f}"
            rows.append(f"| {row['what']} | {value} {row['unit']} | {row['reach']:g} {row['unit']} | "
                        f"{'' if row['reached'] else '**missed**'} |")
        return "\n".join(rows + ["", f"`{command}` on {machine()}."]) + "\n"


def machine():
    name = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    widest = next((w for f, w in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if f in pathlib.Path("/proc/cpuinfo").read_text()), "128-bit SIMD")
    return f"{len(os.sched_getaffinity(0))} cores of {name} ({widest}), {platform.freedesktop_os_release()['PRETTY_NAME']}"


def markdown(rows):
    """A table, its heads first, without the columns in which no row has anything."""
    columns = [column for column in zip(*rows) if any(column[1:])]
    head, *body = zip(*columns)
    return ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *body)]


def peers(where, path):
    """A row a comparison: how much faster Weft is than the fastest other library, and how much faster it is to be. On `where` threads or device."""
    figures = json.loads(pathlib.Path(path).read_text())
    key, place = (f"t{where}", f"{where} thread" + "s" * (where != "1")) if where.isdigit() else (where, where)
    if key not in figures:
        return None
    table = [[f"workload, {place}", "weft", "the fastest other", "ratio", "95 % interval", "of the limit", "to reach"]]
    for row in figures["rows"][key].values():
        if row["best"]:
            ms = {library: v["ms"] for library, v in figures[key][row["workloads"][0]].items() if "ms" in v}
            own, other = f"{ms['weft']:.4g} ms", f"{ms[row['best']]:.4g} ms, {row['best']}"
        else:
            own, other = "geometric mean", f"behind on {len(row['behind'])}" + (f": {', '.join(row['behind'])}" if row["behind"] else "")
        limit = f"{100 * row['of_limit']:.0f} %" if row["of_limit"] else ""
        verdict = []
        if row["reach"]:
            verdict = [f"{row['reach']:g}"] + ["**missed**"] * (not row["reached"]) + ["**behind**"] * bool(row["best"] and row["behind"])
        table.append([row["row"], own, other, f"{row['ratio']:.2f}x", f"{row['low']:.2f} .. {row['high']:.2f}", limit, ", ".join(verdict)])
    return "\n".join([*markdown(table), "", f"{figures['devices'][key] or machine()}."]) + "\n"


def guard(paths):
    """What `weft-bench guard` found, in one run or in its parts."""
    parts = [json.loads(pathlib.Path(path).read_text()) for path in paths]
    cases, slower, dropped, skipped = (sum(part[key] for part in parts) for key in ("cases", "slower", "dropped", "skipped"))
    mean = math.exp(sum(math.log(part["geometric_mean"]) * part["cases"] for part in parts) / max(cases, 1))
    text = [f"{cases} cases: {slower} slower compiled than eager, {dropped} whose program is slower but dropped by its trial; programs take {mean:.2f} of eager's "
            f"time (geometric mean). {skipped} more could not be drawn, or take too short or too long to tell. {machine()}.", ""]
    rows = [row for part in parts for row in part["rows"] if row["slower"]]
    if rows:
        table = [["slower", "time over eager's", "95 % interval", "eager"]]
        for row in sorted(rows, key=lambda row: -row["compiled"][0]):
            middle, low, high = row["compiled"]
            table.append([row["name"], f"{middle:.2f}x", f"{low:.2f} .. {high:.2f}", f"{row['eager_seconds'] * 1e6:.1f} us"])
        text += [*markdown(table), ""]
    return "\n".join(text)


def refresh(page, build, arguments):
    """Returns the page's text as it is and as it should be."""
    old = (ROOT / page).read_text()
    with tempfile.TemporaryDirectory(prefix="weft-docs-") as folder:
        shell = Shell(build, folder)

        def block(match):
            kind, argument, body = match.groups()
            if "--cpu x86" in argument and platform.machine() != "x86_64":
                return match.group(0)
            if kind == "code":
                new = code(argument)
            elif kind == "peers":
                new = arguments.peers and peers(argument, arguments.peers) or body
            elif kind == "guard":
                new = guard(arguments.guard) if arguments.guard else body
            elif kind == "run":
                new = fenced(language_of(argument), f"$ {argument}\n{shell.run(argument)}")
            elif kind == "list":
                new = shell.run(argument)
            elif not arguments.samples:
                new = body
            elif kind == "table":
                new = shell.run(argument)
            elif kind == "figures":
                new = shell.figures(argument)
            else:
                new = fenced("text", f"$ {argument}\n{shell.run(argument)}")
            if VOLATILE.sub("_", new) == VOLATILE.sub("_", body):
                new = body
            return f"<!-- {kind} {argument} -->\n{new}<!-- end -->"

        return old, BLOCK.sub(block, old)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path, help="the build folder (build/)")
    parser.add_argument("--check", action="store_true", help="change nothing, fail where a checked block differs")
    parser.add_argument("--samples", action="store_true", help="run samples, tables and figures as well: minutes, on a quiet machine")
    parser.add_argument("--peers", help="the JSON file of a comparison with other libraries")
    parser.add_argument("--guard", nargs="+", metavar="JSON", help="the JSON file of `weft-bench guard`, or those of its parts")
    parser.add_argument("pages", nargs="*", default=PAGES)
    arguments = parser.parse_args()
    failed = False
    for page in arguments.pages:
        try:
            old, new = refresh(page, arguments.build.resolve(), arguments)
        except Failure as why:
            print(f"{page}: {why}", file=sys.stderr)
            failed = True
            continue
        if old == new:
            continue
        if arguments.check:
            difference = subprocess.run(["diff", "-u", str(ROOT / page), "-"], input=new, text=True, stdout=subprocess.PIPE).stdout
            print(f"{difference}{page} must hold what its commands print; run: make docs", file=sys.stderr)
            failed = True
        else:
            (ROOT / page).write_text(new)
            print(f"refreshed {page}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
