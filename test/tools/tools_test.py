"""Runs weft-bench, weft-inspect and weft-oracle as a user would, in a cache of their own."""
import importlib.util, json, os, re, struct, subprocess, sys, tempfile, types, unittest
from pathlib import Path

BIN = os.path.abspath(sys.argv.pop(1))


TOOLS = Path(__file__).resolve().parents[2] / "tools"
PEERS = TOOLS / "peers"


def tool(name):
    return os.path.join(BIN, name)


def write_npy(path, shape, values, descr="<f4"):
    code = {"<f4": "f", "<i8": "q", "<u2": "H"}[descr]
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * ((-(len(header) + 11)) % 64) + "\n"
    Path(path).write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                           + struct.pack(f"<{len(values)}{code}", *values))


def read_npy(path):
    data = Path(path).read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    code = {"<f4": "f", "<i8": "q", "|b1": "?"}[re.search(r"'descr': '([^']*)'", data[10:10 + length].decode()).group(1)]
    body = data[10 + length:]
    return list(struct.unpack(f"<{len(body) // struct.calcsize(code)}{code}", body))


class Tools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = folder.name
        self.env = dict(os.environ, WEFT_CACHE_DIR=self.root + "/cache", WEFT_NUM_THREADS="2")
        self.env.pop("WEFT_COMPILER_LIBRARY", None)

    def run_tool(self, name, *args, code=0, **env):
        r = subprocess.run([tool(name), *args], env=dict(self.env, **env), cwd=self.root, capture_output=True, text=True, timeout=300)
        self.assertEqual(r.returncode, code, r.stdout + r.stderr)
        return r

    # Upkeep of the cache.

    def cache(self, *args, code=0, **env):
        return self.run_tool("weft-inspect", "cache", *args, code=code, **env)

    def test_the_cache_is_listed_explained_verified_and_trimmed(self):
        self.probe("layernorm")
        entry, = json.loads(self.cache("list", "--json").stdout)
        self.assertTrue(entry["is_whole"])
        self.assertFalse(entry["is_foreign"])
        self.assertIn("1 entry in " + self.root + "/cache, ", self.cache("list").stdout)
        self.assertIn(entry["ops"], self.cache("explain", entry["key"][:6]).stdout)
        self.assertIn("must be the beginning of one of", self.cache("explain", "zz", code=1).stderr)
        self.assertEqual(self.cache("verify").stdout, "1 of 1 whole\n")
        path = Path(self.root, "cache", entry["key"] + ".weft")
        path.write_bytes(path.read_bytes()[:-1])
        self.assertIn(entry["key"] + " is damaged\n0 of 1 whole", self.cache("verify", code=1).stdout)
        self.assertIn("is damaged, removed", self.cache("verify", "--remove", code=1).stdout)
        self.assertEqual(self.cache("trim").stdout, "0 of 0 removed\n")
        self.assertIn("WEFT_CACHE must not be off", self.cache("list", code=1, WEFT_CACHE="off").stderr)

    def test_an_exported_cache_starts_another_machine_warm(self):
        self.probe("digits_train")
        self.assertIn("program", self.cache("export", "programs.weft").stdout)
        elsewhere = {"WEFT_CACHE_DIR": self.root + "/elsewhere"}
        self.assertIn("taken", self.cache("import", "programs.weft", **elsewhere).stdout)
        warm, _ = self.probe("digits_train", **elsewhere)
        self.assertFalse(warm["compiler_loaded"])
        self.assertGreater(warm["kernels"], 0)
        self.assertIn("must be readable", self.cache("import", "nowhere", code=1).stderr)

    # Eager calls: one list, which Weft and PyTorch read.

    def test_every_eager_call_of_the_list_runs(self):
        self.run_tool("weft-bench", "eager", "--scales", "small", "--seconds", "0", "--json", "rows.json")
        rows = json.loads(Path(self.root, "rows.json").read_text())
        self.assertGreater(len(rows), 150)
        self.assertTrue(all(0 < row["seconds"] < 1 for row in rows))
        self.assertIn("add(float32[16], float32[16])", [row["name"] for row in rows])
        self.assertIn("must match a case", self.run_tool("weft-bench", "eager", "no such op", code=1).stderr)

    def test_eager_calls_are_timed_on_demand(self):
        questions = [{"sample": True}, {"prepare": 0, "threads": 1}, {"sample": True}]
        r = subprocess.run([tool("weft-bench"), "eager", "--serve", "--scales", "small", r"sum\(float32\[4, 4\], dim=1"], env=self.env,
                           input="".join(json.dumps(q) + "\n" for q in questions), capture_output=True, text=True, timeout=60)
        cases, refusal, prepared, sample = map(json.loads, r.stdout.splitlines())
        self.assertEqual([cases[0]["op"], cases[0]["args"], cases[0]["kwargs"]],
                         ["sum", [{"tensor": {"dtype": "float32", "shape": [4, 4]}}], {"dim": 1}])
        self.assertIn("must be prepared first", refusal["error"])
        self.assertEqual(prepared["shapes"], [[4]])
        self.assertGreater(sample["seconds"], 0)

    @unittest.skipUnless(importlib.util.find_spec("torch"), "this Python has no PyTorch")
    def test_eager_calls_meet_those_of_pytorch(self):
        script = TOOLS / "eager_figures"
        r = subprocess.run([sys.executable, script, "--build", os.path.dirname(BIN), "--scales", "small", "--threads", "1", "--seconds", "0", "view"],
                           env=self.env, capture_output=True, text=True, timeout=120)
        self.assertRegex(r.stdout, r"\| view \| 4 \| \d+\.\d+x \|")

    # What starts cold, warm, and without a compiler library.

    def probe(self, name, **env):
        r = self.run_tool("weft-bench", "probe", name, **env)
        return json.loads(r.stdout), r.stderr

    def test_a_fresh_process_starts_warm_without_the_compiler_library(self):
        cold, _ = self.probe("digits_train")
        self.assertTrue(cold["compiler_loaded"])
        self.assertGreater(cold["kernels"], 0)
        warm, _ = self.probe("digits_train")
        self.assertFalse(warm["compiler_loaded"])
        self.assertEqual(warm["kernels"], cold["kernels"])
        self.assertLess(warm["compile_ms"], cold["compile_ms"])

    def test_a_missing_compiler_library_is_said_once_and_changes_no_result(self):
        result, said = self.probe("digits_train", WEFT_COMPILER_LIBRARY="/nowhere/libweft-compiler.so")
        self.assertEqual(result["kernels"], 0)
        self.assertEqual(said.count("the compiler library must be loadable"), 1)

    # weft-bench

    def test_bench_lists_and_refuses(self):
        self.assertIn("layernorm", self.run_tool("weft-bench", "list").stdout)
        r = self.run_tool("weft-bench", "run", "nothing", code=1)
        self.assertIn("the workload must be one of add16_eager, ", r.stderr)
        r = self.run_tool("weft-bench", "run", "ew_4k", "--modes", "eager,fast", code=1)
        self.assertIn("the mode must be eager, compiled, generic, deterministic, resized or forward, got fast", r.stderr)

    def test_bench_measures_pairs(self):
        self.run_tool("weft-bench", "run", "ew_4k", "--seconds", "0.05", "--threads", "2", "--json", self.root + "/r.json")
        row = json.loads(Path(self.root, "r.json").read_text())[0]
        self.assertEqual((row["name"], row["threads"]), ("ew_4k", 2))
        ratio = row["modes"]["compiled"]["ratio"]
        self.assertTrue(ratio["low"] <= ratio["median"] <= ratio["high"])
        self.assertGreater(row["modes"]["compiled"]["share_of_limit"]["median"], 0)

    def test_bench_measures_memory(self):
        shown = self.run_tool("weft-bench", "memory", "ew_4m", "--json", self.root + "/m.json").stdout
        modes = json.loads(Path(self.root, "m.json").read_text())[0]["modes"]
        tensor = 4096 * 1024 * 4
        self.assertGreaterEqual(modes["eager"]["held_bytes"], tensor)
        self.assertEqual(modes["compiled"]["held_bytes"], modes["eager"]["held_bytes"])
        # Compiled it is one kernel: its result is all that it takes. Eager code has a step's operand beside the result.
        self.assertEqual(modes["compiled"]["peak_bytes"] - modes["compiled"]["held_bytes"], tensor)
        self.assertGreaterEqual(modes["eager"]["peak_bytes"] - modes["eager"]["held_bytes"], 2 * tensor)
        self.assertLess(modes["compiled"]["ratio"]["peak"], 1)
        self.assertIn("MiB at most", shown)

    def test_bench_guard_fails_where_compiled_calls_are_slower(self):
        calls = ["silu", "logsumexp", "--draws", "1"]
        self.assertIn("2 cases: 0 slower compiled than eager", self.run_tool("weft-bench", "guard", *calls, "--margin", "1000").stdout)
        # Whatever takes any time at all is slower by more than -100 %.
        r = self.run_tool("weft-bench", "guard", *calls, "--margin=-1", "--json", self.root + "/g.json", code=1)
        self.assertIn("SLOWER", r.stdout)
        self.assertIn("silu#0  silu(", r.stdout)
        found = json.loads(Path(self.root, "g.json").read_text())
        self.assertEqual([(row["name"], row["slower"]) for row in found["rows"]], [("silu#0", True), ("logsumexp#0", True)])
        self.assertEqual((found["cases"], found["slower"], found["dropped"], found["skipped"]), (2, 2, 0, 0))
        self.assertGreater(found["geometric_mean"], 0)
        parts = [self.run_tool("weft-bench", "guard", *calls, "--margin", "1000", "--part", f"{k}/2").stdout for k in (1, 2)]
        self.assertTrue(all(text.startswith("1 cases: ") for text in parts), parts)
        self.assertIn("--part must be K/N", self.run_tool("weft-bench", "guard", "--part", "3/2", code=1).stderr)

    def test_bench_exports_what_workers_read(self):
        rows = {w["name"]: w for w in json.loads(self.run_tool("weft-bench", "list", "--json").stdout)}
        self.assertEqual(rows["softmax"]["expression"], "softmax(x[0], -1)")
        self.assertEqual(rows["gemm_1x768x768"]["row"], rows["gemm_64x64x64"]["row"])
        self.assertEqual(len([w for w in rows.values() if w["row"] == "40 products"]), 40)
        self.assertEqual(rows["attn_window_grad"]["kind"], "gradients")
        for name in "compiled16", "digits_train", "attn_window_grad:32", "linear_gelu_q4_0":
            self.run_tool("weft-bench", "export", name, "--data", self.root)
            for mode in "eager", "compiled":
                _, prep, _ = self.worker(mode, {"c": "prep", "w": name}, {"c": "quit"})
                self.assertLess(prep["err"], 1e-5)

    def test_peers_names_libraries_that_are_missing(self):
        for name in "torch", "jax":
            Path(self.root, name + ".py").write_text(f"raise ImportError('{name} is not here')\n")
        env = dict(self.env, PYTHONPATH=self.root)
        r = subprocess.run([sys.executable, str(PEERS / "peers.py"), "compiled16", "ew_4k", "--part", "2/2", "--weft-bench", tool("weft-bench"), "--libraries", "torch,jax",
                            "--folder", self.root + "/peers"], env=env, capture_output=True, text=True, timeout=300)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("without torch: torch is not here\nwithout jax: jax is not here\n", r.stdout)
        self.assertRegex(r.stdout, "ew_4k +not compared")
        self.assertNotIn("compiled16", r.stdout)

    def comparison(self, rows, reach=1.3):
        """A comparison of one row, in which libraries took these seconds in each turn, and what it says of it."""
        sys.path.insert(0, str(PEERS))
        import peers
        comparison = object.__new__(peers.Comparison)
        comparison.workloads = {name: {"row": "row", "reach": reach} for name in rows}
        comparison.rows = {name: {library: {"rounds": rounds, "ms": sorted(rounds)[len(rounds) // 2]} for library, rounds in row.items()}
                           for name, row in rows.items()}
        row, = comparison.summary()
        return comparison, row

    def test_peers_judges_rows_by_the_geometric_mean(self):
        _, row = self.comparison({"a": {"weft": [1.0] * 15, "x": [4.0] * 15, "y": [9.0] * 15},
                                  "b": {"weft": [1.0] * 15, "x": [0.25, 0.5, 1.0] * 5}})
        self.assertAlmostEqual(row["ratio"], 2 ** 0.5)
        self.assertTrue(row["low"] <= row["ratio"] <= row["high"] and row["reached"])
        self.assertEqual((row["workloads"], row["behind"], row["best"], row["of_limit"]), (["a", "b"], ["b"], None, None))

    def test_peers_judges_rows_by_the_limit_of_the_machine(self):
        for limit, is_reached in (0.93, True), (0.91, False):
            _, row = self.comparison({"a": {"weft": [1.0] * 15, "limit": [limit] * 15, "x": [0.98] * 15}})
            self.assertEqual((row["best"], row["of_limit"], row["reached"], row["behind"]), ("x", limit, is_reached, []))
        _, row = self.comparison({"a": {"weft": [1.0] * 15, "limit": [0.99] * 15, "x": [0.96] * 15}})
        self.assertEqual((row["reached"], row["behind"]), (True, ["a"]))  # at the limit, and behind for all that
        # A sweep is at a limit that all of it has; a library that had a few turns only is not the best.
        sweep = {"a": {"weft": [1.0] * 15, "limit": [0.9] * 15, "x": [1.2] * 15, "y": [0.5] * 3}, "b": {"weft": [1.0] * 15, "x": [1.2] * 15}}
        _, row = self.comparison(sweep)
        self.assertEqual((row["of_limit"], row["reached"], row["behind"]), (None, False, []))
        sweep["b"]["limit"] = [1.0] * 15
        self.assertAlmostEqual(self.comparison(sweep)[1]["of_limit"], 0.9 ** 0.5)

    def test_peers_takes_workloads_rows_and_positions(self):
        sys.path.insert(0, str(PEERS))
        import libraries
        workloads = libraries.Workloads(tool("weft-bench"))
        self.assertEqual(workloads.chosen(["ew_4k", "attn_alibi:128"]), ["ew_4k", "attn_alibi:128"])
        self.assertEqual(len(workloads.chosen(["40 products"])), 40)
        rows = {workloads[name]["row"] for name in workloads.chosen([])}
        self.assertLessEqual({"attn_causal 64..8192", "attn_window_grad 64..4096", "decode_q4_0", "gemm1024_int8", "digits_train"}, rows)
        self.assertEqual({int(name.partition(":")[2] or 1024) for name in workloads.chosen(["attn_alibi 64..8192"])}, {64, 256, 1024, 4096, 8192})
        for unknown in "nothing", "ew_4k:3", "attn_causal:x":
            self.assertRaises(KeyError, workloads.chosen, [unknown])
        # Each has a form that other libraries run.
        for name in workloads.chosen([]):
            self.assertTrue(libraries.function_of(workloads[name], types.SimpleNamespace()), name)

    def test_figures_become_tables(self):
        sys.path.insert(0, str(TOOLS / "docs"))
        import refresh
        _, row = self.comparison({"a": {"weft": [1.0] * 15, "limit": [0.5] * 15, "x": [0.9] * 15}})
        library = {"weft": {"ms": 1.0}, "x": {"ms": 0.9}, "limit": {"ms": 0.5}}
        figures = {"devices": {"t1": "A machine", "cuda": "A card"}, "t1": {"a": library}, "cuda": {"a": library},
                   "rows": {"t1": {"row": row}, "cuda": {"row": dict(row, reach=0, of_limit=None)}}}
        path = Path(self.root, "figures.json")
        path.write_text(json.dumps(figures))
        self.assertEqual(refresh.peers("1", path).splitlines(), [
            "| workload, 1 thread | weft | the fastest other | ratio | 95 % interval | of the limit | to reach |", "| --- | --- | --- | --- | --- | --- | --- |",
            "| row | 1 ms | 0.9 ms, x | 0.90x | 0.90 .. 0.90 | 50 % | 1.3, **missed**, **behind** |", "", "A machine."])
        # What no row of a GPU has is no column.
        self.assertEqual(refresh.peers("cuda", path).splitlines()[0], "| workload, cuda | weft | the fastest other | ratio | 95 % interval |")
        self.assertIsNone(refresh.peers("2", path))
        part = {"cases": 2, "slower": 1, "dropped": 0, "skipped": 3, "geometric_mean": 0.5,
                "rows": [{"name": "f#0", "slower": True, "compiled": [1.5, 1.25, 2.0], "eager_seconds": 1e-4}, {"name": "g#0", "slower": False}]}
        path.write_text(json.dumps(part))
        text = refresh.guard([path, path])
        self.assertIn("4 cases: 2 slower compiled than eager, 0 whose program is slower", text)
        self.assertIn("programs take 0.50 of eager's time (geometric mean). 6 more", text)
        self.assertIn("| f#0 | 1.50x | 1.25 .. 2.00 | 100.0 us |", text)

    def worker(self, mode, *questions):
        text = "".join(json.dumps(q) + "\n" for q in questions)
        r = subprocess.run([tool("weft-bench"), "worker", "--threads", "1", "--data", self.root, "--mode", mode], input=text,
                           env=self.env, capture_output=True, text=True, timeout=300)
        self.assertEqual(r.returncode, 0, r.stderr)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def test_the_worker_speaks_the_protocol(self):
        os.mkdir(self.root + "/compiled16")
        a, b = [k - 8.0 for k in range(16)], [0.5 * k for k in range(16)]
        for name, values in ("in_0", a), ("in_1", b), ("out_0", [max(x * y + x, 0.0) for x, y in zip(a, b)]):
            write_npy(f"{self.root}/compiled16/{name}.npy", [16], values)
        for mode in "eager", "compiled":
            start, prep, time, without, wrong, unknown, quit = self.worker(
                mode, {"c": "prep", "w": "compiled16"}, {"c": "time", "w": "compiled16", "budget": 0.02}, {"c": "limit", "w": "compiled16", "budget": 0.02},
                {"c": "time", "w": "softmax", "budget": 0.02}, {"c": "prep", "w": "no_such_workload"}, {"c": "quit"})
            self.assertEqual((start["ok"], prep["ok"], prep["err"], prep["limit"]), (1, 1, 0, False))
            self.assertIn("must have a limit here, got compiled16", without["err"])
            self.assertGreaterEqual(len(time["xs"]), 3)
            self.assertEqual((wrong["ok"], unknown["ok"]), (0, 0))
            self.assertIn("must be one of", unknown["err"])
            self.assertGreater(quit["rss"], 0)

    def test_the_worker_measures_the_limit_in_turns(self):
        self.run_tool("weft-bench", "export", "ew_4k", "--data", self.root)
        _, prep, limit = self.worker("compiled", {"c": "prep", "w": "ew_4k"}, {"c": "limit", "w": "ew_4k", "budget": 0.01})
        self.assertTrue(prep["limit"])
        self.assertTrue(len(limit["xs"]) >= 3 and all(0 < seconds < 1 for seconds in limit["xs"]))

    # weft-inspect

    def test_inspect_counts_what_programs_cost(self):
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "softmax")
        for cpu in [], ["--cpu", "x86-64-v3"]:
            cost, = json.loads(self.run_tool("weft-inspect", "cost", "--json", *cpu).stdout)
            self.assertEqual((cost["launches"], cost["calls"], cost["phases"]), (1, 0, 1))
            self.assertGreaterEqual(cost["bytes_moved"], 2 * 4 * 4096 * 1024)
        shown = self.run_tool("weft-inspect", "cost").stdout.splitlines()
        self.assertEqual(len(shown), 2)
        self.assertIn(str(cost["bytes_moved"]), shown[1])

    def test_a_lesser_processor_can_be_compiled_for_and_another_one_is_refused(self):
        kernels = lambda **env: self.probe("ew_4k", **env)[0]["kernels"]
        self.assertGreater(kernels(), 0)
        self.assertEqual(kernels(WEFT_CPU="x86-64-v3"), kernels())
        self.assertEqual(kernels(WEFT_CPU="diamondrapids"), 0)  # has what no processor of today has
        self.assertEqual(kernels(WEFT_CPU="no-such"), 0)

    def test_inspect_shows_every_stage(self):
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "layernorm")
        listed = json.loads(self.run_tool("weft-inspect", "list", "--json").stdout)
        self.assertEqual(len(listed), 1)
        self.assertIn("workloads.cpp:", listed[0]["lines"][0])
        self.assertEqual(listed[0]["runs"], 2)
        self.assertGreater(listed[0]["us_a_run"], 0)
        self.assertIn("us a run", self.run_tool("weft-inspect", "list", "--times").stdout)
        needles = {"weft": "weft.mean", "fused": "weft.kernel", "loom": "loom.kernel", "llvm": "define void", "asm": "ret",
                   "device": "float", "source": "layer_norm("}
        for stage, needle in needles.items():
            for kernel in "0.0", "0", listed[0]["symbol"]:
                self.assertIn(needle, self.run_tool("weft-inspect", "show", kernel, "--stage", stage).stdout)
        text = self.run_tool("weft-inspect", "explain").stdout
        self.assertIn("9 ops in 1 kernel, compiled in ", text)
        self.assertRegex(text, r"^region .*compiled at .*:\d+\n  \d+ calls: \d+ ops? followed, 9 recorded; ")
        self.assertRegex(text, r"\n  segment 0: 9 ops from .*workloads.cpp:\d+ until .*; \d+ hits?, 0 eager runs\n")
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "layernorm")
        self.assertEqual(self.run_tool("weft-inspect", "explain").stdout.count("\nprogram ") , 1)  # what was there is replaced
        self.assertEqual(self.run_tool("weft-inspect", "explain").stdout.count("region layernorm "), 1)
        listed = self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "mlp_train")
        self.assertIn("weft-inspect: 1 program with ", listed.stderr)
        text = self.run_tool("weft-inspect", "explain").stdout
        apart = text[text.index("  kernels that stayed apart:\n"):].splitlines()[1:]
        self.assertTrue(any(line.endswith(" times)") for line in apart), text)
        self.assertEqual(len(apart), len(set(apart)), text)
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "layernorm")
        r = self.run_tool("weft-inspect", "show", "0.0", "--stage", "nothing", code=1)
        self.assertIn("stage must be one of source, ", r.stderr)
        r = self.run_tool("weft-inspect", "show", "4.0", code=1)
        self.assertIn("program 4 must be one of the 1 collected", r.stderr)

    def test_inspect_passes_on_the_exit_status(self):
        self.run_tool("weft-inspect", "run", "--", "/bin/sh", "-c", "exit 7", code=7)
        self.run_tool("weft-inspect", "run", "--", "/nowhere/program", code=127)
        r = self.run_tool("weft-inspect", "list", "--from", "/nowhere", code=1)
        self.assertIn("/nowhere must be a folder of collected programs", r.stderr)

    def test_inspect_tells_where_compile_time_went(self):
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "mlp_train")
        program = json.loads(self.run_tool("weft-inspect", "time", "--json").stdout)[0]
        total, steps = program["total_ms"], program["steps"]
        self.assertAlmostEqual(sum(s["ms"] for s in steps) + program["between_ms"], total, places=6)
        self.assertLess(abs(program["between_ms"]), 0.05 * total, program)
        names = {s["step"] for s in steps}
        self.assertLessEqual({"load library", "import", "fuse", "plan-memory", "schedule", "emit", "optimize", "generate", "link",
                              "write cache", "load code"}, names)
        kernels = {k["symbol"] for k in json.loads(self.run_tool("weft-inspect", "list", "--json").stdout)}
        for step in "emit", "optimize", "generate":
            self.assertEqual({s["kernel"] for s in steps if s["step"] == step and "kernel" in s}, kernels, step)
        for a, b in zip(steps, sorted(steps, key=lambda s: s["start_ms"])):
            self.assertGreaterEqual(b["start_ms"], 0)
            self.assertLessEqual(b["start_ms"] + b["ms"], total + 0.001)
        text = self.run_tool("weft-inspect", "time").stdout
        self.assertRegex(text, r"between the steps +[\d.]+ +[\d.]+ %")
        self.assertRegex(text, r"all +[\d.]+ +100.0 %")
        # A start from the cache has only the steps that it takes.
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "mlp_train")
        program = json.loads(self.run_tool("weft-inspect", "time", "--json").stdout)[0]
        self.assertEqual(program["from"], "disk")
        self.assertEqual([s["step"] for s in program["steps"]], ["key", "wait", "read cache", "load code"])

    def test_inspect_says_why_ops_are_kernels_apart(self):
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "mlp_train")
        text = self.run_tool("weft-inspect", "explain").stdout
        self.assertRegex(text, r"workloads.cpp:\d+: \w+ does not join \w+ of .*workloads.cpp:\d+: .* \[[a-z-]+\]")

    def test_inspect_writes_a_page(self):
        self.run_tool("weft-inspect", "run", "--", tool("weft-bench"), "probe", "layernorm")
        self.run_tool("weft-inspect", "html", "-o", "page.html")
        data = json.loads(re.search(r'id="data">(.*?)</script>', Path(self.root, "page.html").read_text(), re.S).group(1))
        self.assertEqual((len(data), len(data[0]["ops"]), data[0]["runs"]), (1, 9, 2))
        self.assertEqual([s["name"] for s in data[0]["kernels"][0]["stages"]], ["loom", "device", "llvm", "asm"])
        self.assertEqual({l["us"] > 0 for l in data[0]["launches"]}, {True})
        r = self.run_tool("weft-inspect", "html", "-o", "/nowhere/page.html", code=1)
        self.assertIn("weft-inspect: /nowhere/page.html must be writable, got: No such file or directory", r.stderr)

    # WEFT_PROFILE

    def test_a_process_leaves_a_trace(self):
        self.run_tool("weft-bench", "probe", "mlp_train", WEFT_PROFILE="trace-%p.json")
        files = list(Path(self.root).glob("trace-*.json"))
        self.assertEqual(len(files), 1)
        trace = json.loads(files[0].read_text())
        events = [e for e in trace["traceEvents"] if e["ph"] == "X"]
        self.assertEqual({e["pid"] for e in events}, {int(files[0].stem[6:])})
        self.assertLessEqual({"cpu_op", "region", "flush", "compile", "compile_step", "kernel"}, {e["cat"] for e in events})
        self.assertTrue(all(e["ts"] >= 0 and e["dur"] >= 0 for e in events))
        self.assertTrue(any(e["ph"] == "C" for e in trace["traceEvents"]))
        self.assertEqual(next(e for e in trace["traceEvents"] if e["name"] == "process_name")["args"]["name"], "weft-bench")
        kernel = next(e for e in events if e["cat"] == "kernel")
        self.assertIn("workloads.cpp:", kernel["args"]["line"])

    def test_a_trace_that_cannot_be_written_is_said_at_the_end(self):
        r = self.run_tool("weft-bench", "probe", "ew_4k", WEFT_PROFILE="/nowhere/trace.json")
        self.assertIn("weft: profiler: /nowhere/trace.json must be writable, got: No such file or directory; WEFT_PROFILE leaves no trace", r.stderr)
        self.run_tool("weft-bench", "list", WEFT_PROFILE="none.json")
        self.assertFalse(Path(self.root, "none.json").exists())

    # weft-oracle

    def oracle(self, case, mode, code=0):
        Path(self.root, "case.json").write_text(json.dumps(case))
        self.run_tool("weft-oracle", "--case", self.root + "/case.json", "--root", self.root, "--out", self.root, "--mode", mode, code=code)

    def test_the_oracle_answers_cases_and_programs(self):
        write_npy(self.root + "/base.npy", [6], [1, 2, 3, 4, 5, 6])
        write_npy(self.root + "/y.npy", [2, 2], [10, 20, 30, 40])
        x = {"npy": "none.npy", "dtype": "float32", "shape": [2, 2], "base_npy": "base.npy", "strides": [1, 2], "offset": 1}
        y = {"npy": "y.npy", "dtype": "float32", "shape": [2, 2]}
        case = {"id": "mul/T", "op": "mul", "call": "torch.mul", "args": [{"t": 0}, {"t": 1}], "kwargs": {}, "inputs": [x, y],
                "outputs": [y], "grad_outputs": [y], "grad_inputs": [y, None], "tags": []}
        program = {"id": "p", "op": "program", "vars": {"a": x, "b": y}, "results": {},
                   "steps": [{"op": "t", "in": ["a"], "args": [], "out": "t"}, {"op": "add_", "in": ["t", "b"], "args": []}]}
        for mode in "eager", "compiled":
            self.oracle(case, mode)
            self.assertEqual(read_npy(self.root + "/out_0.npy"), [20, 80, 90, 200])
            self.assertEqual(read_npy(self.root + "/grad_0.npy"), [100, 400, 900, 1600])
            self.oracle(program, mode)
            self.assertEqual(read_npy(self.root + "/t.npy"), [12, 23, 34, 45])
            self.assertEqual(read_npy(self.root + "/a.npy"), [12, 34, 23, 45])
            self.oracle(dict(case, call="torch.igamma", args=[{"t": 0}]), mode, code=3)
            self.oracle(dict(case, kwargs={"out_dtype": 1}), mode, code=3)
            self.oracle(dict(case, call="torch.reshape", args=[{"t": 0}, [7]], grad_inputs=[]), mode, code=1)

    def test_the_oracle_is_scored_in_several_ways(self):
        write_npy(self.root + "/x.npy", [2], [0, 2])
        write_npy(self.root + "/y.npy", [2], [0, -2])
        write_npy(self.root + "/where.npy", [1, 1], [1], "<i8")
        x, y = ({"npy": name + ".npy", "dtype": "float32", "shape": [2]} for name in "xy")
        where = {"npy": "where.npy", "dtype": "int64", "shape": [1, 1]}
        common = {"args": [{"t": 0}], "kwargs": {}, "inputs": [x], "tags": [], "rtol": 0, "atol": 0}
        neg = dict(common, id="neg/1", op="neg", call="torch.neg", outputs=[y])
        nonzero = dict(common, id="nonzero/1", op="nonzero", call="torch.nonzero", outputs=[where])

        def score(*cases, code=0):
            Path(self.root, "manifest.json").write_text(json.dumps({"cases": cases}))
            r = subprocess.run([sys.executable, TOOLS / "oracle_score", self.root, "--program", tool("weft-oracle"), "--ways", "eager", "pure", "eager@opencl"],
                               env=dict(self.env, OCL_ICD_VENDORS="/nowhere"), capture_output=True, text=True, timeout=300)
            self.assertEqual(r.returncode, code, r.stdout + r.stderr)
            return [line.split() for line in r.stdout.partition("\nway ")[2].splitlines()]

        # What reads values is no pure function, which is no failure; a device that is not here is left out.
        table = score(neg, nonzero)
        self.assertEqual(table, [["passed", "unsupported"], ["eager", "2", "-"], ["pure", "1", "1"], ["eager@opencl", "not", "here"]])
        self.assertEqual(score(dict(neg, outputs=[x]), code=1)[1:3], [["eager", "1"], ["pure", "1"]])

    def test_the_oracle_takes_cases_as_python_writes_them(self):
        write_npy(self.root + "/x.npy", [2], [1, -2])
        x = {"npy": "x.npy", "dtype": "float32", "shape": [2]}
        case = {"id": 'NaN "Infinity\\"', "op": "add", "call": "torch.add", "args": [{"t": 0}, float("inf")], "kwargs": {}, "inputs": [x],
                "outputs": [x], "tags": [], "rtol": float("nan"), "atol": float("inf")}
        self.oracle(case, "eager")
        self.assertEqual(read_npy(self.root + "/out_0.npy"), [float("inf")] * 2)
        self.oracle(dict(case, args=[{"t": 0}, float("-inf")]), "eager")
        self.assertEqual(read_npy(self.root + "/out_0.npy"), [float("-inf")] * 2)
        self.oracle(dict(case, call="torch.nan_to_num", args=[{"t": 0}], kwargs={"nan": float("nan")}), "eager")

    def test_the_oracle_finds_the_form_of_an_op_that_has_the_arguments(self):
        write_npy(self.root + "/x.npy", [2], [1, 2])
        x = {"npy": "x.npy", "dtype": "float32", "shape": [2]}
        write_npy(self.root + "/places.npy", [2], [0, 1], "<i8")
        places = {"npy": "places.npy", "dtype": "int64", "shape": [2]}
        write_npy(self.root + "/matrix.npy", [2, 2], [3, 0, 0, -5])
        write_npy(self.root + "/vectors.npy", [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])
        matrix, vectors = {"npy": "matrix.npy", "dtype": "float32", "shape": [2, 2]}, {"npy": "vectors.npy", "dtype": "float32", "shape": [3, 3]}
        case = {"id": "form", "op": "form", "inputs": [x, places, matrix, vectors], "outputs": [x], "tags": []}
        for call, args, kwargs, out in ((("torch.arange"), [3], {}, [0, 1, 2]), ("torch.arange", [2, 8, 3], {}, [2, 5]),
                                        ("torch.amax", [{"t": 0}], {"dim": 0, "keepdim": True}, [2]),
                                        ("torch.sum", [{"t": 0}], {"dtype": {"dtype": "int64"}}, [3]),
                                        ("torch.zeros", [2, 1], {"dtype": {"dtype": "float32"}}, [0, 0]),
                                        ("torch.multiply", [{"t": 0}, 3], {}, [3, 6]), ("torch.Tensor.negative", [{"t": 0}], {}, [-1, -2]),
                                        ("torch.Tensor.unfold", [{"t": 0}, 0, 1, 1], {}, [1, 2]), ("torch.clamp", [{"t": 0}], {"max": {"t": 0}}, [1, 2]),
                                        ("torch.var", [{"t": 0}], {"unbiased": False}, [0.25]), ("torch.nonzero", [{"t": 0}], {"as_tuple": True}, [0, 1]),
                                        ("torch.scatter", [{"t": 0}, 0, {"t": 1}, {"t": 0}], {"reduce": "add"}, [2, 4]),
                                        ("F.relu", [{"t": 0}], {"inplace": True}, [1, 2]), ("F.relu", [{"t": 0}], {"inplace": False}, [1, 2]),
                                        ("torch.max", [{"t": 0}, {"t": 0}], {}, [1, 2]), ("torch.min", [{"t": 0}], {"other": {"t": 0}}, [1, 2]),
                                        ("torch.mul", [{"t": 0}], {"other": {"t": 0}}, [1, 4]), ("torch.pow", [{"t": 0}], {"exponent": 3}, [1, 8]),
                                        ("torch.linalg.norm", [{"t": 2}, 2], {}, [5]), ("torch.linalg.norm", [{"t": 2}], {"ord": "nuc"}, [8]),
                                        ("torch.linalg.norm", [{"t": 2}], {"ord": 1, "dim": 1}, [3, 5]), ("torch.linalg.norm", [{"t": 2}, 3], {}, "refused"),
                                        ("torch.linalg.cross", [{"t": 3}, {"t": 3}], {}, [0] * 9), ("torch.linalg.cross", [{"t": 2}, {"t": 2}], {}, "refused"),
                                        ("torch.var", [{"t": 0}, 0, False], {}, [0.25]), ("torch.Tensor.long", [{"t": 0}], {}, [1, 2]),
                                        ("torch.tensordot", [{"t": 0}, {"t": 0}, [[0], [0]]], {}, [5]), ("torch.squeeze", [{"t": 0}], {"dim": []}, [1, 2]),
                                        ("torch.meshgrid", [{"t": 0}], {"indexing": "ij"}, [1, 2]), ("F.l1_loss", [{"t": 0}, {"t": 0}], {"reduction": "foo"}, "refused"),
                                        ("F.interpolate", [{"t": 0}], {"mode": "nearest", "size": 2, "align_corners": False}, "refused"), ("F.gelu", [{"t": 0}], {"approximate": "erf"}, "refused")):
            self.oracle(dict(case, call=call, args=args, kwargs=kwargs), "eager", code=3 if out is None else 1 if out == "refused" else 0)
            if isinstance(out, list):
                self.assertEqual(read_npy(self.root + "/out_0.npy"), out)

    def test_the_steps_of_programs_are_those_of_the_library(self):
        write_npy(self.root + "/x.npy", [2], [1, 2])
        write_npy(self.root + "/places.npy", [2], [0, 1], "<i8")
        x = {"npy": "x.npy", "dtype": "float32", "shape": [2]}
        steps = [("index_select", ["a", "p"], [0], "s"), ("scatter_", ["s", "p", "a"], [0], None), ("cat", ["s", "a"], [0], "c"), ("stack", ["a", "a"], [1], "k"),
                 ("gather", ["c", "p"], [0], "g"), ("int64", ["c"], [], "i"), ("fill_", ["a"], [7], None), ("index_fill_", ["s", "p"], [0, 5], None),
                 ("max_keep", ["k"], [0], "m"), ("lt0", ["k"], [], "n"), ("view_as", ["c", "k"], [], "v"), ("sum", ["k"], [], "t"), ("sum", ["k"], [[0, 1]], "u")]
        program = {"id": "p", "op": "program", "vars": {"a": x, "p": {"npy": "places.npy", "dtype": "int64", "shape": [2]}}, "results": {},
                   "steps": [dict({"op": op, "in": given, "args": args}, **({"out": out} if out else {})) for op, given, args, out in steps]}
        for mode in "eager", "compiled":
            self.oracle(program, mode)
            for name, want in (("a", [7, 7]), ("s", [5, 5]), ("c", [1, 2, 1, 2]), ("k", [1, 1, 2, 2]), ("g", [1, 2]), ("i", [1, 2, 1, 2]), ("m", [2, 2]),
                               ("v", [1, 2, 1, 2]), ("t", [6]), ("u", [6])):
                self.assertEqual(read_npy(f"{self.root}/{name}.npy"), want, name)

    def test_a_call_that_must_be_refused_is_made(self):
        write_npy(self.root + "/x.npy", [0, 4], [])
        x = {"npy": "x.npy", "dtype": "float32", "shape": [0, 4]}
        case = {"id": "bad", "op": "bad", "call": "torch.amax", "args": [{"t": 0}], "kwargs": {"dim": 0}, "inputs": [x], "tags": []}
        self.oracle(case, "eager", code=1)
        self.oracle(dict(case, call="torch.igamma", kwargs={}), "eager", code=3)

    def test_damaged_arrays_are_refused(self):
        write_npy(self.root + "/y.npy", [2, 2], [10, 20, 30, 40])
        whole = Path(self.root, "y.npy").read_bytes()
        y = {"npy": "y.npy", "dtype": "float32", "shape": [2, 2]}
        case = {"id": "neg", "op": "neg", "call": "torch.neg", "args": [{"t": 0}], "kwargs": {}, "inputs": [y], "outputs": [y], "tags": []}
        for damaged in b"", whole[:9], whole[:40], whole[:-1], whole + b"x", whole.replace(b"(2, 2)", b"(2,-2)"), whole.replace(b"(2, 2)", b"(2, 9)"):
            Path(self.root, "y.npy").write_bytes(damaged)
            self.oracle(case, "eager", code=1)


unittest.main(verbosity=2)
