#!/usr/bin/env python3
"""Takes a network's state from PyTorch to Weft and back, by safetensors, and compares what both make of it.

  pytorch_exchange.py PROGRAM      PROGRAM: build/test/exchange; needs PyTorch, and says SKIPPED without

No name is changed on the way: both sides refuse a name or a shape that the other does not have. The file format is written and read here
by hand, so that the package safetensors need not be there: the length of a JSON header in 8 bytes, the header, the elements.
"""

import argparse
import json
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    import torch
    from torch import nn
except ImportError:
    print("SKIPPED: PyTorch must be there to exchange state with it")
    sys.exit(0)

DTYPES = {"F32": torch.float32, "I64": torch.int64}


def write(path, tensors):
    header, at = {}, 0
    for name, t in tensors.items():
        dtype = next(k for k, v in DTYPES.items() if v == t.dtype)
        header[name] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [at, at + t.numel() * t.element_size()]}
        at += t.numel() * t.element_size()
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(t.contiguous().numpy().tobytes() for t in tensors.values()))


def read(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        elements = torch.frombuffer(bytearray(data[8 + size + first : 8 + size + last]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = elements.reshape(entry["shape"])
    return tensors


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.PReLU(4)
        self.up = nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.group = nn.GroupNorm(1, 2)
        self.table = nn.Embedding(11, 8)
        self.bag = nn.EmbeddingBag(11, 8)
        self.lstm = nn.LSTM(8, 6, num_layers=2, bidirectional=True)
        self.gru = nn.GRU(12, 8)
        self.rnn = nn.RNN(8, 8, nonlinearity="relu")
        self.cell = nn.LSTMCell(8, 8)
        small = dict(dim_feedforward=16, activation="gelu", norm_first=True)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, **small), 2, nn.LayerNorm(8), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, **small), 1)
        self.attention = nn.MultiheadAttention(8, 2, kdim=12, vdim=12)
        self.list = nn.ModuleList([nn.Linear(8, 8), nn.Linear(8, 8, bias=False)])
        self.heads = nn.ModuleDict({"plain": nn.Linear(8, 3), "rms": nn.Sequential(nn.RMSNorm(8, eps=1e-5), nn.Linear(8, 3))})
        self.scales = nn.ParameterList([torch.ones(8), torch.ones(())])
        self.loss = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 0.5]))

    def forward(self, image, tokens, classes):
        pixels = self.group(self.up(self.act(self.norm(self.conv(image)))))
        y, (_, cells) = self.lstm(self.table(tokens))
        h, last = self.gru(y)
        x = self.encoder(self.rnn(h)[0])
        x = self.decoder(x, h) + self.attention(x, y, y)[0]
        x = self.list[1](self.list[0](x)) * self.scales[0] + self.scales[1]
        h, c = self.cell(x[-1], (self.bag(tokens.T), last[0]))
        logits = self.heads["plain"](h) + self.heads["rms"](c)
        return [pixels, x, cells, logits, self.loss(logits, classes)]


def compare(direction, names, net, inputs, results):
    with torch.no_grad():
        wanted = net.eval()(**inputs)
    worst = max(float((results[f"out.{k}"] - t).abs().max() / max(1.0, float(t.abs().max()))) for k, t in enumerate(wanted))
    print(f"{direction}: {names} tensors, {len(wanted)} outputs, largest difference {worst:.1e}")
    return worst <= 1e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    program = parser.parse_args().program
    torch.manual_seed(2)
    inputs = {"image": torch.randn(2, 1, 6, 5), "tokens": torch.randint(11, (7, 3)), "classes": torch.tensor([2, 0, 1])}
    with tempfile.TemporaryDirectory() as folder:
        state, given, out = (pathlib.Path(folder, name) for name in ("state.safetensors", "inputs.safetensors", "out.safetensors"))
        write(given, inputs)

        net = Net()
        net(**inputs)  # running statistics that differ from the first ones
        write(state, net.state_dict())
        subprocess.run([program, "load", state, given, out], check=True)
        right = compare("PyTorch to Weft", len(net.state_dict()), net, inputs, read(out))

        subprocess.run([program, "save", state, given, out], check=True)
        net = Net()
        net.load_state_dict(read(state), strict=True)
        right &= compare("Weft to PyTorch", len(net.state_dict()), net, inputs, read(out))
    print("PyTorch", torch.__version__, "agrees" if right else "differs by more than 1e-5")
    return not right


if __name__ == "__main__":
    sys.exit(main())
