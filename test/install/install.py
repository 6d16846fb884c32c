#!/usr/bin/env python3
"""Installs a build, then builds and runs consumer/ against the installed tree, away from the source and build folders, and looks into it with the
installed tools.

The prefix is moved between installing and use: an installed tree must not remember where it was made.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def run(*command, **keywords):
    print("+", *command, flush=True)
    subprocess.run(command, check=True, **keywords)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="the build folder to install")
    parser.add_argument("--work", required=True, help="a folder of this test's own")
    parser.add_argument("--compiler", required=True)
    arguments = parser.parse_args()

    work = pathlib.Path(arguments.work)
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    run("cmake", "--install", arguments.build, "--prefix", str(work / "staged"), stdout=subprocess.DEVNULL)
    (work / "staged").rename(work / "prefix")
    shutil.copytree(HERE / "consumer", work / "consumer")
    run("cmake", "-G", "Ninja", "-S", str(work / "consumer"), "-B", str(work / "build"), f"-DCMAKE_PREFIX_PATH={work / 'prefix'}",
        f"-DCMAKE_CXX_COMPILER={arguments.compiler}", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", str(work / "build"))
    consumer = str(work / "build" / "consumer")
    environment = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"} | {"XDG_CACHE_HOME": str(work / "cache")}
    run(consumer, env=environment)
    check_tools(work, consumer, environment)
    return 0


def check_tools(work, consumer, environment):
    """They must find the library beside them, and the one that they run must find its compiler."""
    def output(tool, *arguments):
        command = [str(work / "prefix" / "bin" / tool), *arguments]
        print("+", *command, flush=True)
        return subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout

    collected = str(work / "collected")
    output("weft-inspect", "run", "--into", collected, "--", consumer)
    for stage, needle in (("loom", "loom.kernel"), ("source", "main.cpp:")):
        assert needle in output("weft-inspect", "show", "0", "--from", collected, "--stage", stage), stage
    assert "ew_4k" in output("weft-bench", "list")
    assert json.loads(output("weft-bench", "probe", "ew_4k"))["compiler_loaded"]
    assert "--weft-fuse" in output("weft-opt", "--help")
    for tool in ("weft-inspect", "weft-bench"):
        listed = subprocess.run(["ldd", str(work / "prefix" / "bin" / tool)], check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
        found = [line.split(" => ")[1] for line in listed.splitlines() if line.strip().startswith("libweft")]
        assert found and all(str(work / "prefix") in os.path.realpath(line.split(" (")[0]) for line in found), listed


if __name__ == "__main__":
    sys.exit(main())
