"""llama.cpp on the workloads decode_*: writes the exported data as a GGUF file, and the exported caches into its state.

It rounds activations to 8 bits where they meet weights of 8 or 4 bits.
"""
import contextlib
import ctypes
import importlib
import struct
import tempfile
from pathlib import Path

LAYER_TENSORS = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "g": "ffn_gate", "u": "ffn_up", "d": "ffn_down"}
F32 = 0  # GGML_TYPE_F32


def interleaved(array, heads):
    """Rows of all heads: those that are turned together lie in two halves of a head, and side by side for llama.cpp."""
    rows = array.reshape(heads, 2, -1, *array.shape[1:])
    return rows.swapaxes(1, 2).reshape(array.shape)


def blocks(codes, scales):
    """Bytes of rows of q8_0 or q4_0: a scale in f16, then the codes of 32 numbers."""
    import numpy
    rows, count = scales.shape
    parts = scales.astype("<f2").view("u1").reshape(rows, count, 2), codes.view("u1").reshape(rows, count, -1)
    return numpy.concatenate(parts, -1).reshape(rows, -1)


class Model:
    """A GGUF file of exported parameters; weights lie there as [out, in]."""

    def __init__(self, path, params, context, heads):
        self.gguf = importlib.import_module("gguf")
        self.params, self.heads = params, heads
        self.writer = self.gguf.GGUFWriter(path, "llama")
        self.describe(context)
        self.vector("token_embd.weight", "tok")
        self.vector("output_norm.weight", "nfg")
        self.weight("output.weight", "head")
        for k in range(self.layers):
            for name, theirs in LAYER_TENSORS.items():
                self.weight(f"blk.{k}.{theirs}.weight", f"b{k}_{name}", heads if name in "qk" else None)
            self.vector(f"blk.{k}.attn_norm.weight", f"b{k}_n1g")
            self.vector(f"blk.{k}.ffn_norm.weight", f"b{k}_n2g")
        for write in "header", "kv_data", "tensors":
            getattr(self.writer, f"write_{write}_to_file")()
        self.writer.close()

    def describe(self, context):
        vocabulary, width = self.params["tok"].shape
        self.layers = sum(name.endswith("_n1g") for name in self.params)
        add = self.writer
        add.add_context_length(context)
        add.add_embedding_length(width)
        add.add_block_count(self.layers)
        add.add_feed_forward_length(self.rows("b0_g"))
        add.add_head_count(self.heads)
        add.add_layer_norm_rms_eps(1e-5)
        add.add_rope_dimension_count(width // self.heads)
        add.add_rope_freq_base(10000.0)
        add.add_vocab_size(vocabulary)
        add.add_tokenizer_model("no_vocab")

    def rows(self, name):
        weight, is_quantized = self.params[name + "_w"], name + "_w_scales" in self.params
        return weight.shape[0 if is_quantized else 1]

    def vector(self, name, ours):
        self.writer.add_tensor(name, self.params[ours].astype("f4"))

    def weight(self, name, ours, heads=None):
        kinds = self.gguf.GGMLQuantizationType
        weight, scales = self.params[ours + "_w"], self.params.get(ours + "_w_scales")
        if scales is not None:
            data, kind = blocks(weight, scales), kinds.Q4_0 if weight.dtype == "uint8" else kinds.Q8_0
        elif self.params.get("is_bf16"):
            data, kind = self.gguf.quants.quantize(weight.T, kinds.BF16), kinds.BF16
        else:
            data, kind = weight.T, kinds.F32
        if heads:
            data = interleaved(data, heads)
        self.writer.add_tensor(name, data.copy(), raw_dtype=kind)


def fill_caches(library, context, caches, heads):
    """Writes keys and values, [heads, positions, width of a head] a layer, into a state of as many positions that has been computed."""
    size = library.llama_state_seq_get_size(context, 0)
    state = (ctypes.c_uint8 * size)()
    library.llama_state_seq_get_data(context, state, size, 0)
    data, at = bytearray(state), 0
    positions = caches[0].shape[1] - 1  # the last is that of the token
    for number, cache in enumerate([*caches[0::2], *caches[1::2]]):  # keys of all layers, then values
        rows = cache[:, :positions].transpose(1, 0, 2)
        if number < len(caches) // 2:
            rows = interleaved(rows.reshape(positions, -1).T.copy(), heads).T
        rows = rows.reshape(positions, -1).astype("<f4").tobytes()
        head = struct.pack("<iQ", F32, len(rows) // positions)
        at = data.index(head, at) + len(head)
        data[at:at + len(rows)] = rows
        at += len(rows)
    state[:] = data
    if library.llama_state_seq_set_data(context, state, size, 0) != size:
        raise ValueError("llama.cpp must take the state with the exported caches")


class Llama:
    def __init__(self, threads, device, missing):
        if device != "cpu":
            raise missing("runs on the processor here")
        self.library, self.missing, self.threads = importlib.import_module("llama_cpp"), missing, threads
        importlib.import_module("gguf")

    def wait(self):
        pass

    def prepare(self, workload, params, inputs):
        import numpy
        if not workload["name"].startswith("decode"):
            raise self.missing("runs language models only")
        token, position, *caches = inputs
        heads, context = caches[0].shape[:2]
        with tempfile.TemporaryDirectory() as place:
            path = str(Path(place, "model.gguf"))
            Model(path, params | {"is_bf16": workload["dtype"] == "bf16"}, context, heads)
            model = self.library.Llama(path, n_ctx=context, n_batch=context, n_threads=self.threads, n_threads_batch=self.threads,
                                       flash_attn=True, type_k=F32, type_v=F32, verbose=False)
        model.eval([0] * int(position[0]))
        fill_caches(self.library, model.ctx, caches, heads)

        def call():
            model.n_tokens = int(position[0])  # what was behind it is forgotten
            model.eval([int(token[0])])

        def result():
            call()
            logits = self.library.llama_get_logits(model.ctx)
            return numpy.ctypeslib.as_array(logits, (model.n_vocab(),)).astype("f8")

        return call, result, contextlib.nullcontext
