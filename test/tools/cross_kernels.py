#!/usr/bin/env python3
"""Compiles what tests and workloads compile for other processors: cross_kernels.py BIN CROSS-KERNELS TEST..."""
import os, subprocess, sys, tempfile

bin_folder, cross_kernels, *tests = sys.argv[1:]
# Workloads whose kernels the tests do not have; `probe` runs one.
WORKLOADS = ["xent", "mlp_train", "convblock", "depthwise_stride2", "attn_alibi", "block_inf", "gpt_train", "decode_bf16", "gemm1024_int8"]
inspect, bench = (os.path.join(bin_folder, name) for name in ("weft-inspect", "weft-bench"))
commands = [[test] for test in tests] + [[bench, "probe", name] for name in WORKLOADS]
failed = False
for command in commands:
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "home"))  # nothing is compiled yet
        ran = subprocess.run([inspect, "run", "--into", folder, "--", *command], env=environment, capture_output=True, text=True)
        if ran.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        done = subprocess.run([cross_kernels, folder], capture_output=True, text=True)
        print(f"{' '.join(map(os.path.basename, command))}:\n{done.stdout}{done.stderr}", flush=True)
        failed |= done.returncode != 0
sys.exit(failed)
