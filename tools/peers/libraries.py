"""The libraries that Weft is compared with. Each prepares a workload and returns a call and a way to fetch its result as floats.

A workload is a row of `weft-bench list --json`; its data lies in DATA/NAME as `weft-bench export` writes it.
"""
import importlib
import json
import os
import re
import tempfile
from pathlib import Path

import functions
import llama
import networks

BETAS, EPS = (0.9, 0.999), 1e-8
# Workloads whose C++ has no single expression, and what networks.py has for them.
NETWORKS = dict.fromkeys(("decode_f32", "decode_bf16", "decode_q8_0", "decode_q4_0"), networks.decode)


class Missing(Exception):
    """The library does not run the workload, or is not there."""


def function_of(workload, o):
    """Returns f(p, x) for a workload over the functions o."""
    name, text = workload["name"].partition(":")[0], workload["expression"]
    if not text:
        network = NETWORKS.get(name) or getattr(networks, name, None)
        if not network:
            raise Missing("networks.py has no " + name)
        return lambda p, x: network(o, p, x)
    names = dict(vars(o), none=None, true=True, false=False, shape=lambda *sizes: sizes)
    exec("def f(p, x): return " + re.sub(r"p\.at\((.*?)\)", r"p[\1]", text), names)
    return names["f"]


def load(folder):
    import numpy
    params = {path.stem[2:]: numpy.load(path) for path in sorted(Path(folder).glob("p_*.npy"))}
    inputs = []
    while (path := Path(folder, f"in_{len(inputs)}.npy")).exists():
        inputs.append(numpy.load(path))
    return params, inputs


def floats(array):
    """As float64, whatever it was."""
    import numpy
    return numpy.asarray(array, dtype=numpy.float64).reshape(-1)


class Torch:
    """PyTorch; compiled=True: torch.compile. On a GPU f32 stays f32."""

    def __init__(self, threads, device, compiled=False):
        torch = self.torch = importlib.import_module("torch")
        torch.set_num_threads(threads)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        self.device, self.compiled = device, compiled

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def tensors(self, workload, folder, is_exported=False):
        torch = self.torch
        params, inputs = load(folder)

        def tensor(array):
            t = torch.from_numpy(array).to(self.device)
            return t.to(getattr(torch, {"bf16": "bfloat16"}.get(workload["dtype"], "float32"))) if t.dtype == torch.float32 else t

        def parameter(name, array):
            t = tensor(array)
            if name.endswith("_w") and t.is_floating_point():
                return t.t().contiguous()
            return t.contiguous(memory_format=torch.channels_last) if name.endswith("_cw") and not is_exported else t

        return {name: parameter(name, a) for name, a in params.items()}, [tensor(a) for a in inputs]

    def prepare(self, workload, folder):
        torch = self.torch
        p, x = self.tensors(workload, folder)
        f = function_of(workload, functions.Torch(torch))
        if self.compiled:
            torch._dynamo.reset()
            f = torch.compile(f)
        if workload["kind"] == "gradients":
            return self.gradients(f, p, x)
        if workload["kind"] == "training":
            return self.training(workload, f, p, x)
        first = (lambda r: r[0]) if workload["name"].startswith("decode") else (lambda r: r)
        if workload["each"]:
            return self.untracked(lambda: torch.cat([f(p, [one]) for one in x]))
        return self.untracked(lambda: first(f(p, x)))

    def untracked(self, call):
        guard = self.torch.no_grad if self.compiled else self.torch.inference_mode

        def result():
            with guard():
                return floats(call().double().cpu())

        return call, result, guard

    def gradients(self, f, p, x):
        trained = [t.requires_grad_() for t in p.values()]

        def call():
            for t in trained:
                t.grad = None
            f(p, x).backward()

        def result():
            call()
            return floats(self.torch.cat([t.grad.reshape(-1) for t in trained]).double().cpu())

        return call, result, self.torch.enable_grad

    def training(self, workload, f, p, x):
        trained = [t.requires_grad_() for t in p.values()]
        step = self.torch.optim.AdamW(trained, lr=workload["learning_rate"], betas=BETAS, eps=EPS, weight_decay=workload["weight_decay"], fused=True)

        def call():
            loss = f(p, x)
            loss.backward()
            step.step()
            step.zero_grad(set_to_none=True)
            return loss

        return call, lambda: floats([float(call().detach()) for _ in range(3)]), self.torch.enable_grad


class Jax:
    """JAX; its calls wait by themselves. On a GPU f32 stays f32."""

    def __init__(self, threads, device):
        self.jax = importlib.import_module("jax")
        self.jax.config.update("jax_default_matmul_precision", "highest")

    def wait(self):
        pass

    def prepare(self, workload, folder):
        import contextlib
        jax, n = self.jax, self.jax.numpy
        params, inputs = load(folder)

        def array(a):
            t = n.asarray(a.astype("int32") if a.dtype == "int64" else a)
            return t.astype(n.bfloat16) if workload["dtype"] == "bf16" and t.dtype == n.float32 else t

        p, x = {name: array(a) for name, a in params.items()}, [array(a) for a in inputs]
        f = function_of(workload, functions.Jax(jax))
        if workload["kind"] == "training":
            call, result = self.training(workload, f, p, x)
        elif workload["kind"] == "gradients":
            run = jax.jit(jax.grad(lambda p: f(p, x)))
            call = lambda: jax.block_until_ready(run(p))
            result = lambda: floats(n.concatenate([g.reshape(-1) for g in call().values()]))
        elif workload["name"].startswith("decode"):
            step, state = jax.jit(lambda p, ids, caches: f(p, [*ids, *caches]), donate_argnums=2), [x[2:]]

            def call():
                logits, state[0] = step(p, x[:2], state[0])
                return logits.block_until_ready()

            result = lambda: floats(call())
        else:
            run = jax.jit(f)
            inputs = [[one] for one in x] if workload["each"] else [x]
            call = lambda: jax.block_until_ready([run(p, one) for one in inputs])
            result = lambda: floats(n.concatenate([r.reshape(-1) for r in call()]))
        return call, result, contextlib.nullcontext

    def training(self, workload, f, p, x):
        jax, n = self.jax, self.jax.numpy
        rate, decay, (b1, b2) = workload["learning_rate"], workload["weight_decay"], BETAS

        def step(p, m, v, k):
            loss, g = jax.value_and_grad(lambda p: f(p, x))(p)
            k = k + 1
            m = {a: b1 * m[a] + (1 - b1) * g[a] for a in g}
            v = {a: b2 * v[a] + (1 - b2) * g[a] * g[a] for a in g}
            p = {a: p[a] * (1 - rate * decay) - rate * (m[a] / (1 - b1 ** k)) / (n.sqrt(v[a] / (1 - b2 ** k)) + EPS) for a in g}
            return loss, p, m, v, k

        run = jax.jit(step, donate_argnums=(0, 1, 2, 3))
        state = [p, {a: n.zeros_like(t) for a, t in p.items()}, {a: n.zeros_like(t) for a, t in p.items()}, n.float32(0)]

        def call():
            loss, *state[:] = run(*state)
            jax.block_until_ready(state)
            return loss

        return call, lambda: floats([float(call()) for _ in range(3)])


class Exported(Torch):
    """A library that runs what PyTorch exports: inference in f32, with parameters that are constants."""

    def __init__(self, threads, device, module):
        if device != "cpu":
            raise Missing("runs on the processor here")
        self.library = importlib.import_module(module)
        super().__init__(threads, device)
        self.threads = threads

    def module(self, workload, folder):
        torch = self.torch
        if workload["kind"] not in ("call", "inference") or workload["each"] or workload["dtype"] != "f32" or workload["name"].startswith("decode"):
            raise Missing("runs inference of one size in f32 only")
        p, x = self.tensors(workload, folder, is_exported=True)
        f = function_of(workload, functions.Torch(torch, exported=True))

        class Module(torch.nn.Module):
            def forward(self, *x):
                return f(p, x)

        return Module().eval(), x


class OnnxRuntime(Exported):
    def __init__(self, threads, device):
        super().__init__(threads, device, "onnxruntime")
        importlib.import_module("onnx")

    def prepare(self, workload, folder):
        import contextlib
        module, x = self.module(workload, folder)
        options = self.library.SessionOptions()
        options.intra_op_num_threads = self.threads
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "model.onnx")
            self.torch.onnx.export(module, tuple(x), path, dynamo=False, input_names=[f"x{k}" for k in range(len(x))])
            session = self.library.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        binding = session.io_binding()
        values = {f"x{k}": self.library.OrtValue.ortvalue_from_numpy(t.numpy()) for k, t in enumerate(x)}
        for put in session.get_inputs():  # what the function does not read is none
            binding.bind_ortvalue_input(put.name, values[put.name])
        binding.bind_output(session.get_outputs()[0].name, "cpu")
        session.run_with_iobinding(binding)
        output = binding.get_outputs()[0]  # and its memory is written again by each call
        binding.bind_ortvalue_output(session.get_outputs()[0].name, output)

        def call():
            session.run_with_iobinding(binding)
            return values

        return call, lambda: (call(), floats(output.numpy()))[1], contextlib.nullcontext


class OpenVino(Exported):
    def __init__(self, threads, device):
        super().__init__(threads, device, "openvino")

    def prepare(self, workload, folder):
        import contextlib
        module, x = self.module(workload, folder)
        ov = self.library
        model = ov.convert_model(module, example_input=tuple(x), input=[tuple(t.shape) for t in x])
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.threads, "INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
        request = ov.Core().compile_model(model, "CPU", settings).create_infer_request()
        inputs = [ov.Tensor(t.numpy(), shared_memory=True) for t in x]
        for k, t in enumerate(inputs):
            request.set_input_tensor(k, t)

        def call():
            request.start_async()
            request.wait()
            return inputs

        return call, lambda: (call(), floats(request.get_output_tensor(0).data))[1], contextlib.nullcontext


class LlamaCpp(llama.Llama):
    def __init__(self, threads, device):
        super().__init__(threads, device, Missing)

    def prepare(self, workload, folder):
        return super().prepare(workload, *load(folder))


LIBRARIES = {"torch": Torch, "torch.compile": lambda *where: Torch(*where, compiled=True), "jax": Jax, "onnxruntime": OnnxRuntime,
             "openvino": OpenVino, "llama.cpp": LlamaCpp}


class Workloads(dict):
    """Those of weft-bench by their names, and by NAME:N over N positions."""

    def __init__(self, weft_bench):
        import subprocess
        super().__init__((w["name"], w) for w in json.loads(subprocess.check_output([weft_bench, "list", "--json"])))

    def __missing__(self, name):
        base, _, positions = name.partition(":")
        if base not in self or not self[base]["positions"] or not positions.isdigit():
            raise KeyError(name)
        return self[base] | {"name": name}

    def chosen(self, names):
        """The names of workloads, and of all in a row; without any, of those that have something to reach. Raises KeyError."""
        every = [f"{name}:{n}" if n else name for name, w in self.items() for n in (0, *w["positions"])]
        if not names:
            return [name for name in every if self[name]["reach"]]
        rows = {w["row"] for w in self.values()}
        of_rows = [name for name in every if self[name]["row"] in names]
        return list(dict.fromkeys(of_rows + [self[name]["name"] for name in names if name not in rows]))
