#!/usr/bin/env python3
"""Installs a build, then builds and runs consumer/ against the installed tree, away from the source and build folders.

The prefix is moved between installing and use: an installed tree must not remember where it was made.
"""

import argparse
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
    run(str(work / "build" / "consumer"), env={**os.environ, "XDG_CACHE_HOME": str(work / "cache")})
    return 0


if __name__ == "__main__":
    sys.exit(main())
